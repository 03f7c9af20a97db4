//! The memory of a server with nothing to do.

use std::{fs, time::Duration};

use super::{Row, lab::Lab};
use crate::{Failure, Result, failure::Doing as _, server::Dogi};

/// What is wanted, in MB.
const WANTED: f64 = 20.0;

/// How long a server is left alone before it counts as idle.
const REST: Duration = Duration::from_secs(2);

/// What a server that has just started takes.
pub(super) async fn of_a_start(dogi: &Dogi) -> Result<Memory> {
    tokio::time::sleep(REST).await;
    Memory::of(dogi)
}

pub(super) async fn measure(lab: &Lab) -> Result<Vec<Row>> {
    tokio::time::sleep(REST).await;
    let rows = [
        ("just started", lab.at_start),
        ("after one build and run", Memory::of(&lab.dogi)?),
    ];
    Ok(rows.map(|(when, memory)| memory.row(when)).into())
}

/// What a server takes, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    pub(super) resident: u64,
    /// The most that it ever took.
    pub(super) peak: u64,
    /// Of what is resident, what is no page of a file: what it has allocated.
    pub(super) own: u64,
}

impl Memory {
    pub(super) fn of(dogi: &Dogi) -> Result<Self> {
        Self::of_process(dogi.process())
    }

    /// Of a child that may have ended.
    pub(super) fn of_process(id: Option<u32>) -> Result<Self> {
        let Some(id) = id else {
            return Failure::err("the server has ended");
        };
        let path = format!("/proc/{id}/status");
        let text = fs::read_to_string(&path).doing(format!("read {path}"))?;
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
            kib.map_or_else(
                || Failure::err(format!("{path} has no {key}")),
                |kib| Ok(kib * 1024),
            )
        };
        Ok(Self {
            resident: value("VmRSS:")?,
            peak: value("VmHWM:")?,
            own: value("RssAnon:")?,
        })
    }

    fn row(self, when: &str) -> Row {
        let (all, own) = (self.resident as f64 / 1e6, self.own as f64 / 1e6);
        Row {
            what: format!("resident memory of the idle server, {when}"),
            dogi: format!("{all:.1} MB, {own:.1} MB of it its own, the rest pages of the program"),
            beside: "–".to_owned(),
            ratio: "–".to_owned(),
            wanted: format!("≤ {WANTED:.0} MB"),
            met: all <= WANTED,
        }
    }
}
