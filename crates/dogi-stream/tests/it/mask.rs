//! Secrets are masked in every form, however the stream is cut; nothing else is.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use dogi_stream::mask::{Coverage, Masker, Masks};
use proptest::prelude::*;

fn masks<V: AsRef<[u8]>>(values: &[V]) -> Masks {
    let mut builder = Masks::builder();
    for value in values {
        let _ = builder.add(value.as_ref());
    }
    builder.build().expect("they are few")
}

fn masked(values: &[&str], text: &str) -> String {
    String::from_utf8(masks(values).mask(text.as_bytes())).expect("text")
}

const KEY: &str =
    "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\n  hkiG9w0BAQEF  \nab\n-----END KEY-----\n";

#[test]
fn a_secret_is_masked_in_every_form() {
    let cases = [
        // Raw.
        ("hunter22", "it is hunter22.", "it is ***."),
        ("hunter22", "hunter22", "***"),
        ("hunter22", "hunter2", "hunter2"),
        ("hunter22", "hunter2hunter22hunte", "hunter2***hunte"),
        ("hunter22", "hunter22hunter22", "***"),
        ("hunter22", "hunter22 hunter22", "*** ***"),
        ("hunter22", "HUNTER22", "HUNTER22"),
        ("  hunter22\n", "it is hunter22\n", "it is ***\n"),
        ("aaaa", "aaaaaaaaab", "***b"),
        ("päss", "das päss!", "das ***!"),
        // Of several lines, printed in whatever way.
        ("ab\ncd", "x ab\ncd y", "x *** y"),
        ("ab\ncd", "x ab\r\ncd y", "x *** y"),
        ("ab\ncd", "x ab cd y", "x ab cd y"),
        ("first\nsecond", "second first", "*** ***"),
        ("first\r\nsecond\r\n", "first\nsecond\n", "***\n***\n"),
        // Base64 alone.
        ("hunter22", "aHVudGVyMjI=", "***"),
        ("hunter22", "aHVudGVyMjI", "***"),
        ("ab??>>", "YWI/Pz4+ YWI_Pz4-", "*** ***"),
        // Percent-encoded.
        (
            "a b/c~d",
            "a%20b%2Fc~d a%20b%2fc~d a%20b/c~d a+b%2Fc%7Ed",
            "*** *** *** ***",
        ),
        (
            "it's (ok)",
            "it's%20(ok) it%27s%20%28ok%29 it%27s+%28ok%29",
            "*** *** ***",
        ),
    ];
    for (value, text, wanted) in cases {
        assert_eq!(masked(&[value], text), wanted, "{value:?} in {text:?}");
    }
    assert_eq!(masked(&[KEY], &format!("<{KEY}>")), "<***\n>");
    assert_eq!(masked(&[KEY], &KEY.replace('\n', "\r\n")), "***\r\n");
    let bare = KEY.replace('\n', " | ");
    assert_eq!(masked(&[KEY], &bare), "*** | *** |   ***   | ab | *** | ");
}

#[test]
fn secrets_that_overlap_are_masked_as_one() {
    let cases: [(&[&str], &str, &str); 6] = [
        (&["abcdef", "defghi"], "xabcdefghix", "x***x"),
        (&["abcdef", "cdef"], "abcdef cdef cde", "*** *** cde"),
        (&["abcd", "abcdefgh"], "abcdefgx abcdefgh", "***efgx ***"),
        (&["bcde", "abcdefgh"], "abcdefgx", "a***fgx"),
        (&["abcd", "efgh"], "abcdefgh", "***"),
        (&["abcd", "bcde", "cdef"], "abcdef", "***"),
    ];
    for (values, text, wanted) in cases {
        assert_eq!(masked(values, text), wanted, "{values:?} in {text:?}");
    }
}

#[test]
fn what_is_short_is_left_and_told() {
    let cases = [
        ("", Coverage::TooShort),
        ("abc", Coverage::TooShort),
        ("    \n\n", Coverage::TooShort),
        (" abc \n", Coverage::TooShort),
        ("abcd", Coverage::Whole),
        ("abcd\n", Coverage::Whole),
        ("abcd\n\nefgh", Coverage::Whole),
        ("abcd\nab\nefgh\n{", Coverage::ButShortLines { lines: 2 }),
        ("a\nb\nc", Coverage::ButShortLines { lines: 3 }),
    ];
    for (value, wanted) in cases {
        assert_eq!(Masks::builder().add(value.as_bytes()), wanted, "{value:?}");
    }
    let none = masks(&["abc", ""]);
    assert!(none.is_empty());
    assert_eq!(none.mask(b"abc"), b"abc");
    assert_eq!(masked(&["abcd\nx\nefgh"], "x\nabcd"), "x\n***");
}

#[test]
fn what_can_be_no_secret_any_more_is_shown_at_once() {
    let masks = masks(&["hunter22", "hunter22 and more"]);
    let mut masker = Masker::new(&masks);
    let steps = [
        ("$ ", "$ ", 0),
        ("h", "", 1),
        ("unt", "", 4),
        ("h", "hunt", 1),
        ("unter22", "***", 0),
        (" an", "", 3),
        ("d", "", 4),
        ("y", " andy", 0),
        ("hunter22 and mor", "***", 8),
        ("e", "", 0),
        ("hunter2", "", 7),
    ];
    for (piece, wanted, held) in steps {
        assert_eq!(masker.push(piece.into()), wanted, "{piece:?}");
        assert_eq!(masker.held(), held, "{piece:?}");
    }
    assert_eq!(masker.finish(), "hunter2");
    assert_eq!(masker.push("2".into()), "2", "another stream");
}

#[test]
fn bytes_without_a_secret_are_not_copied() {
    let mut masker = Masker::new(&masks(&["hunter22"]));
    let bytes = Bytes::from_static(b"nothing of interest, said the owl");
    let shown = masker.push(bytes.clone());
    assert_eq!(shown.as_ptr(), bytes.as_ptr());
    assert_eq!(shown, bytes);
}

#[test]
fn base64_in_lines_is_masked() {
    let value: String = (0..150).map(|n| char::from(b'A' + n % 57)).collect();
    for printed in [value.clone(), format!("{value}\n")] {
        for width in [64, 76] {
            let base64 = STANDARD.encode(&printed);
            let lines: Vec<&str> = base64
                .as_bytes()
                .chunks(width)
                .map(|line| std::str::from_utf8(line).expect("text"))
                .collect();
            let text = masked(&[&value], &lines.join("\n"));
            let left = text.split('\n').map(|line| line.replace("***", ""));
            let left: Vec<String> = left.filter(|line| line.len() > 4).collect();
            assert_eq!(left, [] as [&str; 0], "{text}");
        }
    }
}

#[test]
fn debugging_shows_no_secret() {
    let mut builder = Masks::builder();
    let _ = builder.add(b"hunter22");
    let shown = format!("{builder:?}");
    let masks = builder.build().expect("one");
    let mut masker = Masker::new(&masks);
    let _ = masker.push("hunter2".into());
    let all = format!("{shown} {masks:?} {masker:?}");
    assert!(!all.contains("hunter"), "{all}");
}

/// Text of few letters, so that secrets and their beginnings are everywhere.
fn text(longest: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(b"aab\nc".to_vec()), 0..longest)
}

fn secrets() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(text(12), 1..4)
}

fn in_pieces(masks: &Masks, text: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut masker = Masker::new(masks);
    let mut shown = Vec::new();
    let mut rest = text;
    for cut in cuts {
        let (piece, after) = rest.split_at(*cut.min(&rest.len()));
        shown.extend_from_slice(&masker.push(Bytes::copy_from_slice(piece)));
        rest = after;
    }
    shown.extend_from_slice(&masker.push(Bytes::copy_from_slice(rest)));
    shown.extend_from_slice(&masker.finish());
    shown
}

/// What is secret of a text, found the slow way: raw, line by line, and as terminals print it.
fn wanted(values: &[Vec<u8>], text: &[u8]) -> Vec<u8> {
    let mut secret = vec![false; text.len()];
    for value in values {
        let value = value.trim_ascii();
        let lines = value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let long = |part: &&[u8]| value.len() >= 4 && part.len() >= 4;
        for part in lines.chain([value]).filter(long) {
            for (at, window) in text.windows(part.len()).enumerate() {
                if window == part {
                    secret[at..at + part.len()].fill(true);
                }
            }
        }
    }
    let mut shown = Vec::new();
    for (at, byte) in text.iter().enumerate() {
        match (secret[at], at > 0 && secret[at - 1]) {
            (true, true) => {}
            (true, false) => shown.extend_from_slice(b"***"),
            (false, _) => shown.push(*byte),
        }
    }
    shown
}

proptest! {
    #[test]
    fn secrets_go_and_everything_else_stays(values in secrets(), text in text(60)) {
        prop_assert_eq!(masks(&values).mask(&text), wanted(&values, &text));
    }

    #[test]
    fn cuts_change_nothing(
        values in secrets(),
        text in text(60),
        cuts in prop::collection::vec(0_usize..9, 0..20),
    ) {
        let masks = masks(&values);
        prop_assert_eq!(in_pieces(&masks, &text, &cuts), masks.mask(&text));
    }

    #[test]
    fn little_is_held_back_and_nothing_is_shown_too_early(values in secrets(), text in text(60)) {
        let masks = masks(&values);
        let whole = masks.mask(&text);
        let longest = values.iter().map(|value| value.len() * 4).max().unwrap_or(0);
        let mut masker = Masker::new(&masks);
        let mut shown = Vec::new();
        for byte in text {
            shown.extend_from_slice(&masker.push(Bytes::copy_from_slice(&[byte])));
            prop_assert!(masker.held() < longest.max(1));
            prop_assert!(whole.starts_with(&shown));
        }
    }

    #[test]
    fn base64_of_a_longer_text_shows_less_than_a_byte_at_each_end(
        value in "[a-z0-9]{4,40}",
        before in "[A-Z]{0,5}",
        after in "[A-Z]{0,5}",
    ) {
        let longer = format!("{before}{value}{after}");
        let masks = masks(&[&value]);
        for base64 in [STANDARD.encode(&longer), URL_SAFE_NO_PAD.encode(&longer)] {
            let shown = String::from_utf8(masks.mask(base64.as_bytes())).expect("text");
            prop_assert!(shown.contains("***"), "{}", shown);
            let left = shown.replace("***", "").replace('=', "").len();
            // The neighbours, and the characters that they have a part in.
            let most = (before.len() + after.len()) * 8 / 6 + 2;
            prop_assert!(left <= most, "{} of {}", shown, base64);
        }
    }

    #[test]
    fn any_bytes_may_be_secret(
        value in prop::collection::vec(any::<u8>(), 4..40),
        before in prop::collection::vec(any::<u8>(), 0..40),
        cuts in prop::collection::vec(0_usize..9, 0..20),
    ) {
        let value = value.trim_ascii();
        prop_assume!(value.len() >= 4);
        let text = [&before, value, b"!"].concat();
        let shown = in_pieces(&masks(&[value]), &text, &cuts);
        prop_assert!(!shown.windows(value.len()).any(|window| window == value));
    }
}
