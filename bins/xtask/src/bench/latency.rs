//! How long a line takes from the container's write to the client.

use std::{
    process::Stdio,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{
    io::AsyncReadExt as _,
    process::{Child, Command},
};

use super::{
    Row,
    lab::Lab,
    stats::{millis, percentile, ratio},
};
use crate::{Failure, Result, failure::Doing as _, http};

/// Lines, and the time between two in µs.
const LINES: usize = 2000;
const INTERVAL: u32 = 5000;

/// The ways of lines that have arrived.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    rest: Vec<u8>,
    pub(super) delays: Vec<Duration>,
}

impl Arrivals {
    /// Takes bytes that have just come; lines that are no stamps are not counted.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        self.rest.extend_from_slice(bytes);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else {
            return;
        };
        let whole: Vec<u8> = self.rest.drain(..=end).collect();
        self.delays
            .extend(String::from_utf8_lossy(&whole).lines().filter_map(|line| {
                let sent = line.trim().strip_prefix('@')?.parse().ok()?;
                Some(now.saturating_sub(Duration::from_nanos(sent)))
            }));
    }
}

pub(super) async fn measure(lab: &Lab) -> Result<Vec<Row>> {
    let lines = lab.times(LINES).max(200);
    let stamps = format!("stamps {lines} {INTERVAL} 500");
    let log = of_log(lab, &stamps).await?;
    let log_beside = of_docker_run(lab, &stamps).await?;
    let file = of_file(lab, &stamps).await?;
    let file_beside = of_host_tail(lab, &stamps).await?;
    let mut rows = Vec::new();
    for (what, mut dogi, mut beside, wanted) in [
        (
            "a line's way to the client, log, and `docker run`'s standard output",
            log,
            log_beside,
            20,
        ),
        (
            "a line's way to the client, file, and `tail -F` on the host of a bind mount",
            file,
            file_beside,
            50,
        ),
    ] {
        for (name, side) in [("dogi", &dogi), ("the other side", &beside)] {
            if side.len() != lines {
                return Failure::err(format!(
                    "{what}: {} of {lines} lines came by {name}",
                    side.len()
                ));
            }
        }
        let p99 = percentile(&mut dogi, 99);
        let both = |side: &mut [Duration]| {
            format!(
                "p50 {}, p99 {}",
                millis(percentile(side, 50)),
                millis(percentile(side, 99))
            )
        };
        let value = |percent, a: &mut [Duration], b: &mut [Duration]| {
            ratio(percentile(a, percent), percentile(b, percent))
        };
        let (p50_ratio, p99_ratio) = (
            value(50, &mut dogi, &mut beside),
            value(99, &mut dogi, &mut beside),
        );
        rows.push(Row {
            what: what.to_owned(),
            dogi: both(&mut dogi),
            beside: both(&mut beside),
            ratio: format!("{p50_ratio:.1}, {p99_ratio:.1}"),
            wanted: format!("p99 ≤ {wanted} ms"),
            met: p99 <= Duration::from_millis(wanted),
        });
    }
    Ok(rows)
}

fn in_query(stamps: &str) -> String {
    stamps.replace(' ', "+")
}

async fn of_log(lab: &Lab, stamps: &str) -> Result<Vec<Duration>> {
    let query = format!(
        "action=run&id=l&output=log&tty=false&cmd=/probe+{}",
        in_query(stamps)
    );
    follow(&lab.warm_url(&query).await?).await
}

async fn of_file(lab: &Lab, stamps: &str) -> Result<Vec<Duration>> {
    let query = format!(
        "action=run&id=f&output=file_x&file_x=/data/x&tty=false&cmd=/probe+{}+/data/x",
        in_query(stamps)
    );
    follow(&lab.warm_url(&query).await?).await
}

async fn follow(url: &str) -> Result<Vec<Duration>> {
    let mut answer = http::get(url).await?.ok().await?;
    let mut arrivals = Arrivals::default();
    while let Some(piece) = answer.next().await? {
        arrivals.take(&piece);
    }
    Ok(arrivals.delays)
}

async fn of_docker_run(lab: &Lab, stamps: &str) -> Result<Vec<Duration>> {
    let mut run = lab.command(&format!("exec docker run --rm \"$IMAGE\" /probe {stamps}"));
    let mut child = run
        .stdout(Stdio::piped())
        .spawn()
        .doing("start docker run")?;
    let arrivals = read(&mut child, usize::MAX).await?;
    child.wait().await.doing("wait for docker run")?;
    Ok(arrivals)
}

async fn of_host_tail(lab: &Lab, stamps: &str) -> Result<Vec<Duration>> {
    let shared = lab.folder.path().join("shared");
    std::fs::create_dir(&shared).doing("make a directory")?;
    // With a file that is not there yet, tail would look once a second.
    std::fs::write(shared.join("x"), "").doing("make a file")?;
    let mut tail = Command::new("tail")
        .args(["-n", "+1", "-F"])
        .arg(shared.join("x"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .doing("start tail")?;
    let run =
        format!("docker run --rm -v \"$PWD/shared:/data\" \"$IMAGE\" /probe {stamps} /data/x");
    let lines = stamps
        .split(' ')
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let (read, run) = tokio::join!(read(&mut tail, lines), lab.shell(&run));
    run?;
    read
}

/// Reads a program's output to its end, or until so many lines have come.
async fn read(child: &mut Child, lines: usize) -> Result<Vec<Duration>> {
    let mut arrivals = Arrivals::default();
    let Some(mut out) = child.stdout.take() else {
        return Ok(arrivals.delays);
    };
    let mut buffer = vec![0; 65_536];
    while arrivals.delays.len() < lines {
        match out
            .read(&mut buffer)
            .await
            .doing("read a program's output")?
        {
            0 => break,
            size => arrivals.take(&buffer[..size]),
        }
    }
    Ok(arrivals.delays)
}
