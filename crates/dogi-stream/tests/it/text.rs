//! Text: the bytes themselves.

use std::process::Command;

use bytes::Bytes;
use dogi_stream::{Channel, Framer, Framing, Piece, Position};

fn data(bytes: impl Into<Bytes>) -> Piece {
    let (bytes, channel) = (bytes.into(), Channel::Stdout);
    Piece::Data {
        position_after: Position::new(0, bytes.len() as u64),
        channel,
        bytes,
    }
}

fn frames(framer: &mut Framer) -> Vec<Bytes> {
    std::iter::from_fn(|| framer.next_frame()).collect()
}

fn joined(framer: &mut Framer) -> String {
    String::from_utf8(frames(framer).concat()).unwrap()
}

#[test]
fn bytes_are_passed_on_without_copying() {
    for outputs in [1, 3] {
        let mut framer = Framer::new(Framing::Text, "run");
        for index in 0..outputs {
            framer.add(&format!("o{index}"), Position::START);
        }
        let bytes = Bytes::from(vec![0xFF; 8192]);
        let address = bytes.as_ptr();
        framer.push(0, data(bytes));
        let frames = frames(&mut framer);
        assert_eq!(frames.last().unwrap().as_ptr(), address);
        assert_eq!(frames.len(), outputs.min(2));
    }
}

#[test]
fn one_output_has_no_header() {
    let mut framer = Framer::new(Framing::Text, "run");
    let log = framer.add("log", Position::START);
    framer.push(log, data("aü"));
    framer.push(log, Piece::Restarted { generation: 1 });
    framer.push(log, data("b"));
    framer.end(log);
    assert_eq!(joined(&mut framer), "aüb");
    assert_eq!(framer.cursor().to_string(), "run;log=1:1");
}

#[test]
fn headers_stand_where_the_output_changes() {
    let mut framer = Framer::new(Framing::Text, "run");
    let (a, b) = (
        framer.add("log", Position::START),
        framer.add("file_data", Position::START),
    );
    framer.push(a, data("one\n"));
    framer.push(a, data("two"));
    framer.push(b, data("three\n"));
    framer.push(b, Piece::Restarted { generation: 1 });
    framer.push(b, data("four\n"));
    framer.push(a, data("\nfive\n"));
    framer.push_status("{}");
    let expected = "==> log <==\none\ntwo\n==> file_data <==\nthree\nfour\n\n==> log <==\n\nfive\n\
                    \n==> status <==\n{}\n";
    assert_eq!(joined(&mut framer), expected);
}

#[test]
fn a_status_of_one_output_has_no_header() {
    let mut framer = Framer::new(Framing::Text, "run");
    framer.add("log", Position::START);
    framer.push_status("{\"exit_code\":0}");
    assert_eq!(joined(&mut framer), "{\"exit_code\":0}\n");
}

#[test]
fn names_cannot_forge_lines() {
    let mut framer = Framer::new(Framing::Text, "run");
    let (a, _) = (
        framer.add("a\n\u{1b}b", Position::START),
        framer.add("c", Position::START),
    );
    framer.push(a, data("x"));
    assert_eq!(joined(&mut framer), "==> a??b <==\nx");
}

/// The same as the real program prints, over contents with and without a newline at the end.
#[test]
fn headers_are_those_of_tail() {
    let contents: [&[u8]; 5] = [b"x", b"x\n", b"x\n\n", b"\n", b"x\r\ny\xFF"];
    let directory = tempfile::TempDir::new().unwrap();
    for first in contents {
        for second in contents {
            for third in contents {
                let mut framer = Framer::new(Framing::Text, "run");
                let mut tail = Command::new("tail");
                tail.args(["-n", "+1"]).current_dir(directory.path());
                for (name, content) in [("log", first), ("file_a", second), ("file_b", third)] {
                    std::fs::write(directory.path().join(name), content).unwrap();
                    tail.arg(name);
                    let output = framer.add(name, Position::START);
                    framer.push(output, data(content));
                }
                let tail = tail.output().unwrap();
                assert!(tail.status.success());
                assert_eq!(frames(&mut framer).concat(), tail.stdout);
            }
        }
    }
}
