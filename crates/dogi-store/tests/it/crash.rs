//! A real process, really killed, again and again over the same database.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use dogi_store::{Append, Durability, OutboxChange, Store};

use crate::support::{Numbers, Place, add, event, open};

const STREAMS: u64 = 8;
const ROUNDS: u64 = 25;

/// What the event of a number says: long enough for several pages, now and then.
fn body(stream: &str, sequence: u64) -> Vec<u8> {
    let length = [10, 300, 3_000, 20_000][(sequence % 4) as usize];
    let text = format!("{stream}/{sequence};");
    text.bytes().cycle().take(length).collect()
}

fn promise(stream: &str, sequence: u64) -> String {
    format!("{stream}/{sequence}")
}

/// Two events, the promise of the new state, and the end of the promise before.
fn step(stream: &str, expected: u64) -> Append {
    let mut outbox = vec![add(&promise(stream, expected), stream, 0)];
    outbox.extend(expected.checked_sub(2).map(|last| OutboxChange::Done {
        id: promise(stream, last),
    }));
    Append {
        stream: stream.to_owned(),
        expected,
        events: vec![
            event(body(stream, expected)),
            event(body(stream, expected + 1)),
        ],
        outbox,
        durability: match expected % 3 {
            0 => Durability::Written,
            _ => Durability::Synced,
        },
    }
}

#[expect(clippy::print_stdout, reason = "tells the parent")]
async fn write_on(store: Store, stream: String) {
    let mut next = store.read(&stream).await.unwrap().len() as u64;
    // Ends by itself, for the case that nobody kills it.
    for _ in 0..2_000 {
        next = store.append(step(&stream, next)).await.unwrap();
        println!("appended {stream} {next}");
        let value = next.to_string().into_bytes();
        store.put("last", &stream, value).await.unwrap();
        println!("put {stream} {next}");
    }
}

#[tokio::test]
#[ignore = "the process that `nothing_acknowledged_is_lost_in_a_crash` kills"]
#[expect(clippy::print_stdout, reason = "tells the parent")]
async fn appending_process() {
    let path = std::io::read_to_string(std::io::stdin()).unwrap();
    if !Path::new(&path).is_absolute() {
        return;
    }
    let store = open(&PathBuf::from(path));
    println!("ready");
    let writers = (0..STREAMS).map(|n| write_on(store.clone(), format!("stream{n}")));
    futures::future::join_all(writers).await;
}

fn start(path: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "--nocapture",
            "crash::appending_process",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(path.to_str().unwrap().as_bytes()).unwrap();
    child
}

/// What a process said was done, by kind and stream.
type Acknowledged = BTreeMap<(String, String), u64>;

/// Takes note of a whole line; the last one may be cut.
fn note(line: &str, acknowledged: &mut Acknowledged) {
    let words: Vec<&str> = line.split_whitespace().collect();
    if let ([kind @ ("appended" | "put"), stream, next], true) = (&words[..], line.ends_with('\n'))
    {
        let key = ((*kind).to_owned(), (*stream).to_owned());
        acknowledged.insert(key, next.parse().unwrap());
    }
}

/// Kills a process after it has said so many lines, and notes all that it has said.
fn run_and_kill(path: &Path, lines: u64, acknowledged: &mut Acknowledged) {
    let mut child = start(path);
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    for _ in 0..lines {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "it ended early");
        note(&line, acknowledged);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    for line in rest.split_inclusive('\n') {
        note(line, acknowledged);
    }
}

async fn check(store: &Store, acknowledged: &Acknowledged) {
    assert_eq!(store.check().await.unwrap(), [""; 0]);
    let streams = store.read_all(None, 100).await.unwrap();
    let lengths: BTreeMap<&str, u64> = streams
        .iter()
        .map(|stream| (stream.name.as_str(), stream.events.len() as u64))
        .collect();
    for ((kind, stream), next) in acknowledged
        .iter()
        .filter(|((kind, _), _)| kind == "appended")
    {
        let found = lengths.get(stream.as_str()).copied().unwrap_or(0);
        assert!(found >= *next, "{kind} {stream}: {found} of {next}");
    }
    for stream in &streams {
        assert_eq!(stream.events.len() % 2, 0, "half an append");
        for (sequence, event) in (0..).zip(&stream.events) {
            assert_eq!(event.sequence, sequence, "{}", stream.name);
            assert!(
                event.body == body(&stream.name, sequence),
                "{}",
                stream.name
            );
        }
    }
    let rows = store.due(u64::MAX, 100).await.unwrap();
    let promised: BTreeMap<&str, &str> = rows
        .iter()
        .map(|row| (row.stream.as_str(), row.id.as_str()))
        .collect();
    let expected: Vec<String> = lengths.iter().map(|(s, n)| promise(s, n - 2)).collect();
    assert_eq!(promised.into_values().collect::<Vec<_>>(), expected);
    assert_eq!(store.pending().await.unwrap(), expected.len() as u64);
    let values: BTreeMap<String, Vec<u8>> = store.list("last").await.unwrap().into_iter().collect();
    for ((_, stream), next) in acknowledged.iter().filter(|((kind, _), _)| kind == "put") {
        let value: u64 = str::from_utf8(&values[stream]).unwrap().parse().unwrap();
        assert!(
            value >= *next && value <= lengths[stream.as_str()],
            "{stream}"
        );
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_in_a_crash() {
    let place = Place::new();
    let mut acknowledged = Acknowledged::new();
    for round in 0..ROUNDS {
        let mut numbers = Numbers::new(round);
        // Also while it starts, and while it opens the database.
        let lines = match numbers.below(4) {
            0 => numbers.below(6),
            _ => numbers.below(400),
        };
        run_and_kill(&place.path, lines, &mut acknowledged);
        // Sometimes the next process is the one that finds what this one left.
        if numbers.below(3) == 0 {
            continue;
        }
        let store = place.open();
        check(&store, &acknowledged).await;
    }
    let store = place.open();
    check(&store, &acknowledged).await;
    let appended: u64 = acknowledged.values().sum();
    assert!(appended > 1000, "there was something to lose: {appended}");
}
