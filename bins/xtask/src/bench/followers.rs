//! A thousand readers of one job.

use std::time::Duration;

use super::{
    Row,
    idle::Memory,
    lab::Lab,
    latency::Arrivals,
    stats::{millis, percentile},
};
use crate::{Failure, Result, failure::Doing as _, http, say};

const FOLLOWERS: usize = 1000;

/// Lines, the time between two in µs, and the time in ms for everybody to connect.
const LINES: usize = 200;
const INTERVAL: u32 = 50_000;
const DELAY: u32 = 8000;

/// The time for the run itself to begin, before its memory is looked at.
const HEAD_START: Duration = Duration::from_secs(1);

/// What is wanted, per follower.
const WANTED: u64 = 20_000;

pub(super) async fn measure(lab: &Lab) -> Result<Vec<Row>> {
    let query =
        format!("action=run&id=many&tty=false&cmd=/probe+stamps+{LINES}+{INTERVAL}+{DELAY}");
    let mut first = http::get(&lab.warm_url(&query).await?).await?.ok().await?;
    let mut text = Vec::new();
    tokio::time::sleep(HEAD_START).await;
    let before = Memory::of(&lab.dogi)?.resident;

    let peek = lab.warm_url("action=peek&id=many").await?;
    let readers: Vec<_> = (0..FOLLOWERS)
        .map(|_| tokio::spawn(follow(peek.clone())))
        .collect();
    let mut most = before;
    let mut turn = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            piece = first.next() => match piece? {
                Some(piece) => text.extend_from_slice(&piece),
                None => break,
            },
            _ = turn.tick() => most = most.max(Memory::of(&lab.dogi)?.resident),
        }
    }

    let (mut delays, mut connected, mut slowest, mut lost) =
        (Vec::new(), Vec::new(), Duration::ZERO, 0_u64);
    for reader in readers {
        let mut seen = reader.await.doing("follow")??;
        lost += u64::from(seen.all != text) * seen.all.len().abs_diff(text.len()).max(1) as u64;
        slowest = slowest.max(percentile(&mut seen.delays, 100));
        connected.push(seen.connected);
        delays.append(&mut seen.delays);
    }
    let connected = percentile(&mut connected, 100);
    say::line(format_args!(
        "the last of {FOLLOWERS} was connected after {}",
        millis(connected)
    ));
    if connected > Duration::from_millis(DELAY.into()) - HEAD_START {
        return Failure::err("connecting took so long that lines had been written before");
    }
    if delays.len() < FOLLOWERS * LINES && lost == 0 {
        let (come, wanted) = (delays.len(), FOLLOWERS * LINES);
        return Failure::err(format!("{come} lines came, not {wanted}"));
    }
    let each = most.saturating_sub(before) / FOLLOWERS as u64;
    Ok(rows(lost, each, slowest, &mut delays))
}

fn rows(lost: u64, each: u64, slowest: Duration, delays: &mut [Duration]) -> Vec<Row> {
    let row = |what: &str, dogi: String, wanted: String, met: bool| Row {
        what: format!("{FOLLOWERS} followers of one job: {what}"),
        dogi,
        beside: "–".to_owned(),
        ratio: "–".to_owned(),
        wanted,
        met,
    };
    let delay = format!(
        "p50 {}, p99 {}, slowest {}",
        millis(percentile(delays, 50)),
        millis(percentile(delays, 99)),
        millis(slowest)
    );
    vec![
        row("bytes lost", lost.to_string(), "0".to_owned(), lost == 0),
        row(
            "resident memory of each",
            format!("{:.1} KB", each as f64 / 1000.0),
            format!("≤ {} KB", WANTED / 1000),
            each <= WANTED,
        ),
        row("a line's way", delay, "measured".to_owned(), true),
    ]
}

/// What one reader saw.
#[derive(Debug)]
struct Seen {
    all: Vec<u8>,
    /// The ways of its lines.
    delays: Vec<Duration>,
    /// How long it took to the first header.
    connected: Duration,
}

async fn follow(url: String) -> Result<Seen> {
    let watch = say::Watch::start();
    let mut answer = http::get(&url).await?.ok().await?;
    let connected = watch.elapsed();
    let (mut all, mut arrivals) = (Vec::new(), Arrivals::default());
    while let Some(piece) = answer.next().await? {
        arrivals.take(&piece);
        all.extend_from_slice(&piece);
    }
    Ok(Seen {
        all,
        delays: arrivals.delays,
        connected,
    })
}
