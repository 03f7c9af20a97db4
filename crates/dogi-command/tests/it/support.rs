//! What several tests need.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use dogi_command::{Collected, CommandSpec, Exit, FileSpec, Output, Program};
use dogi_testkit::wait;

pub(crate) const PATH: &str = "/usr/bin:/bin";

/// More than any test here writes, unless it says so.
pub(crate) const ALL: usize = 1 << 20;

pub(crate) fn program(name: &str) -> Program {
    Program::find(OsStr::new(name), None, OsStr::new(PATH)).unwrap()
}

/// A program of the system with these arguments, and `PATH`.
pub(crate) fn command<const N: usize>(name: &str, arguments: [&str; N]) -> CommandSpec {
    let mut spec = CommandSpec::new(program(name), name);
    spec.arguments = arguments.into_iter().map(OsString::from).collect();
    spec.environment = vec![("PATH".into(), PATH.into())];
    spec
}

/// A script of the shell.
pub(crate) fn sh(script: &str) -> CommandSpec {
    command("sh", ["-c", script])
}

pub(crate) fn file(variable: &str, content: &[u8], directory: &Path) -> FileSpec {
    FileSpec {
        variable: variable.into(),
        content: Bytes::copy_from_slice(content),
        directory: directory.to_owned(),
    }
}

pub(crate) async fn run(spec: CommandSpec) -> (Collected, Exit) {
    spec.spawn().await.unwrap().collect(ALL).await.unwrap()
}

/// All that a program prints, as text.
pub(crate) async fn printed(spec: CommandSpec) -> String {
    text(&run(spec).await.0.bytes)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Reads until the output so far ends with `ending`.
pub(crate) async fn read_until(output: &mut Output, ending: &str) -> String {
    let mut all = Vec::new();
    while !all.ends_with(ending.as_bytes()) {
        let more = output.next().await.unwrap();
        let so_far = text(&all);
        all.extend_from_slice(&more.unwrap_or_else(|| panic!("it ended after {so_far:?}")));
    }
    text(&all)
}

/// An executable file with this content.
pub(crate) fn script(directory: &Path, name: &str, content: &str) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

pub(crate) fn is_there(process: u32) -> bool {
    Path::new(&format!("/proc/{process}")).exists()
}

/// Neither running nor a zombie.
pub(crate) async fn until_gone(process: u32) {
    let what = format!("process {process} to be gone");
    wait::until(&what, || async { (!is_there(process)).then_some(()) })
        .await
        .unwrap();
}

/// Not running; a zombie that somebody else has to reap is fine.
pub(crate) async fn until_dead(process: u32) {
    let what = format!("process {process} to be dead");
    wait::until(&what, || async {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let after_name = stat.rsplit(") ").next().unwrap_or_default();
        (after_name.is_empty() || after_name.starts_with('Z')).then_some(())
    })
    .await
    .unwrap();
}

pub(crate) fn number(text: &str) -> u32 {
    text.trim().parse().unwrap()
}
