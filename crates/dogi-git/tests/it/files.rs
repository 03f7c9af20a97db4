//! Files by their names: of commits, and of directories as they are.

use dogi_git::{Checkout, ContextError, FileQuery, FilesError, Limits, RepoFile, WorkTree};
use dogi_testkit::repo::Repo;
use tokio_util::sync::CancellationToken;

use crate::support::{Setup, checked_out};

fn is_wanted(path: &str) -> bool {
    path.ends_with(".g.yaml")
}

fn query(max_bytes: u64, max_files: usize) -> FileQuery<'static> {
    FileQuery {
        wanted: &is_wanted,
        skip: &["node_modules"],
        max_bytes,
        max_files,
    }
}

/// The same files by one way or the other.
#[derive(Debug)]
enum Files {
    Commit(Checkout),
    Disk(WorkTree),
}

impl Files {
    async fn find(&self, query: FileQuery<'_>) -> Result<Vec<RepoFile>, FilesError> {
        self.find_until(query, &CancellationToken::new()).await
    }

    async fn find_until(
        &self,
        query: FileQuery<'_>,
        cancel: &CancellationToken,
    ) -> Result<Vec<RepoFile>, FilesError> {
        match self {
            Files::Commit(checkout) => checkout.files(query, cancel).await,
            Files::Disk(tree) => tree.files(query, cancel).await,
        }
    }
}

async fn both_ways(repo: &Repo) -> (Setup, [Files; 2]) {
    let (setup, checkout) = checked_out(repo).await;
    let tree = WorkTree::open(repo.path(), Limits::default()).unwrap();
    (setup, [Files::Commit(checkout), Files::Disk(tree)])
}

fn shown(files: Vec<RepoFile>) -> Vec<(String, String)> {
    let text = |file: &RepoFile| String::from_utf8(file.content.to_vec()).unwrap();
    files
        .into_iter()
        .map(|file| (file.path.clone(), text(&file)))
        .collect()
}

fn expected(files: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
    files.iter().map(owned).collect()
}

#[tokio::test]
async fn those_that_are_wanted_in_the_order_of_their_paths() {
    let repo = Repo::with_files(&[
        (".gitignore", "ignored*\n"),
        ("a/b/c/deep.g.yaml", "deep"),
        ("a.g.yaml", "beside"),
        ("a/z.g.yaml", ""),
        ("a/other.yaml", "x"),
        ("a-b.g.yaml", "first"),
        ("b/x.txt", "x"),
        ("ö/ü.g.yaml", "text"),
        ("node_modules/p/n.g.yaml", "x"),
        ("a/node_modules/n.g.yaml", "x"),
        ("my_node_modules/n.g.yaml", "mine"),
        ("directory.g.yaml/x", "x"),
    ])
    .unwrap();
    // Neither what a link leads to nor the link itself.
    repo.symlink("link.g.yaml", "a.g.yaml").unwrap();
    repo.symlink("linked", "a").unwrap();
    repo.symlink("out.g.yaml", "/etc/hostname").unwrap();
    repo.commit("Links").unwrap();
    let (_setup, ways) = both_ways(&repo).await;
    let all = expected(&[
        ("a-b.g.yaml", "first"),
        ("a.g.yaml", "beside"),
        ("a/b/c/deep.g.yaml", "deep"),
        ("a/z.g.yaml", ""),
        ("my_node_modules/n.g.yaml", "mine"),
        ("ö/ü.g.yaml", "text"),
    ]);
    for files in &ways {
        assert_eq!(shown(files.find(query(6, 6)).await.unwrap()), all);
        let none = FileQuery {
            wanted: &|path| path == "link.g.yaml" || path == "a" || path.ends_with('/'),
            ..query(6, 6)
        };
        assert_eq!(files.find(none).await.unwrap(), []);
    }
    // On disk it is what is there, as in a tar of it: committed, ignored or neither.
    repo.write("a.g.yaml", "edited").unwrap();
    repo.write("ignored.g.yaml", "i").unwrap();
    repo.write(".git/x.g.yaml", "x").unwrap();
    repo.remove("my_node_modules/n.g.yaml").unwrap();
    let [commit, disk] = &ways;
    assert_eq!(shown(commit.find(query(6, 6)).await.unwrap()), all);
    let mut now = all;
    now[1].1 = "edited".to_owned();
    now[4] = ("ignored.g.yaml".to_owned(), "i".to_owned());
    assert_eq!(shown(disk.find(query(6, 6)).await.unwrap()), now);
}

#[tokio::test]
async fn submodules_are_others() {
    let inner = Repo::with_files(&[("inner.g.yaml", "x")]).unwrap();
    let outer = Repo::with_files(&[("lib/outer.g.yaml", "mine")]).unwrap();
    let (allow, url) = ("protocol.file.allow=always", inner.file_url());
    let add = ["-c", allow, "submodule", "add", &url, "lib/in"];
    outer.git(&add).unwrap();
    outer.commit("Add").unwrap();
    let (_setup, ways) = both_ways(&outer).await;
    for files in &ways {
        let found = files.find(query(10, 10)).await.unwrap();
        assert_eq!(shown(found), expected(&[("lib/outer.g.yaml", "mine")]));
    }
}

#[tokio::test]
async fn a_file_is_what_a_checkout_writes() {
    let repo = Repo::with_files(&[(".gitattributes", "*.yaml eol=crlf\n")]).unwrap();
    repo.write("x.g.yaml", "a\nb\n").unwrap();
    repo.commit("Lines").unwrap();
    let (_setup, checkout) = checked_out(&repo).await;
    let files = Files::Commit(checkout);
    let found = files.find(query(6, 1)).await.unwrap();
    assert_eq!(shown(found), expected(&[("x.g.yaml", "a\r\nb\r\n")]));
    // That is what is measured, too.
    let error = files.find(query(5, 1)).await.unwrap_err();
    assert!(matches!(error, FilesError::TooLarge { .. }), "{error:?}");
}

#[tokio::test]
async fn too_large_and_too_many_are_named() {
    let small = [("a/1.g.yaml", "1"), ("a/2.g.yaml", "2"), ("b.txt", "long")];
    let repo = Repo::with_files(&small).unwrap();
    repo.write("b/big.g.yaml", "12345").unwrap();
    repo.commit("Big").unwrap();
    let (_setup, ways) = both_ways(&repo).await;
    for files in &ways {
        for (bytes, number, message) in [
            (4, 3, r#"the file "b/big.g.yaml" is larger than 4 bytes"#),
            (
                5,
                2,
                r#"there are more than 2 such files: "b/big.g.yaml" is one too many"#,
            ),
            (
                5,
                0,
                r#"there are more than 0 such files: "a/1.g.yaml" is one too many"#,
            ),
        ] {
            let error = files.find(query(bytes, number)).await.unwrap_err();
            assert_eq!(error.to_string(), message, "{files:?}");
        }
        assert_eq!(files.find(query(5, 3)).await.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn more_paths_than_are_asked_about_at_once() {
    let repo = Repo::new().unwrap();
    for n in 0..2500 {
        let end = if n % 500 == 7 { "g.yaml" } else { "txt" };
        repo.write(&format!("d{}/{n}.{end}", n % 3), "x").unwrap();
    }
    repo.commit("Many").unwrap();
    let (_setup, ways) = both_ways(&repo).await;
    for files in &ways {
        let found = files.find(query(1, 5)).await.unwrap();
        let paths: Vec<_> = found.iter().map(|file| file.path.as_str()).collect();
        let wanted = [
            "d0/2007.g.yaml",
            "d0/507.g.yaml",
            "d1/1507.g.yaml",
            "d1/7.g.yaml",
            "d2/1007.g.yaml",
        ];
        assert_eq!(paths, wanted);
        let error = files.find(query(1, 1)).await.unwrap_err();
        assert!(matches!(error, FilesError::TooMany { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn it_can_be_cancelled() {
    let repo = Repo::new().unwrap();
    for n in 0..600 {
        repo.write(&format!("{n}.g.yaml"), "x").unwrap();
    }
    repo.commit("Many").unwrap();
    let (_setup, ways) = both_ways(&repo).await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    for files in &ways {
        let error = files.find_until(query(1, 600), &cancel).await.unwrap_err();
        assert!(
            matches!(error, FilesError::Tree(ContextError::Cancelled)),
            "{error:?}"
        );
    }
}
