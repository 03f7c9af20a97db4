use dogi_store::{Append, OutboxRow, Store};

use crate::support::{add, both, one};

async fn due(store: &Store, now_ms: u64, limit: usize) -> Vec<String> {
    let rows = store.due(now_ms, limit).await.unwrap();
    rows.into_iter().map(|row| row.id).collect()
}

async fn fill(store: &Store, rows: &[(&str, &str, u64)]) {
    for (n, (id, lane, due_ms)) in (0..).zip(rows) {
        let append = Append {
            outbox: vec![add(id, lane, *due_ms)],
            ..one("s", n, "")
        };
        store.append(append).await.unwrap();
    }
}

#[tokio::test]
async fn a_lane_is_first_in_first_out() {
    for (store, _place) in both() {
        // a2 is due long before a1, and waits for it.
        fill(
            &store,
            &[
                ("a1", "a", 500),
                ("a2", "a", 100),
                ("b1", "b", 300),
                ("c1", "c", 200),
                ("b2", "b", 0),
            ],
        )
        .await;
        for (now, expected) in [
            (0, &[][..]),
            (199, &[]),
            (200, &["c1"]),
            (300, &["c1", "b1"]),
            (499, &["c1", "b1"]),
            (500, &["c1", "b1", "a1"]),
            (u64::MAX, &["c1", "b1", "a1"]),
        ] {
            assert_eq!(due(&store, now, 10).await, expected, "at {now}");
        }
        assert_eq!(due(&store, 1000, 2).await, ["c1", "b1"]);
        assert_eq!(due(&store, 1000, 0).await, [""; 0]);
        assert_eq!(store.next_due().await.unwrap(), Some(200));

        assert!(store.done("b1").await.unwrap());
        assert!(!store.done("b1").await.unwrap());
        assert_eq!(due(&store, 1000, 10).await, ["b2", "c1", "a1"]);
        assert!(store.done("a1").await.unwrap());
        assert_eq!(due(&store, 1000, 10).await, ["b2", "a2", "c1"]);
        assert_eq!(store.next_due().await.unwrap(), Some(0));
        assert_eq!(store.pending().await.unwrap(), 3);
    }
}

#[tokio::test]
async fn a_row_that_is_tried_again_keeps_its_place() {
    for (store, _place) in both() {
        fill(&store, &[("a1", "a", 100), ("a2", "a", 100)]).await;
        for attempt in 1..=3 {
            let later = 1000 * attempt;
            assert!(store.reschedule("a1", later).await.unwrap());
            assert_eq!(due(&store, later - 1, 10).await, [""; 0]);
            let expected = OutboxRow {
                id: "a1".to_owned(),
                stream: "s".to_owned(),
                lane: "a".to_owned(),
                due_ms: later,
                attempts: u32::try_from(attempt).unwrap(),
                body: b"body of a1".to_vec(),
            };
            assert_eq!(store.due(later, 10).await.unwrap(), [expected]);
        }
        assert!(!store.reschedule("nobody", 0).await.unwrap());
    }
}

#[tokio::test]
async fn a_promise_is_made_once() {
    for (store, _place) in both() {
        fill(&store, &[("a1", "a", 100), ("a1", "b", 0), ("b1", "b", 0)]).await;
        assert_eq!(due(&store, 1000, 10).await, ["b1", "a1"]);
        assert_eq!(store.pending().await.unwrap(), 2);
    }
}

#[tokio::test]
async fn never_is_a_time() {
    for (store, _place) in both() {
        fill(&store, &[("a1", "a", u64::MAX)]).await;
        assert_eq!(due(&store, 1 << 62, 10).await, [""; 0]);
        assert_eq!(store.next_due().await.unwrap(), Some(i64::MAX as u64));
        store.done("a1").await.unwrap();
        assert_eq!(store.next_due().await.unwrap(), None);
    }
}

#[tokio::test]
async fn the_order_holds_over_a_restart() {
    let [(store, place), _] = both();
    let place = place.unwrap();
    fill(&store, &[("a1", "a", 0), ("a2", "a", 0), ("a3", "a", 0)]).await;
    // The newest row goes: its place in the order must not be given to an older one's successor.
    store.done("a3").await.unwrap();
    store.close().await;
    let store = place.open();
    let append = Append {
        outbox: vec![add("a4", "a", 0)],
        ..one("t", 0, "")
    };
    store.append(append).await.unwrap();
    for id in ["a1", "a2", "a4"] {
        assert_eq!(due(&store, 0, 10).await, [id]);
        store.done(id).await.unwrap();
    }
}
