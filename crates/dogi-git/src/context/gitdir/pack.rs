//! A pack of whole objects, and its index.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};

use gix::ObjectId;
use gix::hash::{Hasher, Kind as HashKind, hasher};
use gix::objs::FindExt;
use gix::zlib::Compression;
use gix::zlib::stream::deflate;

use super::pack_kind;
use crate::checkout::Checkout;
use crate::error::ContextError;
use crate::tree::unreadable;

pub(super) struct Pack {
    /// At its beginning.
    pub(super) file: File,
    pub(super) size: u64,
}

pub(super) struct Index {
    /// What the files are named by: the pack's checksum.
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

struct Entry {
    id: ObjectId,
    crc: u32,
    offset: u64,
}

pub(super) fn write(checkout: &Checkout, ids: &[ObjectId]) -> Result<(Pack, Index), ContextError> {
    let failed = |source| ContextError::Io {
        doing: "write a pack".to_owned(),
        source,
    };
    let file = tempfile::tempfile_in(checkout.scratch()).map_err(failed)?;
    let mut out = Hashed {
        out: BufWriter::new(file),
        hasher: hasher(HashKind::Sha1),
        at: 0,
    };
    let count = u32::try_from(ids.len()).map_err(|_| ContextError::TooManyFiles {
        limit: u64::from(u32::MAX),
    })?;
    out.write_all(b"PACK\0\0\0\x02").map_err(failed)?;
    out.write_all(&count.to_be_bytes()).map_err(failed)?;
    let objects = checkout.tree().handle();
    let (mut buffer, mut entries) = (Vec::new(), Vec::with_capacity(ids.len()));
    for id in ids {
        let object = objects
            .find(id, &mut buffer)
            .map_err(|error| unreadable(id, b"", error))?;
        let entry = encode(pack_kind(object.kind), object.data).map_err(failed)?;
        entries.push(Entry {
            id: *id,
            crc: crc32(&entry),
            offset: out.at,
        });
        out.write_all(&entry).map_err(failed)?;
    }
    let checksum = finish(out.hasher)?;
    let size = out.at + checksum.len() as u64;
    let mut file = out.out;
    file.write_all(&checksum).map_err(failed)?;
    let mut file = file
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    file.rewind().map_err(failed)?;
    let index = Index {
        name: hex::encode(&checksum),
        bytes: index(entries, &checksum)?,
    };
    Ok((Pack { file, size }, index))
}

fn encode(kind: u8, data: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(data.len() / 2 + 16);
    let mut size = data.len();
    let mut byte = (kind << 4) | (size & 15) as u8;
    size >>= 4;
    while size > 0 {
        out.push(byte | 0x80);
        byte = (size & 0x7f) as u8;
        size >>= 7;
    }
    out.push(byte);
    let mut deflate = deflate::Write::new(out, Compression::BEST_SPEED);
    deflate.write_all(data)?;
    deflate.flush()?;
    Ok(deflate.into_inner())
}

fn index(mut entries: Vec<Entry>, pack_checksum: &[u8]) -> Result<Vec<u8>, ContextError> {
    entries.sort_by_key(|entry| entry.id);
    let mut out = b"\xfftOc\0\0\0\x02".to_vec();
    for first in 0..=u8::MAX {
        let below = entries.partition_point(|entry| entry.id.as_bytes()[0] <= first);
        out.extend_from_slice(&(below as u32).to_be_bytes());
    }
    entries
        .iter()
        .for_each(|entry| out.extend_from_slice(entry.id.as_bytes()));
    entries
        .iter()
        .for_each(|entry| out.extend_from_slice(&entry.crc.to_be_bytes()));
    let mut large = Vec::new();
    for entry in &entries {
        let offset = match u32::try_from(entry.offset) {
            Ok(offset) if offset < 1 << 31 => offset,
            _ => {
                large.push(entry.offset);
                (1 << 31) | (large.len() - 1) as u32
            }
        };
        out.extend_from_slice(&offset.to_be_bytes());
    }
    large
        .iter()
        .for_each(|offset| out.extend_from_slice(&offset.to_be_bytes()));
    out.extend_from_slice(pack_checksum);
    let mut hasher = hasher(HashKind::Sha1);
    hasher.update(&out);
    let checksum = finish(hasher)?;
    out.extend_from_slice(&checksum);
    Ok(out)
}

fn finish(hasher: Hasher) -> Result<Vec<u8>, ContextError> {
    let id = hasher.try_finalize().map_err(|error| ContextError::Io {
        doing: "write a pack".to_owned(),
        source: io::Error::other(error),
    })?;
    Ok(id.as_bytes().to_vec())
}

struct Hashed<W> {
    out: W,
    hasher: Hasher,
    at: u64,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The checksum of zlib and Ethernet.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        TABLE[((crc ^ u32::from(byte)) & 0xff) as usize] ^ (crc >> 8)
    })
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 {
                0xedb8_8320 ^ (value >> 1)
            } else {
                value >> 1
            };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
};
