//! Lines of bytes that come in pieces.

use proptest::prelude::*;

use lines::{LONGEST, Lines};

/// The module itself: from outside, only whole runs could tell what it finds.
#[path = "../../src/outputs/lines.rs"]
mod lines;

/// Pieces, and what comes after how many of them.
type Case<'a, P, L> = (&'a [P], &'a [(usize, L)]);

/// Every line of `pieces`, and after how many of them it came.
fn found(pieces: &[impl AsRef<[u8]>]) -> Vec<(usize, Vec<u8>)> {
    let mut lines = Lines::default();
    let mut found = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        lines.push(piece.as_ref(), |a, b| {
            found.push((index + 1, [a, b].concat()))
        });
    }
    lines.finish(|a, b| found.push((pieces.len() + 1, [a, b].concat())));
    found
}

/// The same, slowly: whatever the pieces are, a line is what stands between two ends.
fn model(text: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<_> = text.split(|byte| *byte == b'\n').collect();
    // There is always one behind the last end.
    lines.pop_if(|last| last.is_empty());
    let parts = lines.into_iter().flat_map(|line| match line {
        [] => vec![Vec::new()],
        line => line.chunks(LONGEST).map(<[u8]>::to_vec).collect(),
    });
    parts.collect()
}

#[test]
fn a_line_comes_as_soon_as_it_is_whole() {
    let table: [Case<'_, &str, &str>; 7] = [
        (&[], &[]),
        (&["", ""], &[]),
        (&["a\nb\n"], &[(1, "a"), (1, "b")]),
        (&["a", "b", "\n"], &[(3, "ab")]),
        (&["a\nb", "c\nd"], &[(1, "a"), (2, "bc"), (3, "d")]),
        (&["\n\n", "\n"], &[(1, ""), (1, ""), (2, "")]),
        (&["a\r\n", "é\0\n"], &[(1, "a\r"), (2, "é\0")]),
    ];
    for (pieces, expected) in table {
        let expected = expected
            .iter()
            .map(|(at, line)| (*at, line.as_bytes().to_vec()));
        assert_eq!(found(pieces), expected.collect::<Vec<_>>(), "{pieces:?}");
    }
}

#[test]
fn a_line_that_is_too_long_comes_in_parts() {
    // The lengths of the pieces, of which `None` is an end, and of the parts.
    let table: [Case<'_, Option<usize>, usize>; 6] = [
        (&[Some(LONGEST), None], &[(2, LONGEST)]),
        (&[Some(LONGEST), Some(1), None], &[(2, LONGEST), (3, 1)]),
        (&[Some(LONGEST + 1)], &[(1, LONGEST), (2, 1)]),
        (&[Some(1), Some(LONGEST)], &[(2, LONGEST), (3, 1)]),
        (&[Some(2 * LONGEST)], &[(1, LONGEST), (2, LONGEST)]),
        (&[Some(LONGEST), None, None], &[(2, LONGEST), (3, 0)]),
    ];
    for (pieces, expected) in table {
        let of = |length: &Option<usize>| length.map_or(vec![b'\n'], |length| vec![b'x'; length]);
        let bytes: Vec<_> = pieces.iter().map(of).collect();
        let found = found(&bytes).into_iter().map(|(at, line)| (at, line.len()));
        assert_eq!(found.collect::<Vec<_>>(), expected, "{pieces:?}");
    }
}

/// A piece: bytes and ends, and now and then as much as makes a line too long.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![
        8 => 0..4_usize,
        1 => LONGEST - 2..LONGEST + 3,
        1 => 0..3 * LONGEST,
    ];
    let same = (prop_oneof![Just(b'\n'), any::<u8>()], length);
    let some = same.prop_map(|(byte, length)| match byte {
        // So many empty lines say no more than a few.
        b'\n' => vec![byte; length % 8],
        byte => vec![byte; length],
    });
    prop::collection::vec(some, 0..6).prop_map(|some| some.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn lines_do_not_depend_on_the_pieces(pieces in prop::collection::vec(piece(), 0..8)) {
        let lines: Vec<_> = found(&pieces).into_iter().map(|(_, line)| line).collect();
        prop_assert!(lines == model(&pieces.concat()));
    }
}
