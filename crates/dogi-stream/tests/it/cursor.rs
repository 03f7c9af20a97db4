//! Positions and cursors as text.

use dogi_stream::{Cursor, Position};
use proptest::prelude::*;

#[test]
fn positions() {
    for text in ["0:0", "1:4096", "18446744073709551615:18446744073709551615"] {
        let position: Position = text.parse().unwrap();
        assert_eq!(position.to_string(), text);
        let json = serde_json::to_string(&position).unwrap();
        assert_eq!(json, format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<Position>(&json).unwrap(), position);
    }
    let wrong = [
        "",
        ":",
        "0",
        "0:",
        ":0",
        "+1:0",
        "0:-1",
        "01:0",
        "0:00",
        "0:0:0",
        " 0:0",
        "0:1 ",
        "0x1:0",
        "a:b",
        "18446744073709551616:0",
        "0:٣",
    ];
    for text in wrong {
        let error = text.parse::<Position>().unwrap_err();
        let expected = format!(
            "`{text}` is not a position: expected generation:offset, two decimal numbers, such as 0:4096"
        );
        assert_eq!(error.to_string(), expected);
    }
    assert!(
        "9".repeat(1_000_000)
            .parse::<Position>()
            .unwrap_err()
            .to_string()
            .len()
            < 200
    );
    assert!(serde_json::from_str::<Position>("\"x\"").is_err());
}

#[test]
fn cursors() {
    let mut cursor = Cursor::new("run7");
    assert_eq!(cursor.to_string(), "run7");
    cursor.set("log", Position::new(0, 12));
    cursor.set("file_a b;=%\u{FC}", Position::new(2, 0));
    cursor.set("node_x", Position::START);
    cursor.set("log", Position::new(0, 13));
    assert_eq!(
        cursor.to_string(),
        "run7;log=0:13;file_a%20b%3B%3D%25%C3%BC=2:0"
    );
    let read: Cursor = cursor.to_string().parse().unwrap();
    assert_eq!(read.run(), "run7");
    assert_eq!(read.position("log"), Position::new(0, 13));
    assert_eq!(read.position("file_a b;=%\u{FC}"), Position::new(2, 0));
    assert_eq!(read.position("unknown"), Position::START);
    assert_eq!(read.positions().count(), 2);
}

#[test]
fn bad_cursors() {
    let expected_output = "expected NAME=generation:offset";
    let expected_run = "expected letters, digits, _ - . ~ and %XX of UTF-8";
    let cases = [
        ("run;", "", expected_output),
        ("run;log", "log", expected_output),
        ("run;log=1", "log=1", expected_output),
        ("run;lo g=0:1", "lo g=0:1", expected_output),
        ("run;log=0:1;log=0:2", "log", "expected each output once"),
        ("r n", "r n", expected_run),
        ("r%2", "r%2", expected_run),
        ("r%zz", "r%zz", expected_run),
        ("r%FF", "r%FF", expected_run),
    ];
    for (text, part, expected) in cases {
        let error = text.parse::<Cursor>().unwrap_err();
        assert_eq!(
            (&error.part[..], error.expected),
            (part, expected),
            "{text}"
        );
    }
    let error = "x".repeat(70_000).parse::<Cursor>().unwrap_err();
    assert!(error.to_string().len() < 200, "{error}");
}

proptest! {
    #[test]
    fn print_and_parse(
        run in any::<String>(),
        outputs in prop::collection::btree_map(any::<String>(), any::<(u64, u64)>(), 0..8),
    ) {
        let mut cursor = Cursor::new(run);
        for (name, (generation, offset)) in outputs {
            cursor.set(&name, Position::new(generation, offset));
        }
        let text = cursor.to_string();
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
        let read: Cursor = text.parse().unwrap();
        prop_assert_eq!(read.to_string(), text);
        prop_assert_eq!(read.run(), cursor.run());
        for (name, position) in cursor.positions() {
            prop_assert_eq!(read.position(name), position);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        if let Ok(cursor) = text.parse::<Cursor>() {
            prop_assert!(cursor.to_string().parse::<Cursor>().is_ok());
        }
        if let Ok(position) = text.parse::<Position>() {
            prop_assert_eq!(position.to_string(), text);
        }
    }
}
