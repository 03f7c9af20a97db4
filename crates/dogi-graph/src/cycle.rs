use std::collections::{BTreeMap, BTreeSet};

use dogi_url::NodeName;

/// What each node depends on.
pub(crate) type Edges<'g> = BTreeMap<&'g NodeName, &'g BTreeSet<NodeName>>;

/// Cycles, none of which shares a node with another: each as the names on the way, the least one
/// first. None means that there is no cycle at all.
pub(crate) fn cycles<'g>(edges: &Edges<'g>) -> Vec<Vec<&'g NodeName>> {
    let names: Vec<&NodeName> = edges.keys().copied().collect();
    let mut search = Search {
        after: numbered(edges),
        seen: vec![Seen::Never; names.len()],
        is_told: vec![false; names.len()],
        found: Vec::new(),
    };
    for start in 0..names.len() {
        search.from(start);
    }
    let named = |cycle: Vec<usize>| cycle.into_iter().map(|node| names[node]).collect();
    search.found.into_iter().map(named).collect()
}

/// The same, every node by its place in the order of the names.
fn numbered(edges: &Edges<'_>) -> Vec<Vec<usize>> {
    let places: BTreeMap<&NodeName, usize> = edges.keys().copied().zip(0..).collect();
    let number = |name: &NodeName| places.get(name).copied();
    let after = edges
        .values()
        .map(|after| after.iter().filter_map(number).collect());
    after.collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Never,
    /// It is on the way that is being gone.
    OnTheWay,
    Done,
}

/// Goes every way once, depth first, with the way in a list and not on the stack.
struct Search {
    after: Vec<Vec<usize>>,
    seen: Vec<Seen>,
    /// Whether a node is part of a cycle that was found.
    is_told: Vec<bool>,
    found: Vec<Vec<usize>>,
}

impl Search {
    fn from(&mut self, start: usize) {
        let mut way = Vec::new();
        self.enter(&mut way, start);
        while let Some((node, tried)) = way.last_mut() {
            match self.after[*node].get(*tried) {
                Some(&next) => {
                    *tried += 1;
                    self.enter(&mut way, next);
                }
                None => {
                    self.seen[*node] = Seen::Done;
                    way.pop();
                }
            }
        }
    }

    fn enter(&mut self, way: &mut Vec<(usize, usize)>, node: usize) {
        match self.seen[node] {
            Seen::Done => {}
            Seen::OnTheWay => self.close(way, node),
            Seen::Never => {
                self.seen[node] = Seen::OnTheWay;
                way.push((node, 0));
            }
        }
    }

    /// The way has come back to one of its nodes.
    fn close(&mut self, way: &[(usize, usize)], node: usize) {
        let nodes = way.iter().map(|(node, _)| *node);
        let mut cycle: Vec<usize> = nodes.skip_while(|one| *one != node).collect();
        if cycle.iter().any(|node| self.is_told[*node]) {
            return;
        }
        cycle.iter().for_each(|node| self.is_told[*node] = true);
        let least = cycle.iter().enumerate().min_by_key(|(_, node)| **node);
        let least = least.map_or(0, |(at, _)| at);
        cycle.rotate_left(least);
        self.found.push(cycle);
    }
}
