//! A server for cases.

use std::{
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use dogi_testkit::{proc::Process, wait};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::case::{Case, Step};
use super::send::send;
use crate::harness::{NO_DOCKER, PROGRAM, SEARCH_PATH, fresh_address};

/// What the server says when it has looked at its files again, whatever came of it.
const READ_AGAIN: [&str; 2] = ["hooks were read again", "hooks stay as they were"];

pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    folder: PathBuf,
}

impl Server {
    /// Starts it in the directory, which is also what `{{TMP}}` says.
    ///
    /// `hooks` are its files' texts, those of the case where there are none.
    pub(crate) fn start(case: &Case, hooks: &[String], folder: &TempDir) -> Self {
        let folder = folder.path();
        for (name, text) in &case.files {
            let path = folder.join(name);
            let parent = path.parent().expect("it is below the directory");
            std::fs::create_dir_all(parent).expect("a directory");
            std::fs::write(&path, text).expect("a file");
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(&path, mode).expect("its owner may");
        }
        let address = fresh_address();
        let mut command = Command::new(PROGRAM);
        command
            .arg("serve")
            .current_dir(folder)
            .env_clear()
            .env("PATH", SEARCH_PATH)
            .env("HOME", folder)
            .env("BYPASS_SIGNATURES", "true")
            .env("LISTEN", address.to_string())
            .env("DATA_DIR", folder.join("data"))
            .envs([NO_DOCKER])
            .envs(&case.env);
        let of_case = std::iter::once(&case.hooks).chain(&case.extra_hooks);
        let of_case = of_case.filter(|_| hooks.is_empty());
        for (number, text) in of_case.chain(hooks).enumerate() {
            let text = text.replace("{{TMP}}", folder.to_str().expect("UTF-8"));
            let path = hooks_file(folder, number);
            std::fs::write(&path, text).expect("a file");
            command.arg("--hooks").arg(path);
        }
        Self {
            process: Process::spawn(&mut command, "none: it is dogi itself").expect("it starts"),
            address,
            folder: folder.to_owned(),
        }
    }

    pub(crate) async fn step(&self, step: &Step, changed: &mut Option<usize>) {
        match step {
            Step::WriteHooks(text) => {
                changed.get_or_insert_with(|| self.times_read());
                // Renamed to, so that no half of it is read.
                let new = self.folder.join("new.yaml");
                std::fs::write(&new, text).expect("a file");
                std::fs::rename(new, hooks_file(&self.folder, 0)).expect("renamed");
            }
            Step::RemoveHooks(_) => {
                changed.get_or_insert_with(|| self.times_read());
                std::fs::remove_file(hooks_file(&self.folder, 0)).expect("it was there");
            }
            Step::Signal(name) => {
                self.signal(name);
                self.read(changed).await;
            }
            // What there was to wait for is the files.
            Step::Sleep(_) => self.read(changed).await,
            Step::Request(request) => {
                send(self.address, request).await.expect("an answer");
            }
        }
    }

    /// Waits until the files were read after they were changed, by a signal or by itself.
    async fn read(&self, changed: &mut Option<usize>) {
        let Some(before) = changed.take() else {
            return;
        };
        wait::until("the hooks to be read again", || async {
            (self.times_read() > before).then_some(())
        })
        .await
        .expect("they are");
    }

    fn times_read(&self) -> usize {
        let log = self.process.output();
        READ_AGAIN
            .iter()
            .map(|text| log.matches(text).count())
            .sum()
    }

    fn signal(&self, name: &str) {
        let signal = match name {
            "HUP" => Signal::HUP,
            "USR1" => Signal::USR1,
            "TERM" => Signal::TERM,
            other => panic!("no signal for cases: {other}"),
        };
        let id = i32::try_from(self.process.id());
        let id = id.ok().and_then(Pid::from_raw);
        kill_process(id.expect("a process has an id"), signal).expect("it runs");
    }

    /// Stops it, so that nothing happens any more: commands that were started have ended.
    pub(crate) async fn stop(&mut self) {
        self.signal("TERM");
        self.process.ended_by_itself().await.expect("it stops");
    }
}

fn hooks_file(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("hooks{number}.yaml"))
}
