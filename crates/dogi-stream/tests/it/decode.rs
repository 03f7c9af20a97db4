//! The client's decoder against what a server should not send.

use dogi_stream::{Channel, Cursor, DecodeError, Message, NdjsonDecoder, Position};

fn decode(line: &str) -> Result<Option<Message>, DecodeError> {
    let mut decoder = NdjsonDecoder::new();
    decoder.feed(line.as_bytes());
    decoder.next_message()
}

#[test]
fn bad_lines_are_told_and_skipped() {
    let cases = [
        ("<html>\n", "`<html>` is not an object of a stream"),
        ("{}\n", "`{}` is not an object of a stream"),
        (
            r#"{"output":"log","data":"x"}"#,
            "`{\"output\":\"log\",\"data\":\"x\"}` lacks `position`",
        ),
        (
            r#"{"output":"log","position":"0:1"}"#,
            "`{\"output\":\"log\",\"position\":\"0:1\"}` lacks `data`, `data_base64`, `truncated` or `status`",
        ),
        (
            r#"{"output":"log","position":"0:1","data_base64":"%"}"#,
            "`data_base64` of output `log` is damaged",
        ),
        (
            r#"{"output":"log","position":"x","data":""}"#,
            "`{\"output\":\"log\",\"position\":\"x\",\"data\":\"\"}` is not an object of a stream",
        ),
    ];
    for (line, expected) in cases {
        let mut decoder = NdjsonDecoder::new();
        decoder.feed(
            format!(
                "{}\n{}",
                line.trim_end(),
                r#"{"output":"status","status":1}"#
            )
            .as_bytes(),
        );
        assert_eq!(decoder.next_message().unwrap_err().to_string(), expected);
        assert_eq!(decoder.next_message().unwrap(), None);
        decoder.feed(b"\n");
        assert_eq!(
            decoder.next_message().unwrap(),
            Some(Message::Status(1.into()))
        );
    }
}

#[test]
fn what_is_new_or_empty_is_ignored() {
    assert_eq!(decode("\n \r\n\n").unwrap(), None);
    let line = r#"{"output":"log","position":"0:1","data":"x","colour":"red","stream":"stderr"}"#;
    let expected = Message::Data {
        output: "log".to_owned(),
        position: Position::new(0, 1),
        channel: Some(Channel::Stderr),
        bytes: "x".into(),
    };
    assert_eq!(decode(&format!("{line}\r\n")).unwrap(), Some(expected));
}

#[test]
fn a_line_without_end_is_refused() {
    let mut decoder = NdjsonDecoder::new().with_limit(10);
    decoder.feed(b"0123456789");
    assert_eq!(decoder.next_message().unwrap(), None);
    decoder.feed(b"0");
    let error = decoder.next_message().unwrap_err();
    assert_eq!(error.to_string(), "a line is longer than 10 bytes");
    decoder.feed(b"\n");
    assert!(matches!(
        decoder.next_message(),
        Err(DecodeError::TooLong { limit: 10 })
    ));
}

#[test]
fn messages_move_a_cursor() {
    let mut cursor = Cursor::new("run");
    let lines = concat!(
        r#"{"output":"log","position":"0:5","data":"hello"}"#,
        "\n",
        r#"{"output":"file_a","position":"2:0","truncated":true}"#,
        "\n",
        r#"{"output":"status","status":{"exit_code":0}}"#,
        "\n",
    );
    let mut decoder = NdjsonDecoder::default();
    decoder.feed(lines.as_bytes());
    while let Some(message) = decoder.next_message().unwrap() {
        message.advance(&mut cursor);
    }
    assert_eq!(cursor.to_string(), "run;log=0:5;file_a=2:0");
}
