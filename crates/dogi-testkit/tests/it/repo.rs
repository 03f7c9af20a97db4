use dogi_testkit::{
    Error,
    repo::{Entry, Repo},
};

#[test]
fn the_same_script_makes_the_same_ids() {
    let script = || {
        let repo = Repo::new().unwrap();
        repo.write("a/b.txt", "one\n").unwrap();
        repo.write_executable("run.sh", "#!/bin/sh\n").unwrap();
        repo.symlink("link", "/etc/passwd").unwrap();
        repo.commit("Begin").unwrap()
    };
    assert_eq!(script(), script());
}

#[test]
fn modes_links_tags_and_branches_are_kept() {
    let repo = Repo::with_files(&[("file", "x")]).unwrap();
    repo.write_executable("tool", "x")
        .unwrap()
        .symlink("link", "../out")
        .unwrap();
    let first = repo.commit("First").unwrap();
    repo.tag("v1").unwrap().branch("topic").unwrap();
    let tag = repo.annotated_tag("v1-signed", "text").unwrap();
    repo.remove("file").unwrap();
    let second = repo.commit("Second").unwrap();
    let listing = repo.git(&["ls-tree", "-r", &first]).unwrap();
    let modes: Vec<_> = listing.lines().map(|line| &line[..6]).collect();
    assert_eq!(modes, ["100644", "120000", "100755"]);
    assert_eq!(repo.rev_parse("v1").unwrap(), first);
    assert_eq!(repo.rev_parse("topic").unwrap(), second);
    assert_eq!(repo.rev_parse("v1-signed^{commit}").unwrap(), first);
    assert_ne!(tag, first);
    repo.switch("main").unwrap();
    assert_eq!(repo.head().unwrap(), first);
    assert!(repo.path().join("file").exists());
}

#[test]
fn submodules_stay_links_over_commits() {
    let sub = Repo::with_files(&[("inside", "x")]).unwrap();
    let repo = Repo::with_files(&[("file", "x")]).unwrap();
    let commit = sub.head().unwrap();
    repo.submodule("libs/sub", "../sub.git", &commit).unwrap();
    repo.submodule("libs/other", "-u./evil", &commit).unwrap();
    repo.commit("Add").unwrap();
    repo.write("file", "y").unwrap();
    repo.commit("Later").unwrap();
    let listing = repo.git(&["ls-tree", "HEAD", "libs/"]).unwrap();
    assert_eq!(listing.matches("160000 commit").count(), 2, "{listing}");
    let modules = repo.git(&["show", "HEAD:.gitmodules"]).unwrap();
    assert!(modules.contains("url = -u./evil"), "{modules}");
}

#[test]
fn trees_that_git_would_not_make() {
    let repo = Repo::new().unwrap();
    let blob = repo.blob("evil\n").unwrap();
    let git = repo.tree(&[Entry::file("config", &blob)]).unwrap();
    let names: [&[u8]; 4] = [b"..", b"a/b", b".git", b"\xff\xfe"];
    for name in names {
        let entry = if name == b".git" {
            Entry::tree(name, &git)
        } else {
            Entry::file(name, &blob)
        };
        let tree = repo.tree(&[entry]).unwrap();
        let commit = repo.commit_tree("evil", &tree, "Evil").unwrap();
        assert_eq!(repo.rev_parse("evil").unwrap(), commit);
        let raw = repo.git(&["cat-file", "-s", &tree]).unwrap();
        let mode = if name == b".git" { "40000" } else { "100644" };
        assert_eq!(raw.parse::<usize>().unwrap(), mode.len() + name.len() + 22);
    }
}

#[test]
fn a_failing_git_says_what_and_why() {
    let repo = Repo::new().unwrap();
    let error = repo.switch("nowhere").unwrap_err();
    assert!(matches!(error, Error::Failed { .. }));
    let text = error.to_string();
    assert!(
        text.contains("git checkout") && text.contains("nowhere"),
        "{text}"
    );
}

#[test]
fn a_missing_program_names_its_package() {
    let mut command = std::process::Command::new("no-such-program-of-dogi");
    let error = dogi_testkit::proc::run(&mut command, "some-package").unwrap_err();
    let wanted = "the program `no-such-program-of-dogi` is not installed: \
                  on Debian, `apt-get install some-package`";
    assert_eq!(error.to_string(), wanted);
}
