use std::io::Read;

use dogi_testkit::docker::Context;

#[test]
fn a_context_as_tar_and_as_repo() {
    let context = Context::bash("CMD [\"echo\", \"hi\"]\n")
        .unwrap()
        .file("data/a", "one");
    let bytes = context.tar().unwrap();
    let mut archive = tar::Archive::new(bytes.as_slice());
    let mut seen = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let path = entry.path().unwrap().display().to_string();
        seen.push((path, entry.header().mode().unwrap()));
    }
    let wanted = [
        ("Dockerfile", 0o644),
        ("bash", 0o755),
        ("busybox", 0o755),
        ("data/a", 0o644),
    ];
    assert_eq!(seen, wanted.map(|(path, mode)| (path.to_owned(), mode)));

    let repo = context.repo().unwrap();
    assert!(
        repo.git(&["ls-tree", "HEAD"])
            .unwrap()
            .contains("100755 blob")
    );
}
