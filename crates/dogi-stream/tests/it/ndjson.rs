//! NDJSON: exact bytes.

use bytes::Bytes;
use dogi_stream::{Channel, Cursor, Framer, Framing, Message, NdjsonDecoder, Piece, Position};
use proptest::prelude::*;

use crate::sse::interesting;

fn piece(channel: Channel, bytes: &[u8]) -> Piece {
    let bytes = Bytes::copy_from_slice(bytes);
    Piece::Data {
        position_after: Position::START,
        channel,
        bytes,
    }
}

fn frames(framer: &mut Framer) -> Vec<Bytes> {
    std::iter::from_fn(|| framer.next_frame()).collect()
}

#[test]
fn what_stands_on_the_wire() {
    use Channel::{Stderr, Stdout, System};
    let line = |position: &str, stream: &str, data: &str| {
        format!(
            "{{\"output\":\"log\",\"position\":\"{position}\",\"stream\":\"{stream}\",{data}}}\n"
        )
    };
    type Case = (&'static [(Channel, &'static [u8])], Vec<String>);
    let cases: Vec<Case> = vec![
        (
            &[(Stdout, b"a\n")],
            vec![line("0:2", "stdout", r#""data":"a\n""#)],
        ),
        (
            &[(System, b"\"\\\0\r\x1b")],
            vec![line("0:5", "system", r#""data":"\"\\\u0000\r\u001b""#)],
        ),
        (
            &[(Stderr, b"\xFF")],
            vec![line("0:1", "stderr", r#""data_base64":"/w==""#)],
        ),
        (
            &[(Stderr, b"a\xFFb")],
            vec![line("0:3", "stderr", r#""data_base64":"Yf9i""#)],
        ),
        // An incomplete character waits, unless another channel speaks.
        (&[(Stdout, b"\xE2\x82")], vec![]),
        (
            &[(Stdout, b"a\xE2\x82"), (Stdout, b"\xAC")],
            vec![
                line("0:1", "stdout", r#""data":"a""#),
                line("0:4", "stdout", r#""data":"€""#),
            ],
        ),
        (
            &[(Stdout, b"\xE2\x82"), (Stderr, b"x")],
            vec![
                line("0:2", "stdout", r#""data_base64":"4oI=""#),
                line("0:3", "stderr", r#""data":"x""#),
            ],
        ),
    ];
    for (pieces, expected) in cases {
        let mut framer = Framer::new(Framing::Ndjson, "r");
        let log = framer.add("log", Position::START);
        pieces
            .iter()
            .for_each(|(channel, bytes)| framer.push(log, piece(*channel, bytes)));
        let frames = frames(&mut framer).concat();
        assert_eq!(
            String::from_utf8(frames).unwrap(),
            expected.concat(),
            "{pieces:?}"
        );
    }
}

#[test]
fn restarts_and_the_status_are_objects() {
    let mut framer = Framer::new(Framing::Ndjson, "r");
    let file = framer.add("file_a", Position::new(1, 7));
    framer.push(file, piece(Channel::Stdout, b"\xE2"));
    framer.push(file, Piece::Restarted { generation: 2 });
    framer.push_status(r#"{"state": "failed"}"#);
    framer.push_status("no json");
    let expected = concat!(
        r#"{"output":"file_a","position":"1:8","stream":"stdout","data_base64":"4g=="}"#,
        "\n",
        r#"{"output":"file_a","position":"2:0","truncated":true}"#,
        "\n",
        r#"{"output":"status","status":{"state":"failed"}}"#,
        "\n",
        r#"{"output":"status","status":"no json"}"#,
        "\n",
    );
    assert_eq!(
        String::from_utf8(frames(&mut framer).concat()).unwrap(),
        expected
    );
}

#[test]
fn a_place_in_the_queue_is_told_in_every_framing_and_moves_no_cursor() {
    for (framing, expected) in [
        (Framing::Text, "dogi: queued, number 7 in line\n"),
        (Framing::Sse, "event: queued\ndata: 7\n\n"),
        (Framing::Ndjson, "{\"output\":\"status\",\"queued\":7}\n"),
    ] {
        assert_eq!(framing.queued(7), expected);
    }
    let mut decoder = NdjsonDecoder::new();
    decoder.feed(&Framing::Ndjson.queued(7));
    let message = decoder.next_message().unwrap().unwrap();
    assert_eq!(message, Message::Queued(7));
    let mut cursor = Cursor::new("run7");
    message.advance(&mut cursor);
    assert_eq!(cursor, Cursor::new("run7"));
}

fn channel() -> impl Strategy<Value = Channel> {
    prop::sample::select(vec![Channel::Stdout, Channel::Stderr, Channel::System])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Framed in any chunks and decoded in any others: the exact bytes and channels, and from
    /// every position the exact rest.
    #[test]
    fn any_chunking_reassembles(
        pieces in prop::collection::vec((channel(), interesting()), 0..12),
        arrives in 1..3000_usize,
    ) {
        let mut framer = Framer::new(Framing::Ndjson, "r");
        let log = framer.add("log", Position::START);
        let mut all = Vec::new();
        let mut body = Vec::new();
        for (channel, bytes) in pieces.iter().filter(|(_, bytes)| !bytes.is_empty()) {
            framer.push(log, piece(*channel, bytes));
            body.extend(frames(&mut framer));
            all.extend(bytes.iter().map(|byte| (*channel, *byte)));
        }
        framer.end(log);
        body.extend(frames(&mut framer));

        let mut decoder = NdjsonDecoder::new();
        let mut got = Vec::new();
        for chunk in body.concat().chunks(arrives) {
            decoder.feed(chunk);
            while let Some(message) = decoder.next_message().unwrap() {
                let Message::Data { output, position, channel, bytes } = message else {
                    panic!("{message:?}")
                };
                got.extend(bytes.iter().map(|byte| (channel.unwrap(), *byte)));
                prop_assert_eq!(output, "log");
                prop_assert_eq!(position, Position::new(0, got.len() as u64));
            }
        }
        prop_assert_eq!(got, all);
    }
}
