//! Jobs that stand still for a while.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use dogi_testkit::wait;

use super::{Dogi, Engine, Submitted};

const TO_STAND_STILL: Duration = Duration::from_secs(30);

/// Jobs that print nothing until they are let go on, and all of whose lines have arrived. What an engine
/// has read of a job and not passed on yet goes with it when it ends: jobs that are to be complete are
/// held then.
#[must_use]
pub(crate) struct Held {
    roots: Vec<PathBuf>,
}

impl Held {
    /// Holds those of the jobs that run.
    pub(crate) async fn new(engine: &Engine, dogi: &Dogi, jobs: &[Submitted]) -> Self {
        let mut roots = Vec::new();
        for job in jobs {
            for container in engine.running(&format!("dogi.run={}", job.run)) {
                let root = engine.root(&container);
                if hold(&root, dogi, job).await {
                    roots.push(root);
                }
            }
        }
        Self { roots }
    }

    /// Lets them go on, even if the engine is away.
    pub(crate) fn go_on(self) {
        for root in self.roots {
            fs::remove_file(root.join("hold")).expect("the job goes on");
        }
    }
}

/// False for a job that ends meanwhile.
async fn hold(root: &Path, dogi: &Dogi, job: &Submitted) -> bool {
    // Of an earlier time.
    let _ = fs::remove_file(root.join("held"));
    if fs::write(root.join("hold"), "").is_err() {
        return false;
    }
    let stands = || async {
        let lines = match fs::read_to_string(root.join("held")) {
            Ok(lines) => lines.trim().parse::<usize>().ok()?,
            Err(_) if root.exists() => return None,
            Err(_) => return Some(false),
        };
        let found = job.assert_lines_once(dogi).await;
        found.values().all(|found| *found == lines).then_some(true)
    };
    let what = format!("{} to stand still", job.job.id);
    wait::within(TO_STAND_STILL, &what, stands)
        .await
        .expect("it does")
}
