//! What holds of every graph.

use std::fmt::Write as _;

use dogi_graph::{NodeView, Reader, Selection, svg};
use proptest::prelude::*;

use crate::support::{graph, node, plan};
use crate::svg::{boxes, elements};

/// For each node those before it that it depends on, and how.
fn edges() -> impl Strategy<Value = Vec<Vec<(prop::sample::Index, u8)>>> {
    let edges = prop::collection::vec((any::<prop::sample::Index>(), 0_u8..4), 0..4);
    prop::collection::vec(edges, 1..20)
}

/// A file with nodes `n0`, `n1`…, the later ones after the earlier ones.
fn file(edges: &[Vec<(prop::sample::Index, u8)>]) -> String {
    let mut text = String::new();
    for (at, edges) in edges.iter().enumerate() {
        let names = |kind: u8| {
            let names = edges.iter().filter(|(_, other)| at > 0 && *other == kind);
            names
                .map(|(index, _)| format!("n{}", index.index(at)))
                .collect::<Vec<_>>()
        };
        let [after, env, vol] = [0, 1, 2].map(|kind| names(kind).join(","));
        write!(
            text,
            "n{at}: {{img: x, run: y, after: [{after}], env: [{env}], vol: [{vol}]"
        )
        .unwrap();
        let on = names(3).into_iter().next();
        writeln!(
            text,
            "{}}}",
            on.map_or_else(String::new, |on| format!(", on: {on}"))
        )
        .unwrap();
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn plans_are_closed_and_have_no_cycle(
        edges in edges(),
        picked in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let graph = graph(&file(&edges));
        let picked: Vec<_> = picked.iter().map(|index| node(&format!("n{}", index.index(edges.len())))).collect();
        let plan = plan(&graph, &Selection::Nodes(picked.clone())).unwrap();
        let mut needed = std::collections::BTreeSet::new();
        for name in &picked {
            prop_assert!(plan.nodes.contains_key(name));
            needed.insert(name.clone());
            needed.extend(plan.ancestors(name));
        }
        // No node but those that are needed.
        prop_assert!(plan.nodes.keys().eq(&needed));
        let number = |name: &dogi_url::NodeName| name.as_str()[1..].parse::<usize>().unwrap();
        for (name, planned) in &plan.nodes {
            prop_assert!(!plan.ancestors(name).contains(name));
            for before in &planned.after {
                prop_assert!(plan.nodes.contains_key(before));
                prop_assert!(number(before) < number(name));
            }
        }
    }

    #[test]
    fn each_is_drawn_behind_what_it_depends_on(edges in edges()) {
        let plan = plan(&graph(&file(&edges)), &Selection::All).unwrap();
        let views: Vec<NodeView<'_>> = plan
            .nodes
            .iter()
            .map(|(name, node)| NodeView {
                name: name.as_str(),
                state: "waiting",
                after: node.after.iter().map(AsRef::as_ref).collect(),
                ..NodeView::default()
            })
            .collect();
        let drawn = svg(&views);
        elements(&drawn);
        let boxes = boxes(&drawn);
        prop_assert_eq!(boxes.len(), views.len());
        for (at, view) in views.iter().enumerate() {
            for (before, other) in views.iter().enumerate() {
                if view.after.contains(&other.name) {
                    prop_assert!(boxes[before][2] < boxes[at][0]);
                }
                let ([left, top, right, bottom], other) = (boxes[at], boxes[before]);
                let apart = left >= other[2] || right <= other[0] || top >= other[3] || bottom <= other[1];
                prop_assert!(at == before || apart, "{:?} {:?}", boxes[at], other);
            }
        }
    }

}

proptest! {
    #[test]
    fn every_picture_is_well_formed(
        nodes in prop::collection::vec((any::<String>(), any::<String>(), prop::option::of(any::<String>()), any::<prop::sample::Index>()), 0..8),
    ) {
        let views: Vec<NodeView<'_>> = nodes
            .iter()
            .map(|(name, state, text, after)| NodeView {
                name,
                state,
                after: vec![&nodes[after.index(nodes.len())].0],
                href: text.as_deref(),
                note: text.as_deref(),
            })
            .collect();
        let found = elements(&svg(&views));
        let strange = found.iter().find(|(name, _)| {
            !["svg", "title", "style", "path", "a", "g", "rect", "text"].contains(&name.as_str())
        });
        prop_assert_eq!(strange, None);
    }

    #[test]
    fn whatever_a_file_is_its_mistakes_are_each_one_line(
        text in prop_oneof![
            any::<String>().prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..64),
            "([a-c]: ?(\\{(img|run|env|vol|after|on|triggers|meta): ?\\[?[a-c\"\\*]{0,3}\\]?\\})?\n){0,6}".prop_map(String::into_bytes),
        ],
    ) {
        let mut reader = Reader::new();
        reader.file("f", &text);
        if let Err(error) = reader.finish() {
            for mistake in error.mistakes() {
                let told = mistake.to_string();
                prop_assert!(!told.contains(char::is_control), "{told:?}");
            }
        }
    }
}
