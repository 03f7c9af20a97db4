//! Instance ids.

use dogi_url::{InstanceId, Namespace, RepoUrl, RequestId};

fn repo(text: &str) -> RepoUrl {
    text.parse().expect("a repository")
}

#[test]
fn vectors() {
    let default = Namespace::default();
    let ssh = repo("git@github.com:ovenator/dogi.git");
    let https = repo("https://github.com/o/r.git");
    let id = RequestId::new("all_pages").expect("an id");
    let cases = [
        (
            InstanceId::new(&default, &ssh, None),
            "dogi_default_45d218fc28c14ec629065042c0de0ba6bc0c5a34",
        ),
        (
            InstanceId::new(&default, &https, None),
            "dogi_default_526e4a8479d4f91ef2ce1b4cca9b19fc0ac39f1e",
        ),
        (
            InstanceId::new(&default, &https, Some(&id)),
            "dogi_default_526e4a8479d4f91ef2ce1b4cca9b19fc0ac39f1e_0edd2c45b0a078124fa62a4d47e0eac359cfadf0",
        ),
    ];
    for (instance, wanted) in cases {
        assert_eq!(instance.as_str(), wanted);
        assert_eq!(wanted.parse(), Ok(instance.clone()));
        assert_eq!(instance.namespace(), default);
    }
}

#[test]
fn namespaces_of_all_shapes_are_found_again() {
    let id = RequestId::new("x").expect("an id");
    for name in ["a", "a_b", "_", "a_", "a__b", "0", "dogi_x", "A.b-c"] {
        let namespace = Namespace::new(name).expect("a namespace");
        for id in [None, Some(&id)] {
            let instance = InstanceId::new(&namespace, &repo("https://h.example/r"), id);
            let again: InstanceId = instance.as_str().parse().expect("its own text");
            assert_eq!(again.namespace(), namespace);
        }
    }
}

#[test]
fn bad_ones() {
    let hash = "45d218fc28c14ec629065042c0de0ba6bc0c5a34";
    let bad = [
        String::new(),
        "dogi".to_owned(),
        "dogi_default".to_owned(),
        format!("default_{hash}"),
        format!("dogi__{hash}"),
        format!("dogi_{hash}"),
        format!("dogi_default_{}", hash.to_uppercase()),
        format!("dogi_default_{}", &hash[1..]),
        format!("dogi_default_{hash}/../x"),
        format!("dogi_../x_{hash}"),
        format!("dogi_default_{hash}_"),
        format!("dogi_default_{hash}_{hash}_{hash}"),
        format!("dogi_default_{hash}\n"),
    ];
    for text in bad {
        assert!(text.parse::<InstanceId>().is_err(), "{text:?}");
    }
    for text in [
        "",
        ".",
        "-a",
        "a b",
        "a/b",
        "ä",
        hash,
        &format!("a_{hash}"),
        &"a".repeat(129),
    ] {
        assert!(Namespace::new(text).is_err(), "{text:?}");
    }
}
