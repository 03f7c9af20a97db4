//! Which node stands in which column, and which arrows are drawn.

use std::collections::{BTreeMap, BTreeSet};

use super::NodeView;

/// Nodes by their place in the list.
#[derive(Debug)]
pub(super) struct Layers {
    /// The column of each node, from 0: the longest way that leads there.
    pub(super) columns: Vec<usize>,
    /// What each node has an arrow from.
    pub(super) after: Vec<BTreeSet<usize>>,
}

impl Layers {
    pub(super) fn of(nodes: &[NodeView<'_>]) -> Self {
        let mut after = direct(nodes);
        let order = topological(&mut after);
        let mut columns = vec![0; nodes.len()];
        for &node in &order {
            let column = after[node].iter().map(|from| columns[*from] + 1).max();
            columns[node] = column.unwrap_or(0);
        }
        reduce(&mut after, &order);
        Self { columns, after }
    }
}

fn direct(nodes: &[NodeView<'_>]) -> Vec<BTreeSet<usize>> {
    let named = nodes.iter().enumerate().rev();
    let places: BTreeMap<&str, usize> = named.map(|(at, node)| (node.name, at)).collect();
    let nodes = nodes.iter();
    nodes
        .map(|node| {
            node.after
                .iter()
                .filter_map(|name| places.get(name).copied())
                .collect()
        })
        .collect()
}

/// The nodes, each after all that it depends on. A graph that was checked has no cycle; where there
/// is one all the same, arrows that lead back are taken away.
fn topological(after: &mut [BTreeSet<usize>]) -> Vec<usize> {
    let mut waits: Vec<usize> = after.iter().map(BTreeSet::len).collect();
    let mut before = vec![Vec::new(); after.len()];
    for (node, from) in after.iter().enumerate() {
        from.iter().for_each(|from| before[*from].push(node));
    }
    let mut order: Vec<usize> = (0..after.len()).filter(|node| waits[*node] == 0).collect();
    let mut next = 0;
    while let Some(&node) = order.get(next) {
        for &then in &before[node] {
            waits[then] -= 1;
            if waits[then] == 0 {
                order.push(then);
            }
        }
        next += 1;
    }
    order.extend((0..after.len()).filter(|node| waits[*node] > 0));
    let mut seen = BTreeSet::new();
    for &node in &order {
        after[node].retain(|from| seen.contains(from));
        seen.insert(node);
    }
    order
}

/// Takes away arrows from what others lead from already.
fn reduce(after: &mut [BTreeSet<usize>], order: &[usize]) {
    let mut ancestors: Vec<Vec<bool>> = vec![Vec::new(); after.len()];
    for &node in order {
        let from = &after[node];
        let mut all = vec![false; order.len()];
        for one in from {
            for (at, is_one) in ancestors[*one].iter().enumerate() {
                all[at] |= is_one;
            }
        }
        let kept = from.iter().copied().filter(|one| !all[*one]).collect();
        from.iter().for_each(|one| all[*one] = true);
        after[node] = kept;
        ancestors[node] = all;
    }
}
