//! What a Dockerfile says about its bases: by table.

use std::collections::BTreeMap;

use dogi_docker::{Bases, ImageName, UnknowableReason as R, base_images};
use proptest::prelude::*;

fn read(text: &str, args: &[(&str, &str)], target: Option<&str>) -> Bases {
    let args = args
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    base_images(text.as_bytes(), &args, target)
}

fn names(bases: &Bases) -> String {
    bases
        .images
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn bases_that_are_known() {
    // (Dockerfile, arguments, target, images in order of their names)
    let cases: &[(&str, &[(&str, &str)], Option<&str>, &str)] = &[
        ("FROM debian:12", &[], None, "debian:12"),
        ("from  Debian:12", &[], None, "!"),
        ("from debian\n", &[], None, "debian"),
        ("\u{feff}FROM a", &[], None, "a"),
        ("FROM scratch\nCOPY . /", &[], None, ""),
        (
            "FROM --platform=$BUILDPLATFORM golang:1 AS build\nFROM build",
            &[],
            None,
            "golang:1",
        ),
        ("FROM a AS B\nFROM b", &[], None, "a"),
        ("FROM alpine AS alpine\nFROM alpine", &[], None, "alpine"),
        ("FROM a\nFROM 0", &[], None, "0 a"),
        ("FROM a\r\nFROM b\r\n", &[], None, "a b"),
        (
            "# comment\n\nFROM \\\n  # in between\n\n  a \\  \n AS x\n",
            &[],
            None,
            "a",
        ),
        ("# escape=`\nFROM `\n a", &[], None, "a"),
        ("FROM a\nRUN echo \\\\\nFROM b", &[], None, "a b"),
        ("FROM a\nRUN echo \\\nFROM b", &[], None, "a"),
        // Arguments.
        ("ARG V=12\nFROM debian:$V", &[], None, "debian:12"),
        (
            "ARG V=12\nFROM debian:${V}",
            &[("V", "13")],
            None,
            "debian:13",
        ),
        ("ARG V\nFROM debian:${V:-11}", &[], None, "debian:11"),
        ("ARG V=\nFROM debian:${V:-11}", &[], None, "debian:11"),
        ("ARG V=x\nFROM debian${V:+:9}", &[], None, "debian:9"),
        ("FROM debian${V:+:9}", &[("V", "1")], None, "debian"),
        (
            "ARG R=r.example.com:5000/\nARG I=${R}team\nFROM \"$I\"/app",
            &[],
            None,
            "r.example.com:5000/team/app",
        ),
        ("ARG A=1 B=2\nFROM a:$A.$B", &[], None, "a:1.2"),
        ("ARG A=${B:-${C:-deep}}\nFROM a:$A", &[], None, "a:deep"),
        // Copies and mounts.
        ("FROM a\nCOPY --from=b:1 /x /y", &[], None, "a b:1"),
        (
            "FROM a AS one\nFROM b\nCOPY --chown=1:1 --from=one /x /y\nCOPY --from=0 /x /y",
            &[],
            None,
            "a b",
        ),
        (
            "FROM a\nRUN --mount=type=bind,from=c,target=/m --mount=from=d,target=/n ls",
            &[],
            None,
            "a c d",
        ),
        (
            "FROM a\nRUN --mount=type=cache,target=/c make --mount=from=no",
            &[],
            None,
            "a",
        ),
        (
            "FROM a\nRUN --mount=type=cache,from=e,target=/c make",
            &[],
            None,
            "a e",
        ),
        // Stages after the target.
        ("FROM a AS x\nFROM b AS y\nFROM c", &[], Some("X"), "a"),
        ("FROM a AS x\nFROM b AS y\nFROM c", &[], Some("1"), "a b"),
        (
            "FROM a AS x\nCOPY --from=d / /\nFROM b",
            &[],
            Some("x"),
            "a d",
        ),
        ("FROM a AS x\nFROM b", &[], Some(""), "a b"),
        // Here-documents.
        ("FROM a\nRUN <<EOF\nFROM b\nEOF\nFROM c", &[], None, "a c"),
        (
            "FROM a\nRUN cat <<-'E' 3<<F > /x\nFROM b\n\tE\nFROM d\nF\nFROM c",
            &[],
            None,
            "a c",
        ),
        (
            "FROM a\nCOPY <<\"x y\" /f\nFROM b\nx y\nFROM c",
            &[],
            None,
            "a c",
        ),
        ("FROM a\nRUN echo '<<EOF'\nFROM b", &[], None, "a b"),
        ("FROM a\nRUN echo $((1 << 2))\nFROM b", &[], None, "a b"),
        // Names.
        ("FROM docker.io/library/debian:12", &[], None, "debian:12"),
        ("FROM index.docker.io/o/r", &[], None, "o/r"),
        (
            "FROM localhost/x\nFROM localhost:5000/x",
            &[],
            None,
            "localhost/x localhost:5000/x",
        ),
        (
            "FROM a\nONBUILD ADD http://x/y /\nONBUILD RUN --mount=type=ssh x",
            &[],
            None,
            "a",
        ),
    ];
    for (text, args, target, wanted) in cases {
        let bases = read(text, args, *target);
        if *wanted == "!" {
            assert!(!bases.is_knowable(), "{text:?}");
            continue;
        }
        assert_eq!(bases.unknowable, [], "{text:?}");
        assert_eq!(names(&bases), *wanted, "{text:?}");
    }
}

#[test]
fn what_cannot_be_known() {
    let url = "https://example.com/x.tar.gz";
    let digest = format!("FROM a@sha256:{}", "0".repeat(64));
    let cases: &[(&str, Option<&str>, &[(usize, R)])] = &[
        (
            &format!("FROM a\nADD {url} /"),
            None,
            &[(2, R::RemoteFile(url.into()))],
        ),
        (
            &format!("FROM a\nADD [\"{url}\", \"/\"]"),
            None,
            &[(2, R::RemoteFile(url.into()))],
        ),
        (
            &format!("FROM a\n\nADD --chown=1 b \\\n {url} /"),
            None,
            &[(3, R::RemoteFile(url.into()))],
        ),
        (
            &format!("FROM a\nADD --checksum=sha256:24 {url} /"),
            None,
            &[],
        ),
        (
            "FROM a\nADD git@github.com:o/r.git /",
            None,
            &[(2, R::RemoteFile("git@github.com:o/r.git".into()))],
        ),
        (
            "FROM a\nADD $X /x",
            None,
            &[(2, R::VariableSource("$X".into()))],
        ),
        ("FROM a\nADD app-$X.jar b@2x.png /x", None, &[]),
        (
            "FROM a\nADD local https://looks-like-a-destination/",
            None,
            &[],
        ),
        (
            "FROM a\nRUN --mount=type=ssh --network=none git clone x",
            None,
            &[(2, R::SshMount)],
        ),
        ("FROM $X", None, &[(1, R::VariableBase("$X".into()))]),
        (
            "FROM a\nARG X=1\nFROM b:$X",
            None,
            &[(3, R::VariableBase("b:$X".into()))],
        ),
        (
            "ARG X=1\nFROM a:${X#1}",
            None,
            &[(2, R::VariableBase("a:${X#1}".into()))],
        ),
        (
            "ARG X=1\nFROM a:${X",
            None,
            &[(2, R::VariableBase("a:${X".into()))],
        ),
        (
            "FROM a-$TARGETARCH",
            None,
            &[(1, R::VariableBase("a-$TARGETARCH".into()))],
        ),
        (
            "FROM a\nCOPY --from=$X / /",
            None,
            &[(2, R::VariableBase("$X".into()))],
        ),
        (
            "FROM ../../containers",
            None,
            &[(1, R::BadName("../../containers".into()))],
        ),
        ("FROM a?x=y", None, &[(1, R::BadName("a?x=y".into()))]),
        ("FROM", None, &[(1, R::VariableBase(String::new()))]),
        ("", None, &[(1, R::NoStage)]),
        ("RUN make", None, &[(1, R::NoStage)]),
        ("FROM a AS x", Some("y"), &[(1, R::NoSuchStage("y".into()))]),
        ("FROM a AS x", Some("1"), &[(1, R::NoSuchStage("1".into()))]),
        (
            "# syntax=NOT A NAME\nFROM a",
            None,
            &[(1, R::BadName("NOT".into()))],
        ),
        (&digest, None, &[]),
    ];
    for (text, target, wanted) in cases {
        let bases = read(text, &[], *target);
        let got: Vec<_> = bases
            .unknowable
            .into_iter()
            .map(|it| (it.line, it.reason))
            .collect();
        assert_eq!(got, *wanted, "{text:?}");
    }
}

#[test]
fn frontends_secrets_and_registries() {
    let bases = read(
        "# escape=`\n#syntax = docker/dockerfile:1.4 \n# check=x\nFROM a",
        &[],
        None,
    );
    assert_eq!(
        bases.frontend,
        Some(ImageName::parse("docker/dockerfile:1.4").unwrap())
    );
    let bases = read(
        "#!/usr/bin/env x\n# syntax=f\nFROM a",
        &[("BUILDKIT_SYNTAX", "g:2")],
        None,
    );
    assert_eq!(bases.frontend, Some(ImageName::parse("g:2").unwrap()));
    for text in [
        "\n# syntax=f\nFROM a",
        "# a comment\n# syntax=f\nFROM a",
        "FROM a\n# syntax=f",
    ] {
        assert_eq!(read(text, &[], None).frontend, None, "{text:?}");
    }
    let text = "FROM r.example.com:5000/a\nRUN --mount=type=secret,id=npm,required \
                --mount=type=secret,target=/run/token x\nCOPY --from=b / /";
    let bases = read(text, &[], None);
    assert!(bases.is_knowable());
    assert_eq!(bases.secrets, ["npm".to_owned(), "token".to_owned()].into());
    assert_eq!(
        bases.registries(),
        ["docker.io".to_owned(), "r.example.com:5000".to_owned()].into()
    );
    let text = read("FROM a\nADD http://x/y /", &[], None).unknowable[0].to_string();
    assert_eq!(text, "line 2: ADD of \"http://x/y\"");
}

#[test]
fn image_names() {
    let good = [
        ("debian", "docker.io", "library/debian", None),
        ("o/r:1.2_x-y", "docker.io", "o/r", Some("1.2_x-y")),
        ("ghcr.io/o/r", "ghcr.io", "o/r", None),
        (
            "localhost:5000/a__b/c.d-e--f:t",
            "localhost:5000",
            "a__b/c.d-e--f",
            Some("t"),
        ),
        ("[::1]:5000/a", "[::1]:5000", "a", None),
        ("docker.io/debian", "docker.io", "library/debian", None),
        ("127.0.0.1:5000/a", "127.0.0.1:5000", "a", None),
    ];
    for (text, registry, path, tag) in good {
        let name = ImageName::parse(text).unwrap();
        assert_eq!(
            (name.registry(), name.path(), name.tag()),
            (registry, path, tag),
            "{text}"
        );
        assert_eq!(ImageName::parse(&name.to_string()).unwrap(), name);
    }
    let bad = [
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        "A",
        "a b",
        "a:",
        "a:b:c",
        ":a",
        "-a",
        "a-",
        "a..b",
        "a___b",
        "../a",
        "a/../b",
        "a?b",
        "a#b",
        "a%2e",
        "a@sha256:00",
        "a@",
        "a:-x",
        "r.io:99999/a",
        "r_.io/a",
        "-r.io/a",
        "a\nb",
        "ä",
        "a:ä",
        "--privileged",
        "http://a/b",
    ];
    for text in bad {
        let error = ImageName::parse(text).expect_err(text);
        assert!(
            error
                .to_string()
                .starts_with(&format!("{text:?} is no name")),
            "{error}"
        );
    }
}

proptest! {
    #[test]
    fn nothing_makes_it_fall_over(text in ".{0,300}", target in proptest::option::of("[a-z0-9]{0,3}")) {
        base_images(text.as_bytes(), &BTreeMap::new(), target.as_deref());
    }

    #[test]
    fn nor_what_resembles_a_dockerfile(
        lines in prop::collection::vec(
            "(FROM|ARG|RUN|ADD|COPY|# syntax=|ONBUILD)? ?(--from=|--mount=type=ssh,|<<E|\\$\\{?|a:-|\\}|\\[\"|\\\\|`| AS |=|x){0,6}",
            0..12,
        ),
    ) {
        base_images(lines.join("\n").as_bytes(), &BTreeMap::new(), None);
    }

    #[test]
    fn names_print_and_parse(text in "([a-z0-9.]{1,6}(:[0-9]{1,4})?/)?[a-z0-9]{1,4}(/[a-z_.-]{1,5}){0,2}(:[a-z.-]{1,4})?") {
        if let Ok(name) = ImageName::parse(&text) {
            prop_assert_eq!(ImageName::parse(&name.to_string()), Ok(name));
        }
    }
}
