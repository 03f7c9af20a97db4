//! The data directory: whose it is, who may look into it, what it is called.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use super::{DATABASE, WireError};

/// What a process holds that works in a data directory.
const LOCK: &str = "lock";

/// The directory's name in Docker stands here.
const SERVER_ID: &str = "server-id";

/// Takes a directory for this process alone, for as long as the file lives. It is made if it is not
/// there; what an operator has made stays as it is.
pub(crate) fn lock(dir: &Path) -> Result<File, WireError> {
    let failed = |source| WireError::DataDir {
        path: dir.to_path_buf(),
        source,
    };
    make_dir(dir).map_err(failed)?;
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(dir.join(LOCK))
        .map_err(failed)?;
    // Whoever may open it may hold it.
    if mode(&file.metadata().map_err(failed)?) != 0o600 {
        file.set_permissions(Permissions::from_mode(0o600))
            .map_err(failed)?;
    }
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(WireError::InUse {
            path: dir.to_path_buf(),
        }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// As [`lock`], in a directory that a server has worked in: in any other nothing is made, since its
/// name may be a mistake.
pub(crate) fn lock_existing(dir: &Path) -> Result<File, WireError> {
    let no_data = || WireError::NoData {
        path: dir.to_path_buf(),
    };
    let has_database = || dir.join(DATABASE).is_file();
    // A lock without a database: somebody begins here now, and holds it.
    if !has_database() && !dir.join(LOCK).is_file() {
        return Err(no_data());
    }
    let lock = lock(dir)?;
    if has_database() {
        Ok(lock)
    } else {
        Err(no_data())
    }
}

/// A directory within the data directory that is this user's alone, whatever the umask says and
/// whoever has made it: logs and the mirrors of private repositories are nobody else's.
pub(crate) fn private_dir(dir: &Path) -> Result<(), WireError> {
    let made = make_dir(dir).and_then(|()| {
        if mode(&fs::metadata(dir)?) == 0o700 {
            return Ok(());
        }
        fs::set_permissions(dir, Permissions::from_mode(0o700))
    });
    made.map_err(|source| WireError::DataDir {
        path: dir.to_path_buf(),
        source,
    })
}

fn make_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

fn mode(of: &fs::Metadata) -> u32 {
    of.permissions().mode() & 0o777
}

/// The name that Docker's things carry, made once for each data directory: after a restart the
/// server knows what is its own. It is on the disk when this returns, and the same for all who ask at
/// the same time.
pub(crate) fn server_id(dir: &Path) -> io::Result<String> {
    let path = dir.join(SERVER_ID);
    if let Some(id) = read_id(&path)? {
        return Ok(id);
    }
    let new = dir.join(format!(".{SERVER_ID}.{}", unique()));
    let made = write_id(&new, &unique()).and_then(|()| give_name(&new, &path));
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => made?,
    }
    File::open(dir)?.sync_all()?;
    read_id(&path)?.ok_or_else(|| io::Error::other(format!("{} is empty", path.display())))
}

/// `None`: there is none, or an empty one.
fn read_id(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned()).filter(|id| !id.is_empty())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn write_id(path: &Path, id: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(format!("{id}\n").as_bytes())?;
    file.sync_all()
}

/// A link replaces nothing: of two who come at once, one name stays. An empty file names nobody.
fn give_name(new: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(new, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match read_id(path)? {
            Some(_) => Ok(()),
            None => fs::rename(new, path),
        },
        linked => linked,
    }
}

/// A name that nobody else has.
pub(crate) fn unique() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}
