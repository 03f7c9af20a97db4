//! `dogi backup`: a copy of what can't be had again, also while a server works.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use clap::ArgMatches;

use super::console::Console;
use super::exit::Exit;
use super::gc::size;
use super::given_config;
use crate::config::{Environment, Purpose, Settings};
use crate::webhooks::DELIVERIES;
use crate::wire::DATABASE;

/// What else there is one of, if it is there.
const FILES: [&str; 2] = ["server-id", "known_hosts"];
/// The outputs, and what forges have sent.
const DIRECTORIES: [&str; 2] = ["runs", DELIVERIES];
/// The directory in a run's outputs that is left out.
const UNLOGGED: &str = dogi_engine::outputs::UNLOGGED;

pub(super) fn run(matches: &ArgMatches, env: &Environment, console: &mut Console) -> Exit {
    let settings = match Settings::load(&given_config(matches), env, Purpose::Other) {
        Ok(settings) => settings,
        Err(report) => {
            console.error(report);
            return Exit::Usage;
        }
    };
    let to = matches
        .get_one::<PathBuf>("DIR")
        .map_or(Path::new(""), |to| to);
    match backup(&settings.storage.data_dir, to) {
        Ok(Copied { files, bytes }) => {
            let (to, bytes) = (to.display(), size(bytes));
            console.line(format_args!("{to}: {files} files, {bytes}"));
            Exit::Success
        }
        Err(error) => {
            console.error(crate::chain(&error));
            match error {
                Error::Exists { .. } | Error::Name { .. } | Error::Inside { .. } => Exit::Usage,
                _ => Exit::Unavailable,
            }
        }
    }
}

/// Why there is no backup. What was begun is removed.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("no dogi has worked in {} (DATA_DIR)", path.display())]
    NoData { path: PathBuf },
    #[error("{} exists: a backup overwrites nothing", path.display())]
    Exists { path: PathBuf },
    #[error("{:?} can't be the name of a new directory", path.display().to_string())]
    Name { path: PathBuf },
    #[error("{} is within {} (DATA_DIR)", path.display(), data.display())]
    Inside { path: PathBuf, data: PathBuf },
    #[error(transparent)]
    Database(#[from] dogi_store::BackupError),
    #[error("cannot {action} {}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

fn failed<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> Error + 'a {
    move |source| Error::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

/// What is in a backup.
#[derive(Debug, Default)]
struct Copied {
    files: usize,
    bytes: u64,
}

/// The database comes first: of every run that it knows, the outputs are there then, and of every
/// delivery the request. (What is there of later ones goes with the first start.) `to` has its name only
/// when all of it is on the disk.
fn backup(data: &Path, to: &Path) -> Result<Copied, Error> {
    let database = data.join(DATABASE);
    if !database.is_file() {
        let path = data.to_owned();
        return Err(Error::NoData { path });
    }
    let parent = parent_outside(data, to)?;
    let unfinished = Unfinished::create(to)?;
    let mut copied = Copied::default();
    let copy = unfinished.path.join(DATABASE);
    dogi_store::Store::backup_of(&database, &copy)?;
    copied.files += 1;
    copied.bytes += fs::metadata(&copy).map_err(failed("read", &copy))?.len();
    for name in FILES {
        copied.file(&data.join(name), &unfinished.path.join(name))?;
    }
    for name in DIRECTORIES {
        copied.directory(&data.join(name), &unfinished.path.join(name))?;
    }
    unfinished.finish(to, &parent)?;
    Ok(copied)
}

/// The directory that `to` will be in.
fn parent_outside(data: &Path, to: &Path) -> Result<PathBuf, Error> {
    let parent = match to.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => Path::new("/"),
    };
    let real = |path: &Path| path.canonicalize().map_err(failed("find", path));
    let parent = real(parent)?;
    if parent.starts_with(real(data)?) {
        let (path, data) = (to.to_owned(), data.to_owned());
        return Err(Error::Inside { path, data });
    }
    Ok(parent)
}

impl Copied {
    /// One that is not there any more, or never was, is left out: runs and deliveries are forgotten
    /// meanwhile.
    fn directory(&mut self, from: &Path, to: &Path) -> Result<(), Error> {
        let entries = match fs::read_dir(from) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(failed("read", from))?,
        };
        private_dir(to).map_err(failed("make", to))?;
        for entry in entries {
            let entry = entry.map_err(failed("read", from))?;
            let (path, to) = (entry.path(), to.join(entry.file_name()));
            match entry.file_type() {
                // What nodes of a graph print for each other goes with their run.
                Ok(kind) if kind.is_dir() && entry.file_name() == UNLOGGED => {}
                Ok(kind) if kind.is_dir() => self.directory(&path, &to)?,
                Ok(kind) if kind.is_file() => self.file(&path, &to)?,
                // dogi makes no others.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed("read", &path)(error)),
            }
        }
        Ok(())
    }

    /// As with [`Copied::directory`]. What is appended after the beginning is left out: a file that
    /// grows as fast as it is copied has an end.
    fn file(&mut self, from: &Path, to: &Path) -> Result<(), Error> {
        let file = match File::open(from) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file.map_err(failed("read", from))?,
        };
        let length = file.metadata().map_err(failed("read", from))?.len();
        let copied = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(to)
            .and_then(|mut copy| io::copy(&mut file.take(length), &mut copy));
        self.bytes += copied.map_err(failed("write", to))?;
        self.files += 1;
        Ok(())
    }
}

fn private_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(path)
}

/// A directory that is removed unless it is finished.
struct Unfinished {
    path: PathBuf,
}

impl Unfinished {
    fn create(to: &Path) -> Result<Self, Error> {
        let exists = |path: &Path| Error::Exists {
            path: path.to_owned(),
        };
        let Some(name) = to.file_name() else {
            let path = to.to_owned();
            return Err(Error::Name { path });
        };
        if fs::symlink_metadata(to).is_ok() {
            return Err(exists(to));
        }
        let mut name = name.to_owned();
        name.push(".partial");
        let path = to.with_file_name(name);
        match private_dir(&path) {
            Ok(()) => Ok(Self { path }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(exists(&path)),
            Err(error) => Err(failed("make", &path)(error)),
        }
    }

    fn finish(self, to: &Path, parent: &Path) -> Result<(), Error> {
        let sync = |path: &Path| -> Result<(), Error> {
            let file = File::open(path).map_err(failed("sync", path))?;
            // At once, and not a file at a time: there may be many small ones.
            rustix::fs::syncfs(file).map_err(|error| failed("sync", path)(error.into()))
        };
        sync(&self.path)?;
        fs::rename(&self.path, to).map_err(failed("make", to))?;
        sync(parent)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // It may have been renamed; what else could be wrong is told by the operation itself.
        drop(fs::remove_dir_all(&self.path));
    }
}
