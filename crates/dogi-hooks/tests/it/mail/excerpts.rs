use dogi_hooks::mail::Excerpt;
use proptest::prelude::*;

#[test]
fn short_logs_are_whole() {
    for log in ["", "a", "a\n", "a\nb\nc\n"] {
        let excerpt = Excerpt::of(log.as_bytes(), 6);
        assert_eq!((excerpt.head(), excerpt.left_out()), (log.as_bytes(), 0));
        assert!(excerpt.tail().is_empty());
    }
}

#[test]
fn long_logs_are_cut_between_lines() {
    let cases = [
        // Log, bytes that are shown, head, bytes left out, tail.
        ("one\ntwo\nthree\nfour\nfive\n", 12, "one\n", 15, "five\n"),
        ("one\ntwo\nthree\nfour\nfive", 16, "one\ntwo\n", 11, "five"),
        // Lines that are too long are cut within.
        ("abcdefghijklmnop", 8, "abcd", 8, "mnop"),
        // Nor is there a line to begin with after the last one's break.
        ("abcdefghijklmno\n", 8, "abcd", 8, "mno\n"),
        // No character is cut.
        ("ääääääää", 6, "ä", 12, "ä"),
        ("漢漢漢漢漢", 8, "漢", 9, "漢"),
        ("abc🦀🦀🦀🦀🦀xyz", 12, "abc", 20, "xyz"),
        ("abc🦀🦀🦀🦀🦀xyz", 14, "abc🦀", 12, "🦀xyz"),
    ];
    for (log, shown, head, left_out, tail) in cases {
        let excerpt = Excerpt::of(log.as_bytes(), shown);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!(
            (
                text(excerpt.head()),
                excerpt.left_out(),
                text(excerpt.tail())
            ),
            (head.to_owned(), left_out, tail.to_owned()),
            "{log:?}"
        );
    }
}

#[test]
fn from_two_ends_of_a_file() {
    let log: Vec<u8> = (0..1000)
        .flat_map(|n| format!("line {n}\n").into_bytes())
        .collect();
    let total = log.len() as u64;
    let ends =
        |head: usize, tail: usize| Excerpt::of_ends(&log[..head], &log[log.len() - tail..], total);
    assert_eq!(ends(100, 100), Excerpt::of(&log, 200));
    // Ends that overlap or meet are the whole.
    for (head, tail) in [
        (log.len(), 0),
        (log.len(), 50),
        (log.len() - 10, 10),
        (log.len() - 10, 500),
    ] {
        let whole = ends(head, tail);
        assert_eq!((whole.head(), whole.left_out()), (&log[..], 0));
    }
    assert_eq!(ends(0, 0).left_out(), total);
}

proptest! {
    #[test]
    fn nothing_is_made_up(log in "[a-cä漢🦀\n]{0,200}", shown in 0..120_usize) {
        let log = log.into_bytes();
        let excerpt = Excerpt::of(&log, shown);
        prop_assert!(log.starts_with(excerpt.head()));
        prop_assert!(log.ends_with(excerpt.tail()));
        let kept = excerpt.head().len() + excerpt.tail().len();
        prop_assert!(kept <= shown.max(log.len().min(shown)));
        prop_assert_eq!(kept as u64 + excerpt.left_out(), log.len() as u64);
        prop_assert!(std::str::from_utf8(excerpt.head()).is_ok());
        prop_assert!(std::str::from_utf8(excerpt.tail()).is_ok());
    }

    #[test]
    fn any_bytes(log in any::<Vec<u8>>(), shown in 0..50_usize) {
        let excerpt = Excerpt::of(&log, shown);
        let kept = excerpt.head().len() + excerpt.tail().len();
        prop_assert_eq!(kept as u64 + excerpt.left_out(), log.len() as u64);
    }
}
