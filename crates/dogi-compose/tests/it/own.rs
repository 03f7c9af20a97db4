use std::path::{Path, PathBuf};

use dogi_compose::{Shared, container_ids};

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa00";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb11";

#[test]
fn ids_of_the_own_container_are_found_where_engines_leave_them() {
    let given = |point: &str| {
        format!(
            "905 896 8:1 /var/lib/docker/containers/{A}/hostname {point} rw - ext4 /dev/sda1 rw\n"
        )
    };
    let cases: [(&str, String, String, &str, Vec<&str>); 8] = [
        (
            "no container",
            String::new(),
            "0::/init.scope\n".to_owned(),
            "build-host\n",
            vec![],
        ),
        (
            "files of the engine",
            given("/etc/hostname"),
            "0::/\n".to_owned(),
            "dogi\n",
            vec![A],
        ),
        (
            "others' files",
            given("/mnt"),
            "0::/\n".to_owned(),
            "dogi\n",
            vec![],
        ),
        (
            "groups, version 1",
            String::new(),
            format!("12:pids:/docker/{A}\n1:cpu:/docker/{A}\n"),
            "x",
            vec![A],
        ),
        (
            "groups of systemd",
            String::new(),
            format!("0::/system.slice/docker-{A}.scope\n"),
            "x",
            vec![A],
        ),
        (
            "several",
            given("/etc/hosts"),
            format!("0::/docker/{B}\n"),
            "x",
            vec![A, B],
        ),
        (
            "the name",
            String::new(),
            "0::/\n".to_owned(),
            "3f2c0ffee123\n",
            vec!["3f2c0ffee123"],
        ),
        (
            "no hex",
            String::new(),
            "0::/\n".to_owned(),
            "machine00012\n",
            vec![],
        ),
    ];
    for (case, mountinfo, cgroup, hostname, wanted) in cases {
        assert_eq!(
            container_ids(&mountinfo, &cgroup, hostname),
            wanted,
            "{case}"
        );
    }
}

#[test]
fn a_directory_is_where_the_engine_sees_its_mount() {
    let mountinfo = "896 700 0:50 / / rw - overlay overlay rw\n\
        906 896 8:1 /srv/ci /data rw - ext4 /dev/sda1 rw\n\
        907 896 8:1 /var/lib/docker/volumes/v/_data /data/runs rw - ext4 /dev/sda1 rw\n\
        908 896 8:2 / /disk rw - ext4 /dev/sdb1 rw\n\
        909 896 0:30 /@/srv/sub /sub rw - btrfs /dev/sdc1 rw\n\
        910 896 8:1 /srv/with\\040blank /a\\040b rw - ext4 /dev/sda1 rw\n";
    let mounts = [
        ("/srv/ci", "/data"),
        ("/var/lib/docker/volumes/v/_data", "/data/runs"),
        ("/mnt/disk", "/disk"),
        ("/srv/sub", "/sub"),
        ("/srv/with blank", "/a b"),
    ];
    let other = [("/srv/another", "/data"), ("/mnt/disk", "/elsewhere")];
    let others_disk = [("/mnt/other", "/disk"), ("/srv/another", "/data")];
    let owned = |mounts: &[(&str, &str)]| -> Vec<(PathBuf, PathBuf)> {
        let pairs = mounts.iter();
        pairs.map(|(from, to)| (from.into(), to.into())).collect()
    };
    for (here, mounts, there) in [
        ("/data", &mounts[..], Some("/srv/ci")),
        ("/data/dogi/x", &mounts, Some("/srv/ci/dogi/x")),
        (
            "/data/runs/1",
            &mounts,
            Some("/var/lib/docker/volumes/v/_data/1"),
        ),
        ("/database", &mounts, None),
        ("/disk/dogi", &mounts, Some("/mnt/disk/dogi")),
        ("/sub", &mounts, Some("/srv/sub")),
        ("/a b/c", &mounts, Some("/srv/with blank/c")),
        ("/var/lib/dogi", &mounts, None),
        ("/data", &other, None),
        ("/disk", &other, None),
        ("/disk", &others_disk, None),
        ("/data", &[], None),
    ] {
        let found = Shared::of_container(Path::new(here), mountinfo, &owned(mounts));
        let wanted = there.map(|there| Shared {
            here: here.into(),
            there: there.into(),
        });
        assert_eq!(found, wanted, "{here} {mounts:?}");
    }
}
