//! The helper program by itself, on files of this machine: every way in which a file can change.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use dogi_docker::helper_program;

/// The helper, running, and what it has said.
struct Helper {
    child: Child,
    frames: Receiver<(u8, u32, Vec<u8>)>,
    /// What a reader of file 0, 1… has.
    content: Vec<Vec<u8>>,
    restarts: Vec<usize>,
    words: Vec<String>,
    directory: tempfile::TempDir,
}

impl Helper {
    fn start(names: &[&str]) -> Helper {
        Helper::start_at(&names.iter().map(|name| (0, *name)).collect::<Vec<_>>())
    }

    fn start_at(names: &[(u64, &str)]) -> Helper {
        let directory = tempfile::tempdir().unwrap();
        Helper::start_in(directory, names)
    }

    fn start_in(directory: tempfile::TempDir, names: &[(u64, &str)]) -> Helper {
        assert!(!helper_program().is_empty(), "built without the helper");
        let program = directory.path().join(".helper");
        crate::support::executable(&program, helper_program());
        let mut command = Command::new(&program);
        for (offset, name) in names {
            command
                .arg(offset.to_string())
                .arg(directory.path().join(name));
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the helper");
        let mut out = child.stdout.take().unwrap();
        let (send, frames) = channel();
        std::thread::spawn(move || {
            let mut magic = [0; 13];
            out.read_exact(&mut magic).unwrap();
            assert_eq!(&magic, b"\0dogi-tail 1\n");
            let mut header = [0; 9];
            while out.read_exact(&mut header).is_ok() {
                let index = u32::from_be_bytes(header[1..5].try_into().unwrap());
                let len = u32::from_be_bytes(header[5..9].try_into().unwrap());
                let mut payload = vec![0; len as usize];
                out.read_exact(&mut payload).unwrap();
                if send.send((header[0], index, payload)).is_err() {
                    return;
                }
            }
        });
        let count = names.len();
        Helper {
            child,
            frames,
            content: vec![Vec::new(); count],
            restarts: vec![0; count],
            words: vec![String::new(); count],
            directory,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Reads frames until this holds.
    #[track_caller]
    fn until(&mut self, what: &str, done: impl Fn(&Helper) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !done(self) {
            match self
                .frames
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok((kind, index, payload)) => {
                    let index = index as usize;
                    match kind {
                        1 => self.content[index].extend(payload),
                        2 => {
                            self.restarts[index] += 1;
                            self.content[index].clear();
                        }
                        _ => self.words[index] = String::from_utf8(payload).unwrap(),
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!(
                    "{what}: have {:?}, {:?}, {:?}",
                    self.content
                        .iter()
                        .map(|c| c.escape_ascii().to_string())
                        .collect::<Vec<_>>(),
                    self.restarts,
                    self.words
                ),
                Err(RecvTimeoutError::Disconnected) => panic!("{what}: the helper ended"),
            }
        }
    }

    #[track_caller]
    fn until_content(&mut self, wanted: &str) {
        self.until(wanted, |it| it.content[0] == wanted.as_bytes());
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn late_appended_truncated_and_rewritten() {
    let mut helper = Helper::start(&["dir/f"]);
    fs::create_dir(helper.path("dir")).unwrap();
    let path = helper.path("dir/f");
    append(&path, "one\n");
    helper.until_content("one\n");
    append(&path, "tw");
    helper.until_content("one\ntw");
    append(&path, "o");
    helper.until_content("one\ntwo");
    assert_eq!(helper.restarts, [0]);

    // Truncated and shorter.
    fs::write(&path, "new").unwrap();
    helper.until_content("new");
    assert_eq!(helper.restarts, [1]);
    // Truncated and longer than before.
    fs::write(&path, "something else").unwrap();
    helper.until_content("something else");
    assert!(helper.restarts[0] >= 2);
    let restarts = helper.restarts[0];
    // Emptied.
    File::create(&path).unwrap();
    helper.until_content("");
    assert_eq!(helper.restarts[0], restarts + 1);
    append(&path, "again");
    helper.until_content("again");
    // Same length, other bytes.
    fs::write(&path, "AGAIN").unwrap();
    helper.until_content("AGAIN");
}

#[test]
fn replaced_by_rename_the_old_file_first() {
    let mut helper = Helper::start(&["f"]);
    let path = helper.path("f");
    append(&path, "a1\n");
    helper.until_content("a1\n");
    for round in 0..20 {
        let next = helper.path("next");
        append(&next, &format!("b{round}\n"));
        // Written to the old file at the last moment: seen, then forgotten.
        append(&path, "last words\n");
        fs::rename(&next, &path).unwrap();
        helper.until_content(&format!("b{round}\n"));
        assert_eq!(helper.restarts, [round + 1]);
    }
}

#[test]
fn the_last_words_of_a_replaced_file_are_told() {
    let mut helper = Helper::start(&["f"]);
    let path = helper.path("f");
    append(&path, "start\n");
    helper.until_content("start\n");
    fs::rename(&path, helper.path("f.1")).unwrap();
    // Log rotation: the program still writes to the file that it has open.
    append(&helper.path("f.1"), "end\n");
    helper.until_content("start\nend\n");
    append(&path, "fresh\n");
    helper.until_content("fresh\n");
    assert_eq!(helper.restarts, [1]);
}

#[test]
fn removed_and_made_again() {
    let mut helper = Helper::start(&["f"]);
    let path = helper.path("f");
    append(&path, "1");
    helper.until_content("1");
    fs::remove_file(&path).unwrap();
    append(&path, "2");
    helper.until_content("2");
    assert_eq!(helper.restarts, [1]);
}

#[test]
fn several_files_and_large_ones() {
    let mut helper = Helper::start(&["small", "large", "never"]);
    let large: Vec<u8> = (0..30_000_000u32).map(|n| (n / 7) as u8).collect();
    fs::write(helper.path("large"), &large).unwrap();
    append(&helper.path("small"), "here");
    helper.until("both", |it| {
        it.content[0] == b"here" && it.content[1].len() == large.len()
    });
    assert!(helper.content[1] == large);
    assert!(helper.content[2].is_empty());
    // Large and rewritten while the helper reads: it ends with what is there.
    fs::write(helper.path("large"), &large[1..]).unwrap();
    helper.until("rewritten", |it| it.content[1].len() == large.len() - 1);
    assert!(helper.content[1] == large[1..]);
}

#[test]
fn links_are_followed_and_may_be_changed() {
    let mut helper = Helper::start(&["link"]);
    append(&helper.path("a"), "content of a");
    append(&helper.path("b"), "content of b");
    std::os::unix::fs::symlink("a", helper.path("link")).unwrap();
    helper.until_content("content of a");
    std::os::unix::fs::symlink("b", helper.path("link2")).unwrap();
    fs::rename(helper.path("link2"), helper.path("link")).unwrap();
    helper.until_content("content of b");
}

#[test]
fn what_is_no_file_is_told_and_never_waited_for() {
    let mut helper = Helper::start(&["dir", "fifo", "socket", "device", "loop", "file"]);
    let device = helper.path("device");
    fs::create_dir(helper.path("dir")).unwrap();
    let made = Command::new("mkfifo")
        .arg(helper.path("fifo"))
        .status()
        .unwrap();
    assert!(made.success());
    let _socket = std::os::unix::net::UnixListener::bind(helper.path("socket")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", device).unwrap();
    std::os::unix::fs::symlink("loop", helper.path("loop")).unwrap();
    append(&helper.path("file"), "still here");
    helper.until("all", |it| {
        it.words[0] == "directory"
            && it.words[1] == "fifo"
            && it.words[2] == "socket"
            && it.words[3] == "device"
            && it.words[4].contains("symbolic links")
            && it.content[5] == b"still here"
    });
    // A file may take its place.
    fs::remove_file(helper.path("fifo")).unwrap();
    append(&helper.path("fifo"), "a file now");
    helper.until("now a file", |it| it.content[1] == b"a file now");
}

#[test]
fn it_resumes_at_an_offset_and_starts_over_when_the_file_is_shorter() {
    let directory = tempfile::tempdir().unwrap();
    append(&directory.path().join("long"), "0123456789");
    append(&directory.path().join("short"), "abc");
    let mut helper = Helper::start_in(directory, &[(4, "long"), (7, "short")]);
    helper.until("both", |it| {
        it.content[0] == b"456789" && it.content[1] == b"abc"
    });
    assert_eq!(helper.restarts, [0, 1]);
}

#[test]
fn it_ends_with_its_input_or_its_reader() {
    let mut helper = Helper::start(&["f"]);
    drop(helper.child.stdin.take());
    assert!(helper.child.wait().unwrap().success());
}

#[test]
fn a_write_is_seen_soon_and_idling_costs_little() {
    let mut helper = Helper::start(&["f"]);
    let path = helper.path("f");
    append(&path, "x");
    helper.until_content("x");
    let mut delays = Vec::new();
    for round in 0..200 {
        // Not in step with the helper.
        let (wait, _guard) = channel::<()>();
        drop(wait);
        std::thread::park_timeout(Duration::from_millis(3 + round % 11));
        let begun = Instant::now();
        append(&path, "y");
        let wanted = helper.content[0].len() + 1;
        helper.until("a byte", |it| it.content[0].len() == wanted);
        delays.push(begun.elapsed());
    }
    delays.sort();
    assert!(
        delays[delays.len() * 99 / 100] < Duration::from_millis(50),
        "{delays:?}"
    );
}
