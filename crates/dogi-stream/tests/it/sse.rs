//! Server-sent events, read back by a small parser of the standard's rules.

use bytes::Bytes;
use dogi_stream::{Channel, Cursor, Framer, Framing, Piece, Position};
use proptest::prelude::*;

/// An event as the WHATWG HTML standard § 9.2.6 dispatches it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) data: String,
    pub(crate) id: String,
}

pub(crate) fn parse(stream: &[u8]) -> Vec<Event> {
    let text = std::str::from_utf8(stream).unwrap();
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut events = Vec::new();
    let (mut name, mut data, mut id) = (String::new(), String::new(), String::new());
    for line in text.split('\n') {
        if line.is_empty() {
            if data.is_empty() {
                name.clear();
                continue;
            }
            data.pop();
            let (name, data) = (std::mem::take(&mut name), std::mem::take(&mut data));
            events.push(Event {
                name,
                data,
                id: id.clone(),
            });
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => name = value.to_owned(),
            "data" => data = data + value + "\n",
            "id" if !value.contains('\0') => id = value.to_owned(),
            "" => {}
            other => panic!("field {other:?}"),
        }
    }
    events
}

/// What the format can carry of some bytes.
pub(crate) fn normalised(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .replace("\r\n", "\n")
        .replace('\r', "\n")
}

fn piece(bytes: &[u8]) -> Piece {
    let bytes = Bytes::copy_from_slice(bytes);
    // The framer counts for itself; nothing depends on this.
    Piece::Data {
        position_after: Position::START,
        channel: Channel::Stdout,
        bytes,
    }
}

fn frames(framer: &mut Framer) -> Vec<Bytes> {
    std::iter::from_fn(|| framer.next_frame()).collect()
}

fn text(pieces: &[&[u8]], end: bool) -> String {
    let mut framer = Framer::new(Framing::Sse, "r");
    let log = framer.add("log", Position::START);
    let mut out = Vec::new();
    for bytes in pieces {
        framer.push(log, piece(bytes));
        out.extend(frames(&mut framer));
    }
    if end {
        framer.end(log);
        out.extend(frames(&mut framer));
    }
    String::from_utf8(out.concat()).unwrap()
}

#[test]
fn what_stands_on_the_wire() {
    let e = "event: log\n";
    let cases: Vec<(&[&[u8]], String)> = vec![
        (
            &[b"line\n"],
            format!("{e}data: line\ndata: \nid: r;log=0:5\n\n"),
        ),
        (&[b"half"], format!("{e}data: half\nid: r;log=0:4\n\n")),
        (
            &[b"a\nb"],
            format!("{e}data: a\ndata: b\nid: r;log=0:3\n\n"),
        ),
        (&[b"\n"], format!("{e}data: \ndata: \nid: r;log=0:1\n\n")),
        (
            &[b"a\r\nb\rc"],
            format!("{e}data: a\ndata: b\ndata: c\nid: r;log=0:6\n\n"),
        ),
        // A carriage return waits for the line feed that may follow.
        (&[b"a\r"], format!("{e}data: a\nid: r;log=0:1\n\n")),
        (
            &[b"a\r", b"\nb"],
            format!("{e}data: a\nid: r;log=0:1\n\n{e}data: \ndata: b\nid: r;log=0:4\n\n"),
        ),
        (&[b"\r"], String::new()),
        (
            &[b"\r", b"\r"],
            format!("{e}data: \ndata: \nid: r;log=0:1\n\n"),
        ),
        // An incomplete character waits for its rest.
        (&[b"a\xE2\x82"], format!("{e}data: a\nid: r;log=0:1\n\n")),
        (
            &[b"\xE2", b"\x82", b"\xAC"],
            format!("{e}data: €\nid: r;log=0:3\n\n"),
        ),
        (
            &[b"\xF0\x9F\x98", b"x"],
            format!("{e}data: \u{FFFD}x\nid: r;log=0:4\n\n"),
        ),
        // What can't be a character doesn't wait.
        (&[b"\xFF"], format!("{e}data: \u{FFFD}\nid: r;log=0:1\n\n")),
        (
            &[b"\xC0\x80"],
            format!("{e}data: \u{FFFD}\u{FFFD}\nid: r;log=0:2\n\n"),
        ),
        (
            &[b"\x80\x80\x80\x80"],
            format!("{e}data: {}\nid: r;log=0:4\n\n", "\u{FFFD}".repeat(4)),
        ),
        (
            &[b"\xED\xA0"],
            format!("{e}data: \u{FFFD}\u{FFFD}\nid: r;log=0:2\n\n"),
        ),
        (
            &[b"\xF4\x90"],
            format!("{e}data: \u{FFFD}\u{FFFD}\nid: r;log=0:2\n\n"),
        ),
        // A line break ends an incomplete character.
        (
            &[b"\xE2\x82\n"],
            format!("{e}data: \u{FFFD}\ndata: \nid: r;log=0:3\n\n"),
        ),
        (&[b" : x\0"], format!("{e}data:  : x\0\nid: r;log=0:5\n\n")),
    ];
    for (pieces, expected) in cases {
        assert_eq!(text(pieces, false), expected, "{pieces:?}");
    }
}

#[test]
fn the_end_holds_nothing_back() {
    let e = "event: log\n";
    assert_eq!(
        text(&[b"\r"], true),
        format!("{e}data: \ndata: \nid: r;log=0:1\n\n")
    );
    assert_eq!(
        text(&[b"\xE2\x82"], true),
        format!("{e}data: \u{FFFD}\nid: r;log=0:2\n\n")
    );
    assert_eq!(text(&[b"x\n"], true), text(&[b"x\n"], false));
}

#[test]
fn restarts_and_the_status_are_events() {
    let mut framer = Framer::new(Framing::Sse, "r");
    let (log, file) = (
        framer.add("log", Position::START),
        framer.add("file_a", Position::START),
    );
    framer.push(log, piece(b"x"));
    framer.push(file, piece(b"old\xE2"));
    framer.push(file, Piece::Restarted { generation: 3 });
    framer.push(file, piece(b"new"));
    framer.push_status("{\n\"state\":\"succeeded\"}");
    let events = parse(&frames(&mut framer).concat());
    let told: Vec<_> = events
        .iter()
        .map(|e| (&e.name[..], &e.data[..], &e.id[..]))
        .collect();
    let expected = [
        ("log", "x", "r;log=0:1"),
        ("file_a", "old", "r;log=0:1;file_a=0:3"),
        ("file_a", "\u{FFFD}", "r;log=0:1;file_a=0:4"),
        ("truncated", "file_a", "r;log=0:1;file_a=3:0"),
        ("file_a", "new", "r;log=0:1;file_a=3:3"),
        (
            "status",
            "{\n\"state\":\"succeeded\"}",
            "r;log=0:1;file_a=3:3",
        ),
    ];
    assert_eq!(told, expected);
}

#[test]
fn keeping_alive_is_a_comment() {
    assert_eq!(parse(&Framing::Sse.keep_alive().unwrap()), []);
    assert_eq!(
        (Framing::Text.keep_alive(), Framing::Ndjson.keep_alive()),
        (None, None)
    );
}

#[test]
fn frames_are_bounded_whatever_the_bytes() {
    for byte in [b'\n', b'\r', 0xFF, 0xE2, b'x', 0] {
        for framing in [Framing::Sse, Framing::Ndjson] {
            let mut framer = Framer::new(framing, "r");
            let log = framer.add("log", Position::START);
            framer.push(log, piece(&[byte; 8192]));
            let longest = frames(&mut framer).iter().map(Bytes::len).max().unwrap();
            assert!(longest <= 14 * 1024, "{longest} for {byte} in {framing:?}");
        }
    }
}

/// Bytes that matter here are more likely.
pub(crate) fn interesting() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        Just(b"\r".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just("€".as_bytes().to_vec()),
        Just("😀".as_bytes().to_vec()),
        Just(b"\xE2\x82".to_vec()),
        Just(b"\xF0\x9F".to_vec()),
        Just(vec![b'x'; 5000]),
        Just(vec![b'\n'; 1500]),
        any::<u8>().prop_map(|byte| vec![byte]),
        "[a-z ]{1,9}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Any chunking gives the same text, and from the id of any event on, resuming gives exactly
    /// the rest.
    #[test]
    fn any_chunking_reassembles(
        bytes in interesting(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut framer = Framer::new(Framing::Sse, "r");
        let log = framer.add("log", Position::START);
        let mut out = Vec::new();
        for cut in cuts.windows(2).filter(|cut| cut[0] < cut[1]) {
            framer.push(log, piece(&bytes[cut[0]..cut[1]]));
            out.extend(frames(&mut framer));
        }
        framer.end(log);
        out.extend(frames(&mut framer));
        let events = parse(&out.concat());
        let whole: String = events.iter().map(|event| &event.data[..]).collect();
        prop_assert_eq!(&whole, &normalised(&bytes));

        let mut seen = String::new();
        for event in events {
            seen += &event.data;
            let cursor: Cursor = event.id.parse().unwrap();
            let offset = cursor.position("log").offset as usize;
            prop_assert_eq!(seen.clone() + &normalised(&bytes[offset..]), &whole[..]);
        }
    }
}
