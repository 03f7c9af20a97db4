//! A long log, from the program to a client, beside `docker run > file`.

use super::{Row, lab::Lab, runs::row};
use crate::{Failure, Result};

/// 100 MB in lines of 100 bytes.
const BYTES: u64 = 100_000_000;

/// With and without a terminal, as a program's own buffering goes: block by block
/// into a pipe, line by line into a terminal.
const CASES: &[(&str, &str, u32)] = &[
    ("without terminal, writes of 64 KiB", "", 65_500),
    ("with terminal, a write per line", "-t", 100),
];

pub(super) async fn measure(lab: &Lab) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (name, option, chunk) in CASES {
        let tty = !option.is_empty();
        let query = format!(
            "action=run&output=log&id=log{chunk}&tty={tty}&cmd=/probe+lines+{BYTES}+{chunk}"
        );
        let url = lab.warm_url(&query).await?;
        let reference =
            format!("docker run --rm {option} \"$IMAGE\" /probe lines {BYTES} {chunk} >out");
        let (mut dogi, mut beside) = (Vec::new(), Vec::new());
        for _ in 0..lab.times(7) {
            let (bytes, time) = lab.drain(&url).await?;
            if bytes < BYTES {
                return Failure::err(format!("only {bytes} of {BYTES} bytes of log came"));
            }
            dogi.push(time);
            beside.push(lab.shell(&reference).await?);
        }
        let what = format!("100 MB of log, {name}, and `docker run > file`");
        rows.push(row(&what, &mut dogi, &mut beside, 0.7));
    }
    Ok(rows)
}
