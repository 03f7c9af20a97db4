//! Taking up a log after a crash.

use std::fs::{self, File};
use std::io;

use crate::channel::{Channel, Lengths};
use crate::files::{Extent, Files, Names, create_marks, options};
use crate::marks::{self, Mark};
use crate::writer::Stored;

pub(crate) fn recover(names: &Names) -> io::Result<(Files, Stored)> {
    let content = options().open(&names.content)?;
    let len = content.metadata()?.len();
    settle_restart(names, len)?;
    let (marks, generation) = open_marks(names)?;
    let scan = scan(&marks, len)?;
    if scan.bytes_missing {
        let (marks, generation) = renumber(names, &marks, scan.valid, generation)?;
        let files = Files::new(generation, content, Some(marks));
        return Ok((files, scan.stored(len)));
    }
    marks.set_len(marks::HEADER + scan.valid * marks::RECORD)?;
    Ok((
        Files::new(generation, content, Some(marks)),
        scan.stored(len),
    ))
}

/// Ends a restart that the crash interrupted: after its first rename it is completed, before that
/// it never happened.
fn settle_restart(names: &Names, len: u64) -> io::Result<()> {
    let renamed = !fs::exists(&names.next_content)? && len == 0;
    if renamed && next_generation(names)?.is_some() {
        return fs::rename(&names.next_marks, &names.marks);
    }
    remove(&names.next_content)?;
    remove(&names.next_marks)
}

fn next_generation(names: &Names) -> io::Result<Option<u64>> {
    match File::open(&names.next_marks) {
        Ok(file) => marks::read_header(&file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn remove(path: &std::path::Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Without a header nothing is known of the bytes: they count as standard output of generation 0,
/// which is right where the crash fell between the two files of a new log.
fn open_marks(names: &Names) -> io::Result<(File, u64)> {
    let known = match options().open(&names.marks) {
        Ok(file) => marks::read_header(&file)?.map(|generation| (file, generation)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    match known {
        Some(known) => Ok(known),
        None => Ok((create_marks(&names.marks, 0)?, 0)),
    }
}

/// What the marks say.
#[derive(Debug, Default)]
struct Scan {
    /// Records that are right.
    valid: u64,
    last: Option<Mark>,
    /// Bytes before the last mark.
    lengths: Lengths,
    /// A mark beyond the end of the content: bytes are gone that readers may have seen.
    bytes_missing: bool,
}

impl Scan {
    fn channel(&self) -> Channel {
        self.last.map_or(Channel::Stdout, |mark| mark.channel)
    }

    fn offset(&self) -> u64 {
        self.last.map_or(0, |mark| mark.offset)
    }

    fn stored(&self, len: u64) -> Stored {
        let mut lengths = self.lengths;
        lengths.add(self.channel(), len - self.offset());
        Stored {
            extent: Extent {
                len,
                marks: self.valid,
            },
            lengths,
            last_mark: self.last,
        }
    }
}

fn scan(marks: &File, len: u64) -> io::Result<Scan> {
    let mut scan = Scan::default();
    marks::visit(marks, 0, marks::stored(marks)?, |mark| {
        scan.bytes_missing = mark.offset > len;
        if scan.bytes_missing || mark.offset < scan.offset() {
            return false;
        }
        scan.lengths
            .add(scan.channel(), mark.offset - scan.offset());
        scan.last = Some(mark);
        scan.valid += 1;
        true
    })?;
    Ok(scan)
}

/// Gives the content that is left a generation number of its own.
fn renumber(names: &Names, old: &File, valid: u64, generation: u64) -> io::Result<(File, u64)> {
    let generation = generation + 1;
    let marks = create_marks(&names.next_marks, generation)?;
    let mut index = 0;
    let mut result = Ok(());
    marks::visit(old, 0, valid, |mark| {
        result = marks::write(&marks, index, mark);
        index += 1;
        result.is_ok()
    })?;
    result?;
    fs::rename(&names.next_marks, &names.marks)?;
    Ok((marks, generation))
}
