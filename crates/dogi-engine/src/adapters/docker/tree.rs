//! What nodes of a container graph printed, as files.

use std::{collections::BTreeMap, io};

use bytes::Bytes;
use dogi_stream::{Channel, Position};
use dogi_url::NodeName;
use futures::{StreamExt as _, TryStreamExt as _};

use crate::{outputs::RunOutputs, ports::BoxStream};

/// Bytes that nodes hand on to one of them by printing. What is larger goes by way of volumes.
const MOST: u64 = 256 * 1024 * 1024;
const BLOCK: u64 = 512;
/// An archive ends with two empty blocks.
const END: [u8; 1024] = [0; 1024];

/// What nodes printed, for another one.
pub(super) struct OutputsTar {
    pub(super) stream: BoxStream,
    /// What is not in it, and why.
    pub(super) left_out: Vec<(NodeName, String)>,
}

/// An archive of `out/NAME` for each node, which holds what it printed on its standard output, and of a
/// directory named `own` that everybody may write to.
pub(super) async fn outputs_tar(
    own: &NodeName,
    nodes: &BTreeMap<NodeName, RunOutputs>,
) -> io::Result<OutputsTar> {
    let mut left_out = Vec::new();
    let mut parts = vec![
        whole(directory(&format!("{own}/"), 0o777)?),
        whole(directory("out/", 0o755)?),
    ];
    let mut total = 0_u64;
    for (name, outputs) in nodes {
        if let Some(cut) = outputs.log().cut() {
            left_out.push((name.clone(), format!("it was cut: {cut}")));
            continue;
        }
        let size = size_of(outputs).await?;
        if total.saturating_add(size) > MOST {
            let reason = format!("with it there would be more than {MOST} bytes");
            left_out.push((name.clone(), reason));
            continue;
        }
        total += size;
        parts.push(whole(file(&format!("out/{name}"), size)?));
        parts.push(printed(outputs));
        let padding = (BLOCK - size % BLOCK) % BLOCK;
        parts.push(whole(Bytes::from_static(&END).slice(..padding as usize)));
    }
    parts.push(whole(Bytes::from_static(&END)));
    Ok(OutputsTar {
        stream: futures::stream::iter(parts).flatten().boxed(),
        left_out,
    })
}

fn printed(outputs: &RunOutputs) -> BoxStream {
    outputs.log().written(Channel::Stdout, Position::START)
}

async fn size_of(outputs: &RunOutputs) -> io::Result<u64> {
    let add = |size: u64, bytes: Bytes| async move { Ok(size + bytes.len() as u64) };
    printed(outputs).try_fold(0, add).await
}

fn whole(bytes: Bytes) -> BoxStream {
    futures::stream::once(async { Ok(bytes) }).boxed()
}

fn directory(name: &str, mode: u32) -> io::Result<Bytes> {
    entry(name, tar::EntryType::Directory, mode, 0)
}

fn file(name: &str, size: u64) -> io::Result<Bytes> {
    entry(name, tar::EntryType::Regular, 0o644, size)
}

/// A header by itself.
fn entry(name: &str, kind: tar::EntryType, mode: u32, size: u64) -> io::Result<Bytes> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    // A long name of a node takes a header of its own.
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, name, io::empty())?;
    // Without the end of the archive.
    let mut bytes = tar.into_inner()?;
    bytes.truncate(bytes.len() - END.len());
    Ok(Bytes::from(bytes))
}
