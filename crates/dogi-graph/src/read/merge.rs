use std::path::Path;

use dogi_yaml::Mistake;

use super::reader::Drafts;
use crate::MAX_NODES;

/// The nodes of the repository and those of subgraphs that it does not have itself; as many as may
/// be.
pub(super) fn merged(
    own: Drafts,
    subgraphs: impl IntoIterator<Item = Drafts>,
    mistakes: &mut Vec<Mistake>,
) -> Drafts {
    let mut all = own;
    for (name, draft) in subgraphs.into_iter().flatten() {
        all.entry(name).or_insert(draft);
    }
    if let Some((name, draft)) = all.iter().nth(MAX_NODES) {
        mistakes.push(too_many(&draft.file, draft.line));
        let name = name.clone();
        drop(all.split_off(&name));
    }
    all
}

pub(super) fn too_many(file: &Path, line: u64) -> Mistake {
    let message = format!("more than {MAX_NODES} nodes, which is the limit of a graph");
    Mistake::new(file, line, "", message)
}
