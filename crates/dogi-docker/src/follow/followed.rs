//! One file and how much of it has been delivered.

use bytes::Bytes;

use super::FileKey;
use super::live::{LiveFile, Mismatch, Reconciler};
use crate::container::{PathKind, PathStat, Rewriter, Rewriting};

#[derive(Debug)]
pub(super) struct Followed {
    pub(super) key: FileKey,
    pub(super) path: String,
    /// What was read of the file since it last started over, and delivered unless it is held back.
    pub(super) live: LiveFile,
    /// When polling: how it looked when it was last fetched.
    pub(super) fetched: Option<PathStat>,
    /// What was told to stand there instead of a file.
    pub(super) told: Option<PathKind>,
    /// What was delivered could not be found again: the next data starts the file over.
    pub(super) lost: bool,
    rewriting: Rewriting,
    rewriter: Rewriter,
    /// What an earlier following delivered of a file that is rewritten, as long as it was not found again.
    prior: Option<Reconciler>,
    /// The same, to begin with.
    wanted: LiveFile,
}

impl Followed {
    /// `delivered` is what an earlier following did.
    pub(super) fn new(
        key: FileKey,
        path: String,
        delivered: LiveFile,
        rewriting: Rewriting,
    ) -> Followed {
        let mut file = Followed {
            key,
            path,
            live: LiveFile::new(),
            fetched: None,
            told: None,
            lost: false,
            rewriter: rewriting.begin(),
            prior: None,
            wanted: LiveFile::new(),
            rewriting,
        };
        if file.rewriting.is_none() {
            file.live = delivered;
        } else if delivered.delivered() > 0 {
            file.prior = Some(Reconciler::of_unknown_size(&delivered));
            file.wanted = delivered;
        }
        file
    }

    /// The file starts over.
    pub(super) fn start_over(&mut self) {
        self.lost = false;
        self.live.restart();
        self.rewriter = self.rewriting.begin();
        self.prior = None;
    }

    /// Whether something was delivered that the file is to be compared with.
    pub(super) fn is_known(&self) -> bool {
        self.prior.is_some() || self.live.delivered() > 0
    }

    /// Whether what an earlier following delivered was not found again.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.prior.is_some()
    }

    /// Begins to read the whole file. What was rewritten can only be compared from the file's beginning.
    pub(super) fn read_again(&mut self) {
        if self.prior.is_some() {
            self.live.restart();
            self.rewriter = self.rewriting.begin();
            self.prior = Some(Reconciler::of_unknown_size(&self.wanted));
        }
    }

    /// Takes the next bytes of the file, and gives what is to be delivered, perhaps nothing.
    ///
    /// # Errors
    /// What was delivered earlier is not the beginning of the file.
    pub(super) fn take(&mut self, bytes: Bytes) -> Result<Bytes, Mismatch> {
        self.live.record(&bytes);
        let rewritten = self.rewriter.push(bytes);
        self.unknown(rewritten)
    }

    /// The whole file was read: whether all that an earlier following delivered was found in it. The end
    /// of that may be what is held back now, where the file had come to its end.
    ///
    /// # Errors
    /// It was not.
    pub(super) fn was_read(&mut self) -> Result<Bytes, Mismatch> {
        if self.prior.is_none() {
            return Ok(Bytes::new());
        }
        let rest = self.rewriter.finish();
        let unknown = self.unknown(rest)?;
        match self.prior {
            None => Ok(unknown),
            Some(_) => Err(Mismatch),
        }
    }

    /// The file ends: gives what was held back.
    pub(super) fn finish(&mut self) -> Bytes {
        self.rewriter.finish()
    }

    fn unknown(&mut self, rewritten: Bytes) -> Result<Bytes, Mismatch> {
        let Some(prior) = &mut self.prior else {
            return Ok(rewritten);
        };
        let unknown = prior.push(rewritten)?.unwrap_or_default();
        if prior.is_done() {
            self.prior = None;
        }
        Ok(unknown)
    }
}
