use dogi_store::{Append, AppendError, Durability, Event, NewEvent, OutboxChange, Store};
use futures::future::join_all;

use crate::support::{Place, add, bodies, both, event, one};

#[tokio::test]
async fn events_come_back_as_they_were() {
    let events = [
        ("submitted", 1, 0, &b""[..]),
        ("", u32::MAX, 1_700_000_000_000, b"\0\xff binary \xf0\x9f"),
        ("ended", 0, 7, &[b'x'; 100_000]),
    ];
    let new = events.map(|(kind, version, at_ms, body)| NewEvent {
        kind: kind.to_owned(),
        version,
        at_ms,
        body: body.to_vec(),
    });
    for (store, _place) in both() {
        let append = Append {
            events: new.to_vec(),
            ..one("a/b \"c\" é", 0, "")
        };
        assert_eq!(store.append(append).await.unwrap(), 3);
        let expected: Vec<Event> = (0..)
            .zip(new.clone())
            .map(|(sequence, new)| Event {
                sequence,
                kind: new.kind,
                version: new.version,
                at_ms: new.at_ms,
                body: new.body,
            })
            .collect();
        assert_eq!(store.read("a/b \"c\" é").await.unwrap(), expected);
        assert_eq!(store.read("a/b").await.unwrap(), []);
    }
}

#[tokio::test]
async fn an_unexpected_number_is_a_conflict_and_changes_nothing() {
    for (store, _place) in both() {
        store.append(one("s", 0, "first")).await.unwrap();
        store.append(one("s", 1, "second")).await.unwrap();
        for (stream, expected, found) in [
            ("s", 0, 2),
            ("s", 1, 2),
            ("s", 3, 2),
            ("s", u64::MAX, 2),
            ("t", 1, 0),
        ] {
            let append = Append {
                outbox: vec![add("promise", "lane", 0)],
                ..one(stream, expected, "too much")
            };
            let error = store.append(append).await.unwrap_err();
            let message =
                format!("the next event of stream {stream:?} has number {found}, not {expected}");
            assert_eq!(error.to_string(), message);
            assert!(
                matches!(&error, AppendError::Conflict { stream: s, expected: e, found: f }
                    if s == stream && *e == expected && *f == found),
                "{error:?}"
            );
        }
        assert_eq!(bodies(&store, "s").await, ["first", "second"]);
        assert_eq!(store.pending().await.unwrap(), 0);
        assert_eq!(store.counts().await.unwrap().streams, 1);
    }
}

#[tokio::test]
async fn an_append_without_events_changes_the_outbox_only() {
    for (store, _place) in both() {
        store.append(one("s", 0, "first")).await.unwrap();
        let append = Append {
            events: Vec::new(),
            outbox: vec![add("promise", "lane", 0)],
            ..one("s", 1, "")
        };
        assert_eq!(store.append(append.clone()).await.unwrap(), 1);
        assert_eq!(store.pending().await.unwrap(), 1);
        // It says what it expects all the same.
        let late = Append {
            expected: 0,
            ..append
        };
        let error = store.append(late).await.unwrap_err();
        assert!(
            matches!(error, AppendError::Conflict { found: 1, .. }),
            "{error}"
        );
    }
}

#[tokio::test]
async fn of_those_who_append_at_the_same_place_one_wins() {
    for (store, _place) in both() {
        for round in 0..10 {
            let rivals = (0..20).map(|rival| store.append(one("s", round, rival.to_string())));
            let outcomes = join_all(rivals).await;
            let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
            assert_eq!(won, 1);
            for error in outcomes.into_iter().filter_map(Result::err) {
                assert!(
                    matches!(error, AppendError::Conflict { found, .. } if found == round + 1),
                    "{error}"
                );
            }
        }
        assert_eq!(store.read("s").await.unwrap().len(), 10);
    }
}

/// Counted, not timed: how many transactions, and how many waits for the disk.
#[tokio::test]
async fn appends_at_the_same_time_share_a_wait_for_the_disk() {
    let place = Place::new();
    let store = place.open();
    let appends = (0..500).map(|n| {
        let store = store.clone();
        async move { store.append(one(&format!("s{n}"), 0, n.to_string())).await }
    });
    for outcome in join_all(appends).await {
        outcome.unwrap();
    }
    let stats = store.stats();
    assert_eq!(stats.writes, 500);
    assert!(stats.syncs <= 50, "{stats:?}");
    assert_eq!(stats.syncs, stats.commits);
    assert_eq!(store.counts().await.unwrap().events, 500);
}

#[tokio::test]
async fn a_group_is_synced_only_if_a_member_asks_for_it() {
    let place = Place::new();
    let store = place.open();
    let written = |n: u64| Append {
        durability: Durability::Written,
        ..one("s", n, "written")
    };
    for n in 0..5 {
        store.append(written(n)).await.unwrap();
    }
    assert_eq!(store.stats().syncs, 0);
    store.append(one("s", 5, "synced")).await.unwrap();
    assert_eq!(store.stats().syncs, 1);
    store.append(written(6)).await.unwrap();
    assert_eq!((store.stats().commits, store.stats().syncs), (7, 1));
}

#[tokio::test]
async fn a_member_that_fails_leaves_the_rest_of_its_group_alone() {
    for (store, _place) in both() {
        let appends = (0..200_u64).map(|n| {
            // Every third has a conflict, after it would have added to the outbox.
            let expected = u64::from(n % 3 == 0);
            let append = Append {
                outbox: vec![add(&format!("p{n}"), "lane", 0)],
                ..one(&format!("s{n:03}"), expected, "body")
            };
            store.append(append)
        });
        let outcomes = join_all(appends).await;
        for (n, outcome) in outcomes.iter().enumerate() {
            assert_eq!(outcome.is_ok(), n % 3 != 0, "{n}: {outcome:?}");
        }
        let counts = store.counts().await.unwrap();
        assert_eq!(
            (counts.streams, counts.events, counts.outbox),
            (133, 133, 133)
        );
        assert!(store.stats().commits < 200, "{:?}", store.stats());
    }
}

/// SQLite takes no more than 1,000,000,000 bytes in one piece: the event before it is undone.
#[tokio::test]
async fn an_append_that_fails_in_the_middle_is_undone_alone() {
    for (store, _place) in both() {
        let appends = (0..20_u64).map(|n| {
            let mut append = one(&format!("s{n:02}"), 0, "first");
            append.outbox = vec![add(&format!("p{n}"), "lane", 0)];
            if n == 7 {
                // Zeros that nobody touches take no memory.
                append.events.push(event(Vec::new()));
                append.events[1].body = vec![0; 1_000_000_001];
            }
            store.append(append)
        });
        let outcomes = join_all(appends).await;
        for (n, outcome) in outcomes.iter().enumerate() {
            assert_eq!(outcome.is_ok(), n != 7, "{n}: {outcome:?}");
        }
        let error = outcomes[7].as_ref().unwrap_err();
        assert!(matches!(error, AppendError::Sqlite { .. }), "{error:?}");
        assert_eq!(error.to_string(), "could not append to stream \"s07\"");
        assert_eq!(store.read("s07").await.unwrap(), []);
        let counts = store.counts().await.unwrap();
        assert_eq!((counts.events, counts.outbox), (19, 19));
        assert!(store.stats().commits < 19, "{:?}", store.stats());
    }
}

#[tokio::test]
async fn streams_are_read_in_pages_of_whole_streams() {
    for (store, _place) in both() {
        for name in ["b", "", "a", "ä", "B", "ab"] {
            for n in 0..3 {
                store
                    .append(one(name, n, format!("{name}{n}")))
                    .await
                    .unwrap();
            }
        }
        let order = ["", "B", "a", "ab", "b", "ä"];
        for limit in 1..=7 {
            let mut names: Vec<String> = Vec::new();
            loop {
                let after = names.last().map(String::as_str);
                let page = store.read_all(after, limit).await.unwrap();
                for stream in &page {
                    let bodies: Vec<_> =
                        stream.events.iter().map(|event| &event.body[..]).collect();
                    let expected = [0, 1, 2].map(|n| format!("{}{n}", stream.name));
                    assert_eq!(bodies, expected.each_ref().map(String::as_bytes));
                }
                let was_last = page.len() < limit;
                names.extend(page.into_iter().map(|stream| stream.name));
                if was_last {
                    break;
                }
            }
            assert_eq!(names, order, "pages of {limit}");
        }
        assert_eq!(store.read_all(None, 0).await.unwrap(), []);
        assert_eq!(store.read_all(Some("ä"), 10).await.unwrap(), []);
        // Between two names.
        assert_eq!(store.read_all(Some("aa"), 1).await.unwrap()[0].name, "ab");
    }
}

#[tokio::test]
async fn what_is_forgotten_is_gone_with_its_promises() {
    for (store, _place) in both() {
        for name in ["a", "b", "c"] {
            let append = Append {
                events: vec![event("1"), event("2")],
                outbox: vec![add(&format!("promise of {name}"), "lane", 0)],
                ..one(name, 0, "")
            };
            store.append(append).await.unwrap();
        }
        assert_eq!(store.forget(&["a", "c", "nobody"]).await.unwrap(), 4);
        let left = store.read_all(None, 10).await.unwrap();
        assert_eq!(left.iter().map(|s| &s.name[..]).collect::<Vec<_>>(), ["b"]);
        let due = store.due(u64::MAX, 10).await.unwrap();
        assert_eq!(
            due.iter().map(|row| &row.id[..]).collect::<Vec<_>>(),
            ["promise of b"]
        );
        // The name begins anew.
        assert_eq!(store.append(one("a", 0, "again")).await.unwrap(), 1);
        assert_eq!(store.forget::<&str>(&[]).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_done_row_leaves_with_the_event_that_says_so() {
    for (store, _place) in both() {
        let promise = Append {
            outbox: vec![add("promise", "lane", 0)],
            ..one("s", 0, "asked")
        };
        store.append(promise).await.unwrap();
        let done = |expected| Append {
            outbox: vec![OutboxChange::Done {
                id: "promise".to_owned(),
            }],
            ..one("s", expected, "told")
        };
        store.append(done(0)).await.unwrap_err();
        assert_eq!(store.pending().await.unwrap(), 1);
        store.append(done(1)).await.unwrap();
        assert_eq!(store.pending().await.unwrap(), 0);
        // Told twice: no error.
        store.append(done(2)).await.unwrap();
    }
}

#[tokio::test]
async fn an_append_that_nobody_waits_for_is_whole_or_not_there() {
    let place = Place::new();
    let store = place.open();
    for n in 0..50 {
        let append = Append {
            events: vec![event("1"), event("2"), event("3")],
            ..one(&format!("s{n}"), 0, "")
        };
        let mut future = Box::pin(store.append(append));
        // Sent, and dropped before there is an answer.
        assert!(futures::poll!(&mut future).is_pending());
        drop(future);
    }
    store.append(one("last", 0, "")).await.unwrap();
    for stream in store.read_all(None, 100).await.unwrap() {
        let events = if stream.name == "last" { 1 } else { 3 };
        assert_eq!(stream.events.len(), events, "{}", stream.name);
    }
}

#[tokio::test]
async fn a_closed_store_says_so() {
    for (store, _place) in both() {
        store.append(one("s", 0, "first")).await.unwrap();
        let clone = store.clone();
        store.close().await;
        store.close().await;
        let error = clone.append(one("s", 1, "late")).await.unwrap_err();
        assert!(matches!(error, AppendError::Closed { .. }));
        let told = [
            error.to_string(),
            clone.read("s").await.unwrap_err().to_string(),
            clone.ping().await.unwrap_err().to_string(),
            clone.compact().await.unwrap_err().to_string(),
            clone.size().await.unwrap_err().to_string(),
        ];
        let expected = [
            "the store is closed: nothing was appended to stream \"s\"",
            "the store is closed: could not read stream \"s\"",
            "the store is closed: could not write to the database",
            "the store is closed: could not shrink the database",
            "the store is closed: could not read the size",
        ];
        assert_eq!(told, expected);
    }
}

/// What was queued is committed before the last clone is gone.
#[tokio::test]
async fn dropping_the_last_clone_finishes_what_was_begun() {
    let place = Place::new();
    let store: Store = place.open();
    for n in 0..100 {
        let mut future = Box::pin(store.append(one(&format!("s{n}"), 0, "")));
        assert!(futures::poll!(&mut future).is_pending());
    }
    drop(store);
    let store = place.open();
    assert_eq!(store.counts().await.unwrap().streams, 100);
}
