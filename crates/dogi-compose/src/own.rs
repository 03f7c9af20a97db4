//! Where the engine's machine sees a directory of the container that this program runs in: read off what the
//! kernel and the engine say. Pure.

use std::path::{Path, PathBuf};

use crate::Shared;

/// The ids that the container may have which this program runs in, the likeliest first. It is in none if there
/// is no id; and an id may be another container's, as where both have one network.
///
/// `mountinfo` and `cgroup` are the files of these names in `/proc/self`, `hostname` that of
/// `/proc/sys/kernel`, which is a short id unless somebody has given the container another name.
///
/// ```
/// let ids = dogi_compose::container_ids("", "0::/\n", "3f2c0ffee123\n");
/// assert_eq!(ids, ["3f2c0ffee123"]);
/// ```
#[must_use]
pub fn container_ids(mountinfo: &str, cgroup: &str, hostname: &str) -> Vec<String> {
    let given = mounts(mountinfo).filter(|mount| GIVEN.contains(&mount.point.as_str()));
    let given = given.flat_map(|mount| full_ids(&mount.root));
    let groups = cgroup.lines().flat_map(full_ids);
    let name = Some(hostname.trim()).filter(|name| name.len() == 12 && is_hex(name));
    let mut ids: Vec<String> = Vec::new();
    for id in given.chain(groups).chain(name.map(str::to_owned)) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// Files that an engine gives to each container, out of a directory that has the container's id.
const GIVEN: [&str; 3] = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];

impl Shared {
    /// Where the engine's machine sees the directory `here` of a container, whose `mounts` the engine tells:
    /// for each its place on that machine, and in the container.
    ///
    /// `None` if the directory lies on none of them, or if the kernel (`mountinfo`, which is
    /// `/proc/self/mountinfo` of the container) tells of another mount there: then it is another container.
    /// Where a whole file system is mounted there, all the others have to be the container's as well.
    #[must_use]
    pub fn of_container(
        here: &Path,
        mountinfo: &str,
        mounts: &[(PathBuf, PathBuf)],
    ) -> Option<Shared> {
        let seen: Vec<Mount> = self::mounts(mountinfo).collect();
        let below = seen.iter().filter(|mount| here.starts_with(&mount.point));
        // Of two mounts at one place the later hides the earlier.
        let mount = below.max_by_key(|mount| Path::new(&mount.point).components().count())?;
        let point = Path::new(&mount.point);
        let (there, _) = mounts.iter().find(|(_, inside)| inside == point)?;
        let rest = here.strip_prefix(point).ok()?;
        let is_own = match mount.root.as_str() {
            // A whole file system could be anybody's.
            "/" => mounts.iter().all(|told| is_among(told, &seen)),
            root => is_same(there, Path::new(root)),
        };
        is_own.then(|| Shared {
            here: here.to_owned(),
            there: match rest.as_os_str().is_empty() {
                true => there.clone(),
                false => there.join(rest),
            },
        })
    }
}

fn is_among((there, inside): &(PathBuf, PathBuf), seen: &[Mount]) -> bool {
    let mut here = seen
        .iter()
        .filter(|mount| Path::new(&mount.point) == inside);
    here.any(|mount| is_same(there, Path::new(&mount.root)))
}

/// What the kernel says of a mount: its root counts from the root of its own file system, and the engine's
/// path from that of the machine, so that either may have more in front.
fn is_same(there: &Path, root: &Path) -> bool {
    let relative = |path: &Path| path.strip_prefix("/").map(Path::to_owned);
    match (relative(there), relative(root)) {
        (Ok(there), Ok(root)) => there.ends_with(&root) || root.ends_with(&there),
        _ => false,
    }
}

/// A line of mountinfo, see proc(5).
struct Mount {
    root: String,
    point: String,
}

fn mounts(mountinfo: &str) -> impl Iterator<Item = Mount> {
    mountinfo.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(3);
        Some(Mount {
            root: unescaped(fields.next()?),
            point: unescaped(fields.next()?),
        })
    })
}

/// Blanks, line breaks and backslashes stand there as three octal digits.
fn unescaped(field: &str) -> String {
    let escapes = [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ];
    escapes.iter().fold(field.to_owned(), |text, (escape, c)| {
        text.replace(escape, c)
    })
}

/// Names of 64 hex digits, between whatever else names are made of.
fn full_ids(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let ids = words.filter(|word| word.len() == 64 && is_hex(word));
    ids.map(str::to_owned).collect()
}

fn is_hex(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
