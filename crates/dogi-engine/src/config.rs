use std::{path::PathBuf, time::Duration};

use dogi_job::{AdmissionLimits, Spec};
use dogi_url::{Cpus, Namespace};

/// How an engine is set up.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Where outputs are kept. Nothing else may write there.
    pub data_dir: PathBuf,
    /// Part of every instance id.
    pub namespace: Namespace,
    /// How many runs may be under way, and how many may wait.
    pub admission: AdmissionLimits,
    /// Finished runs kept for each instance.
    pub keep_runs: usize,
    /// Finished runs kept of all instances together, so that many ids can't fill the memory: what
    /// ended first is forgotten first.
    pub keep_total: usize,
    /// Bytes that the outputs of finished runs may take together. The run that ended last is kept
    /// whatever its size.
    pub keep_bytes: u64,
    /// Bytes that mirrors of repositories may take together; none that is in use goes.
    pub keep_mirror_bytes: u64,
    /// Bytes that images of the server's own builds may take together; none that is in use goes.
    pub keep_image_bytes: u64,
    /// Bytes that are left free on the disk of `data_dir`: below that, no new runs are taken.
    pub min_free_bytes: u64,
    /// Bytes kept of each output of a run.
    pub max_log_bytes: u64,
    /// What becomes of a run that prints more than that.
    pub at_log_limit: AtLogLimit,
    /// What a run may use at most.
    pub ceilings: Ceilings,
}

/// What becomes of a run one of whose outputs reached its limit. The output is cut with a visible
/// mark either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AtLogLimit {
    /// It goes on, and what it prints further is read and thrown away.
    #[default]
    GoOn,
    /// It is stopped, and has failed.
    Fail,
}

impl EngineConfig {
    /// The defaults of the `dogi` program, with outputs in `data_dir`.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            namespace: Namespace::default(),
            admission: AdmissionLimits {
                running: 10,
                queued: 1000,
            },
            keep_runs: 100,
            keep_total: 10_000,
            keep_bytes: 10 << 30,
            keep_mirror_bytes: 10 << 30,
            keep_image_bytes: 20 << 30,
            min_free_bytes: 1 << 30,
            max_log_bytes: 1 << 30,
            at_log_limit: AtLogLimit::default(),
            ceilings: Ceilings::default(),
        }
    }
}

/// What a run may use at most, and uses if its request says nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Ceilings {
    /// Wall time from the moment it is let in.
    pub timeout: Duration,
    /// Memory of the container, in bytes.
    pub memory: Option<u64>,
    /// Processors of the container.
    pub cpus: Option<Cpus>,
}

impl Default for Ceilings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(6 * 60 * 60),
            memory: None,
            cpus: None,
        }
    }
}

/// A request asked for more than the operator allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{parameter}={asked} is more than this server allows: at most {allowed}")]
pub struct OverCeiling {
    /// The parameter of the request.
    pub parameter: &'static str,
    /// What was asked for.
    pub asked: String,
    /// What is allowed.
    pub allowed: String,
}

impl Ceilings {
    /// Puts the ceilings where `spec` says nothing.
    ///
    /// # Errors
    /// When it asks for more.
    pub(crate) fn apply(&self, spec: &mut Spec) -> Result<(), OverCeiling> {
        let is_command = spec.host_command().is_some();
        let limits = &mut spec.limits;
        let timeout = limits.timeout.unwrap_or(self.timeout);
        within("timeout", &timeout, &self.timeout, |value| {
            format!("{}s", value.as_secs_f64())
        })?;
        limits.timeout = Some(timeout);
        if is_command {
            // The other ceilings are those of containers.
            return Ok(());
        }
        if let Some(ceiling) = &self.memory {
            let memory = limits.memory.unwrap_or(*ceiling);
            within("memory", &memory, ceiling, |value| format!("{value} bytes"))?;
            limits.memory = Some(memory);
        }
        if let Some(ceiling) = &self.cpus {
            let cpus = limits.cpus.unwrap_or(*ceiling);
            within("cpus", &cpus, ceiling, ToString::to_string)?;
            limits.cpus = Some(cpus);
        }
        Ok(())
    }
}

fn within<T: PartialOrd>(
    parameter: &'static str,
    asked: &T,
    allowed: &T,
    print: impl Fn(&T) -> String,
) -> Result<(), OverCeiling> {
    if asked > allowed {
        return Err(OverCeiling {
            parameter,
            asked: print(asked),
            allowed: print(allowed),
        });
    }
    Ok(())
}
