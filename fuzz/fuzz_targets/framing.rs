//! Whatever bytes outputs have and however they arrive: what is framed can be read back, and every
//! position stands for exactly what was sent before it.
//!
//! The input is a row of steps; the first byte of each says what is done to which output, the
//! second how many of the bytes that follow belong to it.

#![no_main]

use dogi_stream::{Channel, Cursor, Framer, Framing, Message, NdjsonDecoder, Piece, Position};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 2] = ["log", "file_a"];

/// What an output has told since it last started over.
#[derive(Default, Clone)]
struct Output {
    generation: u64,
    bytes: Vec<u8>,
    channels: Vec<Channel>,
}

enum Step<'a> {
    Bytes(usize, Channel, &'a [u8]),
    Restart(usize),
    End(usize),
}

fn steps(mut data: &[u8]) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    while let [kind, len, rest @ ..] = data {
        let output = usize::from(kind & 1);
        let (bytes, rest) = rest.split_at(rest.len().min(usize::from(*len)));
        data = rest;
        steps.push(match kind >> 1 & 7 {
            0 => Step::Restart(output),
            1 => Step::End(output),
            channel => {
                let channel =
                    [Channel::Stdout, Channel::Stderr, Channel::System][usize::from(channel % 3)];
                Step::Bytes(output, channel, bytes)
            }
        });
    }
    steps
}

/// Frames the steps; the frames are drained after each step, or all at the end.
fn frame(framing: Framing, steps: &[Step<'_>], at_once: bool) -> (Vec<u8>, Cursor, [Output; 2]) {
    let mut framer = Framer::new(framing, "run");
    let mut outputs = [Output::default(), Output::default()];
    NAMES
        .iter()
        .for_each(|name| drop(framer.add(name, Position::START).to_string()));
    let mut body = Vec::new();
    for step in steps {
        match *step {
            Step::Restart(index) => {
                let generation = outputs[index].generation + 1;
                outputs[index] = Output {
                    generation,
                    ..Output::default()
                };
                framer.push(index, Piece::Restarted { generation });
            }
            Step::End(index) => framer.end(index),
            Step::Bytes(_, _, []) => {}
            Step::Bytes(index, channel, bytes) => {
                let output = &mut outputs[index];
                output.bytes.extend_from_slice(bytes);
                output.channels.extend(bytes.iter().map(|_| channel));
                let position_after = Position::new(output.generation, output.bytes.len() as u64);
                let bytes = bytes.to_vec().into();
                framer.push(
                    index,
                    Piece::Data {
                        position_after,
                        channel,
                        bytes,
                    },
                );
            }
        }
        while let Some(frame) = at_once.then(|| framer.next_frame()).flatten() {
            body.extend_from_slice(&frame);
        }
    }
    (0..NAMES.len()).for_each(|index| framer.end(index));
    while let Some(frame) = framer.next_frame() {
        assert!(frame.len() <= 16 * 1024, "a frame of {} bytes", frame.len());
        body.extend_from_slice(&frame);
    }
    (body, framer.cursor().clone(), outputs)
}

fn index(name: &str) -> usize {
    NAMES
        .iter()
        .position(|known| *known == name)
        .expect("one of the outputs")
}

fn ndjson(body: &[u8], arrives: usize) -> [Output; 2] {
    let mut told = [Output::default(), Output::default()];
    let mut decoder = NdjsonDecoder::new();
    for part in body.chunks(arrives) {
        decoder.feed(part);
        while let Some(message) = decoder.next_message().expect("what a framer wrote") {
            match message {
                Message::Data {
                    output,
                    position,
                    channel,
                    bytes,
                } => {
                    let told = &mut told[index(&output)];
                    let channel = channel.expect("always told");
                    told.channels.extend(bytes.iter().map(|_| channel));
                    told.bytes.extend_from_slice(&bytes);
                    assert_eq!(
                        position,
                        Position::new(told.generation, told.bytes.len() as u64)
                    );
                }
                Message::Restarted { output, position } => {
                    let generation = position.generation;
                    told[index(&output)] = Output {
                        generation,
                        ..Output::default()
                    };
                }
                Message::Status(_) | Message::Queued(_) => panic!("nobody gave one"),
            }
        }
    }
    told
}

/// Events as (name, data, id), by the rules of the standard.
fn events(body: &[u8]) -> Vec<(String, String, String)> {
    let text = std::str::from_utf8(body).expect("events are UTF-8");
    assert!(!text.contains('\r'));
    let parse = |event: &str| {
        let (mut name, mut data, mut id) = (None, Vec::new(), None);
        for line in event.split('\n') {
            match line.split_once(": ").expect("a field and a value") {
                ("event", value) => name = Some(value.to_owned()),
                ("data", value) => data.push(value),
                ("id", value) => id = Some(value.to_owned()),
                other => panic!("{other:?}"),
            }
        }
        (name.expect("a name"), data.join("\n"), id.expect("an id"))
    };
    text.split_terminator("\n\n").map(parse).collect()
}

/// What events can carry of some bytes.
fn normalised(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .replace("\r\n", "\n")
        .replace('\r', "\n")
}

fn sse(body: &[u8], outputs: &[Output; 2], ended_early: bool) {
    let mut told = [String::new(), String::new()];
    let mut seen = Vec::new();
    for (name, data, id) in events(body) {
        if name == "truncated" {
            told[index(&data)].clear();
        } else {
            told[index(&name)] += &data;
        }
        seen.push((
            told.clone(),
            id.parse::<Cursor>().expect("an id is a cursor"),
        ));
    }
    // An output that was said to end in the middle of a character or line break was decided there.
    if ended_early {
        return;
    }
    for (index, output) in outputs.iter().enumerate() {
        let whole = normalised(&output.bytes);
        assert_eq!(told[index], whole);
        for (told, cursor) in &seen {
            let at = cursor.position(NAMES[index]);
            if at.generation == output.generation {
                let rest = normalised(&output.bytes[at.offset as usize..]);
                assert_eq!(told[index].clone() + &rest, whole);
            }
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let (at_once, arrives) = (first & 1 == 1, 1 + usize::from(first >> 1));
    let steps = steps(rest);
    let ended_early = steps.iter().any(|step| matches!(step, Step::End(_)));

    let (body, cursor, outputs) = frame(Framing::Ndjson, &steps, at_once);
    let told = ndjson(&body, arrives);
    for (index, output) in outputs.iter().enumerate() {
        assert!(told[index].bytes == output.bytes && told[index].channels == output.channels);
        let end = Position::new(output.generation, output.bytes.len() as u64);
        assert_eq!(cursor.position(NAMES[index]), end);
    }
    let (body, sse_cursor, outputs) = frame(Framing::Sse, &steps, at_once);
    sse(&body, &outputs, ended_early);
    assert_eq!(sse_cursor, cursor);
    assert_eq!(frame(Framing::Text, &steps, at_once).1, cursor);

    // What comes from outside.
    let mut decoder = NdjsonDecoder::new().with_limit(1000);
    decoder.feed(rest);
    (0..=rest.len()).for_each(|_| drop(decoder.next_message()));
    if let Some(cursor) = std::str::from_utf8(rest)
        .ok()
        .and_then(|text| text.parse::<Cursor>().ok())
    {
        assert_eq!(
            cursor
                .to_string()
                .parse::<Cursor>()
                .map(|again| again.to_string()),
            Ok(cursor.to_string())
        );
    }
});
