//! One reading of the engine's copy, and what it is compared by.

use std::time::{Duration, Instant};

use super::super::Channel;
use super::super::logs::Next;
use super::super::messages::{Part, Stamp};
use super::super::pass::Pass;
use super::super::rewriting::RewrittenCopy;
use super::{Adopting, Stop};
use crate::error::EngineError;
use crate::patience::Pauses;

/// How a reading of the copy ended.
pub(super) enum Read {
    Whole,
    /// All that is known is there, and what came of one channel before that showed was not delivered.
    Again,
    /// What was kept is not the copy's beginning.
    Differs(Differs),
}

pub(super) struct Differs {
    /// How far the copy had come when the reading began.
    look: Look,
    /// Something of what is known was still to be compared.
    unsettled: bool,
}

/// How far the engine's copy had come at a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    at: Instant,
    /// The time of its newest message.
    until: Stamp,
}

/// What was kept came by another way than the copy, and is to be in that first. A copy that has lost it,
/// or whose last lines are all alike, is not waited for longer: what is printed meanwhile lies in the gap.
const COPY_LAG: Duration = Duration::from_secs(2);
/// The most that may have been printed and not been copied yet when a reading begins: what the engine
/// holds in front of its log writer (1 MB, `blockThreshold` of its `bytespipe`), and a line without an end.
const UNCOPIED: u64 = 2 * 1024 * 1024;
/// What the engine writes down beside each message, roughly: of long lines it is more, in relation less.
const OVERHEAD: u64 = 40;
/// What may be wrong with that in a whole copy is less than this part of it.
const ROUGHLY: u64 = 64;

impl Adopting {
    /// From here on only what is later than the copy was at a look is new, or than what was delivered of
    /// it.
    pub(super) async fn go_by_time(
        &mut self,
        differs: Differs,
        running: bool,
    ) -> Result<(), EngineError> {
        if differs.unsettled {
            self.position = None;
        }
        let from = match self.position {
            Some(position) => position,
            None => self.copied(differs.look, running).await?,
        };
        self.by_time = true;
        for side in [&mut self.stdout, &mut self.stderr] {
            side.last.get_or_insert((from, u64::MAX));
        }
        Ok(())
    }

    /// What was kept came by another way, perhaps a moment ago, and is to be in the copy first: it would
    /// come again otherwise. Gives until when the copy then was.
    async fn copied(&self, look: Look, running: bool) -> Result<Stamp, EngineError> {
        // The copy of a container that has ended is as complete as it will ever be.
        if !running {
            return Ok(look.until);
        }
        let mut pauses = Pauses::new();
        loop {
            let recent = self.container.last_of_copy(&self.rewriting).await?;
            match recent.holds(&self.stdout, &self.stderr) {
                // It was there before the reading began, and what has come since is new.
                Some(known) if known <= look.until => return Ok(look.until),
                Some(_) => return Ok(recent.until),
                None if look.at.elapsed() >= COPY_LAG => return Ok(recent.until),
                None => pauses.wait().await,
            }
        }
    }

    async fn look(&self) -> Result<Look, EngineError> {
        let at = Instant::now();
        let until = match self.by_time {
            true => Stamp::default(),
            false => self.container.newest_in_copy().await?,
        };
        Ok(Look { at, until })
    }

    pub(super) async fn read(&mut self, follow: bool) -> Result<Read, Stop> {
        let look = self.look().await?;
        let mut copy = self.container.copy(follow).await?;
        let mut rewritten = RewrittenCopy::new(&self.rewriting);
        let mut passes = [&self.stdout, &self.stderr].map(|side| Pass::new(side, self.by_time));
        let differs = |passes: &[Pass; 2]| {
            let unsettled = passes.iter().any(|pass| pass.left() > 0);
            Ok(Read::Differs(Differs { look, unsettled }))
        };
        let mut first = true;
        let mut held = false;
        loop {
            let (parts, open) = match copy.next().await? {
                Next::Parts(parts) => (parts, None),
                Next::End { parts, open } => (parts, Some(open)),
            };
            let parts = parts.into_iter();
            let parts = parts.map(|(channel, part)| (channel, rewritten.part(channel, part)));
            let mut parts: Vec<(Channel, Part)> = parts.collect();
            // Of a copy that is followed the end may be missing.
            if open.is_some() && !follow {
                parts.extend(rewritten.rest());
            }
            for (channel, part) in parts {
                self.newest = self.newest.max(part.stamp);
                if let Some(hearing) = &mut self.hearing {
                    hearing.heard(part.stamp);
                }
                if std::mem::take(&mut first) {
                    self.begin(channel, part.stamp).await?;
                }
                let pass = &mut passes[channel.index()];
                if pass.left() > UNCOPIED && part.stamp > look.until {
                    return differs(&passes);
                }
                let Ok(new) = pass.take(&part) else {
                    return differs(&passes);
                };
                // Where the copy has lost its beginning, what is new of one channel would come before
                // that shows in the other one.
                let settled = !held && passes.iter().all(Pass::is_settled);
                if settled {
                    self.position = self.position.max(Some(part.stamp));
                }
                match new {
                    Some(bytes) if settled || self.compared => {
                        self.tell_lost_beginning().await?;
                        self.deliver(channel, part.stamp, bytes).await?;
                    }
                    Some(_) => held = true,
                    None => {}
                }
            }
            if held && passes.iter().all(Pass::is_settled) {
                return Ok(Read::Again);
            }
            let Some(open) = open else { continue };
            if first && self.by_time && !follow && !self.told {
                self.tell_dropped().await?;
            }
            let ends_well = |(pass, open): (&mut Pass, bool)| pass.ends_well(open);
            let well = passes.iter_mut().zip(open).all(ends_well);
            return match well {
                true if held => Ok(Read::Again),
                true => Ok(Read::Whole),
                false if follow => Ok(Read::Whole),
                false => differs(&passes),
            };
        }
    }

    /// The copy begins then: tells the gap before that, if there is one.
    async fn begin(&mut self, channel: Channel, begins: Stamp) -> Result<(), Stop> {
        let side = match channel {
            Channel::Stdout => &self.stdout,
            Channel::Stderr => &self.stderr,
        };
        if !self.by_time {
            // Once: what is found later is compared with all that was delivered from here on.
            let first = !std::mem::replace(&mut self.begun, true);
            if first && !side.is_telling() && !self.told {
                self.in_doubt = self.may_have_lost_its_beginning().await?;
            }
            return Ok(());
        }
        // What follows the position would be there otherwise.
        if self.position.is_none_or(|position| begins > position) {
            self.tell_dropped().await?;
        }
        Ok(())
    }

    /// Before the first that is new: what is known did not show that the copy had its beginning.
    async fn tell_lost_beginning(&mut self) -> Result<(), Stop> {
        let in_doubt = std::mem::take(&mut self.in_doubt);
        match in_doubt && !self.by_time {
            true => self.tell_dropped().await,
            false => Ok(()),
        }
    }

    /// Whether the copy may have lost its beginning, where what is known does not show that. The engine
    /// drops the older of two files when the newer one is full (see [`ContainerSpec`](crate::ContainerSpec)),
    /// so what is left then is more than one may have. Perhaps as much was printed and nothing lost: nobody
    /// knows.
    async fn may_have_lost_its_beginning(&self) -> Result<bool, EngineError> {
        let found = self.container.inspect().await?;
        let log = found.host_config.and_then(|host| host.log_config);
        let max_size = log
            .and_then(|log| log.config?.get("max-size").cloned())
            .and_then(|size| size.parse::<u64>().ok());
        let Some(max_size) = max_size else {
            return Ok(false);
        };
        let mut copy = self.container.copy(false).await?;
        let mut size = 0;
        while let Some(parts) = copy.parts().await? {
            let written = |(_, part): &(Channel, Part)| part.bytes.len() as u64 + OVERHEAD;
            size += parts.iter().map(written).sum::<u64>();
            if size >= max_size - max_size / ROUGHLY {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
