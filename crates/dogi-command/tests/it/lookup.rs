//! Which file a command is.

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt as _, path::Path};

use dogi_command::{LookupError, Program};
use tempfile::TempDir;

use crate::support::script;

/// A directory with `run.sh`, `plain.txt`, `bin/tool`, `bin/plain.txt`, `other/tool`, `other/later`
/// and the directory `bin/folder`.
fn place() -> TempDir {
    let place = TempDir::new().unwrap();
    let root = place.path();
    for folder in ["bin/folder", "other"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    for program in [
        "run.sh",
        "bin/tool",
        "other/tool",
        "other/later",
        "other/plain.txt",
    ] {
        script(root, program, "#!/bin/sh\n");
    }
    for plain in ["plain.txt", "bin/plain.txt"] {
        fs::write(root.join(plain), "text").unwrap();
    }
    place
}

fn find(root: &Path, command: &str, directory: Option<&str>) -> Result<Program, LookupError> {
    let at = |text: &str| text.replace("ROOT", root.to_str().unwrap());
    let directory = directory.map(at);
    let search = at("ROOT/missing:ROOT/bin:ROOT/other");
    let directory = directory.as_deref().map(Path::new);
    Program::find(OsStr::new(&at(command)), directory, OsStr::new(&search))
}

#[test]
fn what_is_found() {
    let place = place();
    let cases = [
        ("ROOT/run.sh", None, "run.sh"),
        // An absolute command does not care where it runs.
        ("ROOT/run.sh", Some("ROOT/other"), "run.sh"),
        ("run.sh", Some("ROOT"), "run.sh"),
        ("./run.sh", Some("ROOT"), "./run.sh"),
        ("bin/tool", Some("ROOT"), "bin/tool"),
        ("../run.sh", Some("ROOT/bin"), "bin/../run.sh"),
        ("tool", None, "bin/tool"),
        ("later", None, "other/later"),
        // What can't be executed is passed over in PATH.
        ("plain.txt", None, "other/plain.txt"),
        // With a working directory PATH does not count.
        ("tool", Some("ROOT/other"), "other/tool"),
    ];
    for (command, directory, expected) in cases {
        let found = find(place.path(), command, directory).unwrap();
        let expected = place.path().join(expected);
        let canonical = |path: &Path| path.canonicalize().unwrap();
        assert!(found.path().is_absolute(), "{command} in {directory:?}");
        assert_eq!(
            canonical(found.path()),
            canonical(&expected),
            "{command} in {directory:?}"
        );
    }
}

#[test]
fn what_is_not_found_and_why() {
    let place = place();
    let cases = [
        ("", None, "is empty"),
        ("", Some("ROOT"), "is empty"),
        ("tool\0", None, "contains a NUL byte"),
        (
            "missing",
            None,
            "no executable file of that name in PATH (\"ROOT/missing:ROOT/bin:ROOT/other\")",
        ),
        ("missing", Some("ROOT"), "there is no file \"ROOT/missing\""),
        ("later", Some("ROOT"), "there is no file \"ROOT/later\""),
        ("ROOT/missing", None, "there is no file \"ROOT/missing\""),
        ("./missing", None, "there is no file \"./missing\""),
        ("missing --option", None, "arguments are given apart"),
        ("run.sh --option", Some("ROOT"), "arguments are given apart"),
        ("folder", None, "in PATH"),
        ("bin", Some("ROOT"), "is the directory \"ROOT/bin\""),
        ("ROOT", None, "is the directory \"ROOT\""),
        (
            "plain.txt",
            Some("ROOT"),
            "the file \"ROOT/plain.txt\" lacks the permission",
        ),
        (
            "ROOT/plain.txt",
            None,
            "the file \"ROOT/plain.txt\" lacks the permission",
        ),
        (
            "run.sh/x",
            Some("ROOT"),
            "can't be looked up as \"ROOT/run.sh/x\"",
        ),
    ];
    for (command, directory, expected) in cases {
        let error = find(place.path(), command, directory)
            .unwrap_err()
            .to_string();
        let expected = expected.replace("ROOT", place.path().to_str().unwrap());
        assert!(
            error.contains(&expected),
            "{command:?} in {directory:?}: {error}"
        );
        let quoted = format!(
            "{:?}",
            command.replace("ROOT", place.path().to_str().unwrap())
        );
        assert!(command.is_empty() || error.contains(&quoted), "{error}");
    }
}

/// Tests run in the crate's own directory.
#[test]
fn relative_directories() {
    let here = std::env::current_dir().unwrap();
    let place = TempDir::new_in(&here).unwrap();
    script(place.path(), "tool", "#!/bin/sh\n");
    let name = place.path().file_name().unwrap();

    let found = Program::find(OsStr::new("tool"), Some(Path::new(name)), OsStr::new("")).unwrap();
    assert_eq!(found.path(), place.path().join("tool"));

    let error = Program::find(OsStr::new("tool"), None, name).unwrap_err();
    assert!(
        matches!(error, LookupError::RelativeSearch { .. }),
        "{error}"
    );
    let mut search = name.to_owned();
    search.push(":/bin");
    assert!(Program::find(OsStr::new("sh"), None, &search).is_ok());
}

#[test]
fn an_empty_path_has_no_directory() {
    for search in ["", ":", "::/missing"] {
        let found = Program::find(OsStr::new("sh"), None, OsStr::new(search));
        assert!(
            matches!(found, Err(LookupError::NotInPath { .. })),
            "{search:?}"
        );
    }
}

#[test]
fn names_need_not_be_text() {
    let place = TempDir::new().unwrap();
    let name = OsStr::from_bytes(b"tool\xff");
    let path = place.path().join(name);
    fs::copy("/bin/true", &path).unwrap();
    assert_eq!(
        Program::find(name, Some(place.path()), OsStr::new(""))
            .unwrap()
            .path(),
        path
    );
    assert_eq!(
        Program::find(name, None, place.path().as_os_str())
            .unwrap()
            .path(),
        path
    );
    let error = Program::find(name, None, OsStr::new("/bin")).unwrap_err();
    assert!(error.to_string().contains(r#""tool\xFF""#), "{error}");
}
