//! Whatever is done in whatever order: the store is what a few maps are.

use std::collections::BTreeMap;

use dogi_store::{Append, AppendError, Durability, OutboxChange, Store};
use proptest::{collection::vec, prelude::*};

use crate::support::{Place, event};

#[derive(Debug, Clone)]
enum Change {
    Add { id: u8, lane: u8, due_ms: u64 },
    Done { id: u8 },
}

#[derive(Debug, Clone)]
enum Step {
    Append {
        stream: u8,
        /// How far from right; mostly 0.
        off: u64,
        bodies: Vec<Vec<u8>>,
        outbox: Vec<Change>,
    },
    Forget(Vec<u8>),
    Done(u8),
    Reschedule(u8, u64),
    Put(u8, u8, Vec<u8>),
    Remove(u8, u8),
    Compact,
    Reopen,
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        3 => (0..6_u8, 0..3_u8, 0..5_u64).prop_map(|(id, lane, due_ms)| Change::Add { id, lane, due_ms }),
        1 => (0..6_u8).prop_map(|id| Change::Done { id }),
    ];
    vec(change, 0..3)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let body = || vec(any::<u8>(), 0..40);
    let append = (
        0..4_u8,
        prop_oneof![6 => Just(0), 1 => 1..3_u64],
        vec(body(), 0..4),
        changes(),
    );
    let step = prop_oneof![
        8 => append.prop_map(|(stream, off, bodies, outbox)| Step::Append { stream, off, bodies, outbox }),
        1 => vec(0..4_u8, 0..3).prop_map(Step::Forget),
        1 => (0..6_u8).prop_map(Step::Done),
        2 => (0..6_u8, 0..5_u64).prop_map(|(id, due)| Step::Reschedule(id, due)),
        2 => (0..2_u8, 0..3_u8, body()).prop_map(|(space, key, value)| Step::Put(space, key, value)),
        1 => (0..2_u8, 0..3_u8).prop_map(|(space, key)| Step::Remove(space, key)),
        1 => Just(Step::Compact),
        1 => Just(Step::Reopen),
    ];
    vec(step, 0..30)
}

#[derive(Debug, Clone)]
struct Row {
    id: String,
    stream: String,
    lane: String,
    due_ms: u64,
    attempts: u32,
}

#[derive(Debug, Default)]
struct Model {
    streams: BTreeMap<String, Vec<Vec<u8>>>,
    outbox: Vec<Row>,
    values: BTreeMap<(String, String), Vec<u8>>,
}

impl Model {
    fn next(&self, stream: &str) -> u64 {
        self.streams.get(stream).map_or(0, Vec::len) as u64
    }

    fn append(&mut self, append: &Append) {
        for event in &append.events {
            let events = self.streams.entry(append.stream.clone()).or_default();
            events.push(event.body.clone());
        }
        for change in &append.outbox {
            match change {
                OutboxChange::Done { id } => self.outbox.retain(|row| row.id != *id),
                OutboxChange::Add { id, .. } if self.outbox.iter().any(|row| row.id == *id) => {}
                OutboxChange::Add {
                    id, lane, due_ms, ..
                } => self.outbox.push(Row {
                    id: id.clone(),
                    stream: append.stream.clone(),
                    lane: lane.clone(),
                    due_ms: *due_ms,
                    attempts: 0,
                }),
            }
        }
    }

    fn due(&self, now_ms: u64) -> Vec<&Row> {
        let mut heads: Vec<&Row> = Vec::new();
        for row in &self.outbox {
            if heads.iter().all(|head| head.lane != row.lane) {
                heads.push(row);
            }
        }
        heads.retain(|head| head.due_ms <= now_ms);
        heads.sort_by_key(|head| head.due_ms);
        heads
    }
}

fn name(n: u8) -> String {
    ["", "a", "b", "ab", "é", "z"][n as usize].to_owned()
}

fn to_append(model: &Model, step: (u8, u64, Vec<Vec<u8>>, Vec<Change>)) -> Append {
    let (stream, off, bodies, outbox) = step;
    let stream = name(stream);
    let outbox = outbox.into_iter().map(|change| match change {
        Change::Done { id } => OutboxChange::Done { id: name(id) },
        Change::Add { id, lane, due_ms } => OutboxChange::Add {
            id: name(id),
            lane: name(lane),
            due_ms,
            body: vec![id],
        },
    });
    Append {
        expected: model.next(&stream) + off,
        stream,
        events: bodies.into_iter().map(event).collect(),
        outbox: outbox.collect(),
        durability: Durability::Written,
    }
}

async fn take(store: &mut Store, place: Option<&Place>, model: &mut Model, step: Step) {
    match step {
        Step::Append {
            stream,
            off,
            bodies,
            outbox,
        } => {
            let append = to_append(model, (stream, off, bodies, outbox));
            let outcome = store.append(append.clone()).await;
            let found = model.next(&append.stream);
            if off == 0 {
                model.append(&append);
                assert_eq!(outcome.unwrap(), model.next(&append.stream));
            } else {
                let error = outcome.unwrap_err();
                assert!(matches!(error, AppendError::Conflict { found: f, .. } if f == found));
            }
        }
        Step::Forget(streams) => {
            let streams: Vec<String> = streams.into_iter().map(name).collect();
            let forgotten = store.forget(&streams).await.unwrap();
            let gone = streams
                .iter()
                .filter_map(|stream| model.streams.remove(stream));
            assert_eq!(
                forgotten,
                gone.map(|events| events.len() as u64).sum::<u64>()
            );
            model.outbox.retain(|row| !streams.contains(&row.stream));
        }
        Step::Done(id) => {
            let before = model.outbox.len();
            model.outbox.retain(|row| row.id != name(id));
            assert_eq!(
                store.done(&name(id)).await.unwrap(),
                model.outbox.len() < before
            );
        }
        Step::Reschedule(id, due_ms) => {
            let row = model.outbox.iter_mut().find(|row| row.id == name(id));
            assert_eq!(
                store.reschedule(&name(id), due_ms).await.unwrap(),
                row.is_some()
            );
            if let Some(row) = row {
                row.due_ms = due_ms;
                row.attempts += 1;
            }
        }
        Step::Put(space, key, value) => {
            store
                .put(&name(space), &name(key), value.clone())
                .await
                .unwrap();
            model.values.insert((name(space), name(key)), value);
        }
        Step::Remove(space, key) => {
            let removed = model.values.remove(&(name(space), name(key)));
            assert_eq!(
                store.remove(&name(space), &name(key)).await.unwrap(),
                removed.is_some()
            );
        }
        Step::Compact => store.compact().await.unwrap(),
        Step::Reopen => {
            if let Some(place) = place {
                store.close().await;
                *store = place.open();
            }
        }
    }
}

async fn compare(store: &Store, model: &Model) {
    let page = store.read_all(None, 2).await.unwrap();
    let after = page.last().map(|stream| stream.name.as_str());
    let rest = match after {
        Some(after) => store.read_all(Some(after), 100).await.unwrap(),
        None => Vec::new(),
    };
    let mut streams = BTreeMap::new();
    for stream in page.into_iter().chain(rest) {
        assert_eq!(store.read(&stream.name).await.unwrap(), stream.events);
        for (sequence, event) in (0..).zip(&stream.events) {
            assert_eq!(event.sequence, sequence);
        }
        let bodies: Vec<_> = stream.events.into_iter().map(|event| event.body).collect();
        streams.insert(stream.name, bodies);
    }
    assert_eq!(streams, model.streams);

    for now in 0..5 {
        let due = store.due(now, 100).await.unwrap();
        let due: Vec<_> = due
            .iter()
            .map(|row| (&row.id, &row.stream, &row.lane, row.due_ms, row.attempts))
            .collect();
        let expected = model.due(now);
        let expected: Vec<_> = expected
            .iter()
            .map(|row| (&row.id, &row.stream, &row.lane, row.due_ms, row.attempts))
            .collect();
        assert_eq!(due, expected);
    }
    let first = model.due(u64::MAX).first().map(|row| row.due_ms);
    assert_eq!(store.next_due().await.unwrap(), first);
    for space in [name(0), name(1)] {
        let of_space = model.values.iter().filter(|((s, _), _)| *s == space);
        let expected: Vec<_> = of_space
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect();
        assert_eq!(store.list(&space).await.unwrap(), expected);
    }
    let counts = store.counts().await.unwrap();
    let events: usize = model.streams.values().map(Vec::len).sum();
    let expected = [
        model.streams.len(),
        events,
        model.outbox.len(),
        model.values.len(),
    ];
    let found = [counts.streams, counts.events, counts.outbox, counts.values];
    assert_eq!(found, expected.map(|n| n as u64));
}

async fn run(mut store: Store, place: Option<Place>, steps: Vec<Step>) {
    let mut model = Model::default();
    for step in steps {
        take(&mut store, place.as_ref(), &mut model, step).await;
        compare(&store, &model).await;
    }
    assert_eq!(store.check().await.unwrap(), [""; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_store_is_what_a_few_maps_are(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let place = Place::new();
        runtime.block_on(run(Store::memory().unwrap(), None, steps.clone()));
        runtime.block_on(run(place.open(), Some(place), steps));
    }
}
