//! What the governor would give up: pure decisions.

use dogi_engine::{
    governor::{Budgets, Item, plan},
    ports::{Kept, KeptKind},
};
use dogi_job::UnixMillis;
use proptest::prelude::*;

fn item(kind: KeptKind, bytes: u64, last_used: u64, in_use: bool) -> Item {
    Item {
        kind,
        makes_room: true,
        kept: Kept {
            id: String::new(),
            label: String::new(),
            bytes,
            last_used: UnixMillis(last_used),
            in_use,
        },
    }
}

const BUDGETS: Budgets = Budgets {
    mirrors: 100,
    images: 100,
    runs: 100,
};

#[test]
fn cases() {
    use KeptKind::{Images, Mirrors, Runs};
    let elsewhere = Item {
        makes_room: false,
        ..item(Images, 60, 1, false)
    };
    let cases: Vec<(&str, Vec<Item>, u64, Vec<usize>)> = vec![
        ("nothing is kept", vec![], 1000, vec![]),
        (
            "within the budget",
            vec![item(Runs, 100, 1, false)],
            0,
            vec![],
        ),
        (
            "the least recently used goes first",
            vec![
                item(Runs, 60, 3, false),
                item(Runs, 60, 1, false),
                item(Runs, 60, 2, false),
            ],
            0,
            vec![1, 2],
        ),
        (
            "what is in use counts and stays",
            vec![item(Mirrors, 500, 1, true), item(Mirrors, 10, 2, false)],
            0,
            vec![1],
        ),
        (
            "budgets are kinds' own",
            vec![item(Mirrors, 90, 1, false), item(Images, 90, 2, false)],
            0,
            vec![],
        ),
        (
            "for room, the oldest of all kinds goes",
            vec![
                item(Mirrors, 50, 2, false),
                item(Images, 50, 1, false),
                item(Runs, 50, 3, false),
            ],
            60,
            vec![1, 0],
        ),
        (
            "where nothing is enough, only what can be had again goes",
            vec![item(Runs, 50, 1, false), item(Mirrors, 50, 2, false)],
            101,
            vec![1],
        ),
        (
            "what goes for its budget makes room, too",
            vec![item(Runs, 150, 2, false), item(Images, 50, 1, false)],
            100,
            vec![0],
        ),
        (
            "another disk makes no room here",
            vec![elsewhere.clone(), item(Runs, 50, 9, false)],
            10,
            vec![1],
        ),
        (
            "another disk has its budget",
            vec![elsewhere.clone(), elsewhere],
            0,
            vec![0],
        ),
        (
            "what takes nothing is left alone",
            vec![item(Runs, 0, 1, false), item(Runs, 101, 2, false)],
            10,
            vec![1],
        ),
    ];
    for (name, items, needed, goes) in cases {
        assert_eq!(plan(&items, &BUDGETS, needed), goes, "{name}");
    }
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    let kind = prop::sample::select(KeptKind::ALL.to_vec());
    let one = (kind, 0..50_u64, 0..20_u64, any::<bool>(), any::<bool>());
    let one = one.prop_map(|(kind, bytes, last_used, in_use, makes_room)| Item {
        makes_room,
        ..item(kind, bytes, last_used, in_use)
    });
    prop::collection::vec(one, 0..30)
}

fn sum(items: &[Item], counts: impl Fn(usize, &Item) -> bool) -> u64 {
    let counted = items
        .iter()
        .enumerate()
        .filter(|(i, item)| counts(*i, item));
    counted.map(|(_, item)| item.kept.bytes).sum()
}

proptest! {
    #[test]
    fn properties(items in items(), budget in 0..200_u64, needed in 0..300_u64) {
        let budgets = Budgets { mirrors: budget, images: budget / 2, runs: budget * 2 };
        let goes = plan(&items, &budgets, needed);
        let gone = |index: usize| goes.contains(&index);

        let mut unique = goes.clone();
        unique.sort_unstable();
        unique.dedup();
        prop_assert_eq!(unique.len(), goes.len(), "nothing goes twice");
        prop_assert!(goes.iter().all(|index| !items[*index].kept.in_use), "in use: never");

        // Nothing of a kind stays that was used earlier than what goes of it, unless it is in use,
        // takes nothing, or makes no room while room is what it was about.
        for (stays, kept) in items.iter().enumerate().filter(|(i, item)| {
            !gone(*i) && !item.kept.in_use && item.kept.bytes > 0 && item.makes_room
        }) {
            for index in &goes {
                let other = &items[*index];
                prop_assert!(
                    other.kind != kept.kind || other.kept.last_used <= kept.kept.last_used,
                    "{} goes before {}", index, stays
                );
            }
        }

        let idle_room = sum(&items, |_, item| !item.kept.in_use && item.makes_room);
        let made = sum(&items, |i, item| gone(i) && item.makes_room);
        let caches = sum(&items, |_, item| {
            !item.kept.in_use && item.makes_room && item.kind != KeptKind::Runs
        });
        let wanted = if idle_room >= needed { needed } else { caches };
        prop_assert!(made >= wanted, "enough room, or all that can be had again");
        for kind in KeptKind::ALL {
            let stays = sum(&items, |i, item| item.kind == kind && !gone(i));
            let in_use = sum(&items, |_, item| item.kind == kind && item.kept.in_use);
            prop_assert!(stays <= budgets.of(kind).max(in_use), "{} over budget", kind);
        }

        // The last that goes was still wanted.
        if let Some((last, before)) = goes.split_last() {
            let without = |index: usize| before.contains(&index);
            let kind = items[*last].kind;
            let over = sum(&items, |i, item| item.kind == kind && !without(i)) > budgets.of(kind);
            let lacking = sum(&items, |i, item| without(i) && item.makes_room) < needed;
            prop_assert!(over || lacking, "no more than wanted");
        }
    }
}
