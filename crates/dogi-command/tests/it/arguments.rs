//! What a program gets.

use std::{
    ffi::OsString,
    fs::{self, File},
    os::{fd::AsFd as _, unix::ffi::OsStringExt as _},
};

use tempfile::TempDir;

use crate::support::{ALL, command, number, printed, program, run, script, sh, text};
use dogi_command::CommandSpec;

#[tokio::test]
async fn arguments_stay_as_they_are() {
    let mut spec = command("printf", ["%s|"]);
    let arguments: [&[u8]; 7] = [
        b"$(id); `id`",
        b"two words",
        b"",
        b"--option",
        b"'\"\\",
        b"line\nline",
        b"\xff\xfe not text",
    ];
    spec.arguments
        .extend(arguments.map(|text| OsString::from_vec(text.to_vec())));
    let (output, exit) = run(spec).await;
    assert!(exit.success());
    let expected = arguments.map(|text| [text, b"|"].concat()).concat();
    assert_eq!(output.bytes, expected);
}

#[tokio::test]
async fn the_name_is_the_one_configured() {
    let mut spec = CommandSpec::new(program("sh"), "scripts/deploy.sh");
    spec.arguments = vec!["-c".into(), "cat /proc/$$/cmdline".into()];
    assert!(printed(spec).await.starts_with("scripts/deploy.sh\0-c\0"));
}

#[tokio::test]
async fn the_environment_is_whole() {
    let mut spec = command("env", []);
    spec.environment = vec![
        ("B".into(), "1".into()),
        ("A".into(), "two words; $B".into()),
        ("B".into(), "2".into()),
        ("EMPTY".into(), "".into()),
    ];
    let printed = printed(spec).await;
    let mut lines: Vec<_> = printed.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["A=two words; $B", "B=2", "EMPTY="]);
}

#[tokio::test]
async fn it_runs_where_it_is_told() {
    let place = TempDir::new().unwrap();
    let path = place.path().canonicalize().unwrap();
    let mut spec = command("pwd", []);
    spec.working_directory = Some(path.clone());
    assert_eq!(printed(spec).await.trim_end(), path.to_str().unwrap());

    let mut spec = command("pwd", []);
    spec.working_directory = None;
    let here = std::env::current_dir().unwrap();
    assert_eq!(printed(spec).await.trim_end(), here.to_str().unwrap());
}

#[tokio::test]
async fn there_is_no_input() {
    assert_eq!(printed(command("cat", [])).await, "");
    assert_eq!(printed(sh("readlink /proc/$$/fd/0")).await, "/dev/null\n");
}

/// This process has files, pipes and sockets open; the program sees its own three.
#[tokio::test]
async fn no_descriptor_leaks() {
    let place = TempDir::new().unwrap();
    let file = File::create(place.path().join("open")).unwrap();
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let _more = (file.as_fd(), socket.as_fd());
    let other = sh("echo ready; exec sleep 100").spawn().await.unwrap();
    let printed = printed(command("ls", ["-l", "/proc/self/fd"])).await;
    let links = printed.lines().filter_map(|line| line.split_once(" -> "));
    let numbers = links.filter_map(|(left, _)| left.rsplit(' ').next());
    let mut found: Vec<u32> = numbers.map(number).collect();
    // Its own three, and the directory that it lists.
    let mut expected: Vec<u32> = (0..=3).chain(inheritable()).collect();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected, "{printed}");
    drop(other);
}

/// Descriptors that whoever started the tests left to them, and to all that they start.
fn inheritable() -> Vec<u32> {
    const CLOEXEC: u32 = 0o2_000_000;
    let entries = fs::read_dir("/proc/self/fdinfo").unwrap();
    let entries = entries.filter_map(|entry| {
        let path = entry.unwrap().path();
        let info = fs::read_to_string(&path).ok()?;
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
        let flags = u32::from_str_radix(flags.trim(), 8).unwrap();
        let number = path.file_name()?.to_str()?.parse().ok()?;
        (flags & CLOEXEC == 0 && number > 2).then_some(number)
    });
    entries.collect()
}

#[tokio::test]
async fn it_has_a_group_of_its_own_and_ordinary_signals() {
    let spec = command("cat", ["/proc/self/stat", "/proc/self/status"]);
    let mut running = spec.spawn().await.unwrap();
    let id = running.process.id();
    let output = running.output.read_to_limit(ALL).await.unwrap();
    let printed = text(&output.bytes);
    assert_eq!(printed.split(' ').nth(4), Some(id.to_string().as_str()));
    // 1 to 31: two later ones are the C library's own, which it ignores on behalf of the child.
    for set in ["SigBlk:", "SigIgn:"] {
        let value = printed
            .lines()
            .find_map(|line| line.strip_prefix(set))
            .unwrap();
        let value = u64::from_str_radix(value.trim(), 16).unwrap();
        assert_eq!(value & 0x7fff_ffff, 0, "{printed}");
    }
    assert!(running.wait().await.unwrap().success());
}

/// As right after a deployment: who writes the program is not done yet.
#[tokio::test]
async fn a_program_that_is_just_being_written() {
    let place = TempDir::new().unwrap();
    let path = script(place.path(), "tool", "#!/bin/sh\necho written\n");
    let writer = File::options().append(true).open(&path).unwrap();
    let program = dogi_command::Program::find(path.as_os_str(), None, "".as_ref()).unwrap();
    let starting = CommandSpec::new(program, "tool").spawn();
    tokio::pin!(starting);
    // It tries once, and then waits for a moment.
    assert!(futures::poll!(&mut starting).is_pending());
    drop(writer);
    let (output, _) = starting.await.unwrap().collect(100).await.unwrap();
    assert_eq!(output.bytes, "written\n");
    fs::remove_file(path).unwrap();
}
