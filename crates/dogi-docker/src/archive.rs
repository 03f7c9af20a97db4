//! The one file of an archive, streamed.
//!
//! `GET /containers/{id}/archive` of a file answers with a tar of one entry. Reading it needs no more
//! than the header's few blocks, so it is done here on the stream as it comes: nothing is collected.

use std::io;
use std::pin::Pin;

use bytes::{Buf, Bytes, BytesMut};
use futures::Stream;
use futures::StreamExt;

type ByteStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// Content of a regular file as the engine sends it: a length, then that many bytes.
pub struct FileOfArchive {
    body: ByteStream,
    size: u64,
    left: u64,
    pending: Bytes,
}

impl std::fmt::Debug for FileOfArchive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileOfArchive")
            .field("size", &self.size)
            .field("left", &self.left)
            .finish()
    }
}

const BLOCK: usize = 512;
/// Extension headers (long names, PAX records) larger than this are refused.
const MAX_EXTENSION: u64 = 1024 * 1024;

impl FileOfArchive {
    /// Reads up to the beginning of the content.
    pub(crate) async fn open(body: ByteStream) -> io::Result<FileOfArchive> {
        let mut reader = Reader {
            body,
            buffer: BytesMut::new(),
        };
        let mut pax_size = None;
        loop {
            let block = reader.take(BLOCK).await?;
            let mut header = tar::Header::new_old();
            header.as_mut_bytes().copy_from_slice(&block);
            let size = header.entry_size()?;
            let kind = header.entry_type();
            if kind.is_pax_local_extensions() || kind.is_pax_global_extensions() {
                let records = reader.extension(size).await?;
                if kind.is_pax_local_extensions() {
                    pax_size = find_pax_size(&records);
                }
            } else if kind.is_gnu_longname() || kind.is_gnu_longlink() {
                reader.extension(size).await?;
            } else if kind.is_file() || kind.is_contiguous() {
                let size = pax_size.unwrap_or(size);
                let pending = reader.buffer.freeze();
                return Ok(FileOfArchive {
                    body: reader.body,
                    size,
                    left: size,
                    pending,
                });
            } else {
                return Err(bad(format!("an entry of type {kind:?} instead of a file")));
            }
        }
    }

    /// Size of the file in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The next bytes, `None` at the end of the file. Cancel safe.
    ///
    /// # Errors
    /// The transfer broke off before the end.
    pub async fn chunk(&mut self) -> io::Result<Option<Bytes>> {
        if self.left == 0 {
            return Ok(None);
        }
        while self.pending.is_empty() {
            match self.body.next().await {
                Some(chunk) => self.pending = chunk?,
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let take = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(self.pending.len());
        self.left -= take as u64;
        Ok(Some(self.pending.split_to(take)))
    }
}

struct Reader {
    body: ByteStream,
    buffer: BytesMut,
}

impl Reader {
    async fn take(&mut self, len: usize) -> io::Result<Bytes> {
        while self.buffer.len() < len {
            match self.body.next().await {
                Some(chunk) => self.buffer.extend_from_slice(&chunk?),
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        Ok(self.buffer.split_to(len).freeze())
    }

    async fn extension(&mut self, size: u64) -> io::Result<Bytes> {
        if size > MAX_EXTENSION {
            return Err(bad(format!("an extension header of {size} bytes")));
        }
        let len = usize::try_from(size).map_err(|_| bad("an extension header".to_owned()))?;
        let mut data = self.take(len.next_multiple_of(BLOCK)).await?;
        data.truncate(len);
        Ok(data)
    }
}

/// PAX records are `LENGTH KEY=VALUE\n`; files of 8 GiB and more have their size there.
fn find_pax_size(records: &Bytes) -> Option<u64> {
    let mut rest = records.clone();
    let mut size = None;
    while !rest.is_empty() {
        let space = rest.iter().position(|b| *b == b' ')?;
        let len: usize = std::str::from_utf8(&rest[..space]).ok()?.parse().ok()?;
        if len <= space || len > rest.len() {
            return None;
        }
        let record = &rest[space + 1..len];
        if let Some(value) = record.strip_prefix(b"size=") {
            size = std::str::from_utf8(value.trim_ascii_end())
                .ok()?
                .parse()
                .ok();
        }
        rest.advance(len);
    }
    size
}

fn bad(found: String) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("unexpected archive: {found}"),
    )
}
