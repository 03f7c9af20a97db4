//! What holds of any graph, whatever happens to its nodes in whatever order.

use std::collections::{BTreeMap, BTreeSet};

use dogi_graph::{ContainerNode, NodeWork, Plan, PlannedNode};
use dogi_job::{Effect, Event, NodeState, Run, StopCause};
use dogi_url::{EnvName, ImageRef, NodeName};
use proptest::prelude::*;

use super::{name, node_built, node_exited, node_failed, node_started, of_node, planned};
use crate::events::{at, checked_out, run, spec_of, stop};

const MOST: usize = 6;

/// Nodes `n0`, `n1`, …, each after some of those before it.
fn any_plan() -> impl Strategy<Value = Plan> {
    let node = (any::<[bool; MOST]>(), 0u8..6, any::<bool>());
    prop::collection::vec(node, 0..=MOST).prop_map(|nodes| {
        let nodes = nodes
            .into_iter()
            .enumerate()
            .map(|(n, (after, kind, never_fail))| {
                let after = (0..n).filter(|before| after[*before]);
                let after: BTreeSet<NodeName> = after.map(|n| name(&format!("n{n}"))).collect();
                let work = match kind {
                    0 if after.is_empty() => NodeWork::Variable(EnvName::new("V").expect("a name")),
                    0 => NodeWork::Join,
                    _ => container(never_fail),
                };
                (name(&format!("n{n}")), PlannedNode { after, work })
            });
        Plan {
            nodes: nodes.collect(),
        }
    })
}

fn container(never_fail: bool) -> NodeWork {
    NodeWork::Container(Box::new(ContainerNode {
        image: ImageRef::new("i").expect("an image"),
        run: "r".to_owned(),
        dir: None,
        env: BTreeMap::new(),
        volumes: BTreeSet::new(),
        on: None,
        no_log: false,
        never_fail,
    }))
}

fn any_event() -> impl Strategy<Value = Event> {
    let happened = prop_oneof![
        Just(node_built()),
        Just(node_started("c")),
        (0i64..2).prop_map(node_exited),
        Just(node_failed()),
    ];
    let node = 0..MOST;
    (node, happened).prop_map(|(n, happened)| of_node(&format!("n{n}"), happened))
}

/// What now and then comes between.
fn any_other() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Resumed),
        Just(stop(StopCause::Abort)),
        Just(Event::CleanedUp)
    ]
}

/// A run together with all that happened to it.
struct Told {
    run: Run,
    events: Vec<(u64, Event)>,
}

impl Told {
    fn of(plan: &Plan) -> Self {
        let mut this = Self {
            run: run(spec_of("pipeline=*")),
            events: Vec::new(),
        };
        for event in [Event::Admitted, checked_out(), planned(plan.clone())] {
            this.apply(event);
        }
        this
    }

    fn apply(&mut self, event: Event) {
        let now = 10 * (1 + self.events.len() as u64);
        self.run.apply(at(now), &event);
        self.events.push((now, event));
    }

    fn states(&self) -> BTreeMap<NodeName, NodeState> {
        let nodes = self.run.status().nodes.into_iter().flatten();
        nodes.map(|node| (node.name, node.state)).collect()
    }

    fn wanted(&self) -> Vec<Effect> {
        self.run
            .wanted(at(1_000_000))
            .effects
            .into_values()
            .collect()
    }

    /// Performs what is wanted, the last first, until nothing is. Nodes end with these codes.
    fn perform_all(&mut self, plan: &Plan, codes: &[i64]) {
        for step in 0..100 {
            let Some(effect) = self.wanted().pop() else {
                return;
            };
            let code = codes[step % codes.len()];
            for event in answer(&effect, plan, code) {
                self.apply(event);
            }
        }
    }
}

/// What an engine would answer.
fn answer(effect: &Effect, plan: &Plan, code: i64) -> Vec<Event> {
    match effect {
        Effect::Checkout => vec![checked_out()],
        Effect::Plan => vec![planned(plan.clone())],
        Effect::NodeImage { node } => vec![of_node(node.as_str(), node_built())],
        Effect::NodeRun {
            node, container, ..
        } => {
            let started = container.is_none().then(|| node_started("c"));
            let all = started.into_iter().chain([node_exited(code)]);
            all.map(|happened| of_node(node.as_str(), happened))
                .collect()
        }
        Effect::Cleanup => vec![Event::CleanedUp],
        other => panic!("{other:?} is not of a graph"),
    }
}

/// The nodes that something is wanted of.
fn nodes_of(wanted: &[Effect]) -> Vec<&NodeName> {
    let nodes = wanted.iter().filter_map(|effect| match effect {
        Effect::NodeImage { node } | Effect::NodeRun { node, .. } => Some(node),
        _ => None,
    });
    nodes.collect()
}

proptest! {
    #[test]
    fn a_node_is_wanted_after_all_before_it_succeeded_and_never_after_its_end(
        plan in any_plan(),
        events in prop::collection::vec(any_event(), 0..40),
    ) {
        let mut told = Told::of(&plan);
        for event in events {
            let before = told.states();
            told.apply(event);
            let (states, wanted) = (told.states(), told.wanted());
            for (node, state) in before.iter().filter(|(_, state)| state.is_final()) {
                prop_assert_eq!(states[node], *state, "{} ended and changed", node);
            }
            for node in nodes_of(&wanted) {
                prop_assert!(!states[node].is_final(), "{node} is wanted after its end");
                let ready = plan.nodes[node].after.iter();
                let mut ready = ready.map(|before| states[before]);
                prop_assert!(ready.all(|state| state == NodeState::Succeeded), "{node} is early");
            }
        }
    }

    #[test]
    fn every_order_of_events_ends_and_is_told_again_as_it_was(
        plan in any_plan(),
        events in prop::collection::vec(prop_oneof![9 => any_event(), 1 => any_other()], 0..40),
        codes in prop::collection::vec(0i64..2, 1..4),
    ) {
        let mut told = Told::of(&plan);
        for event in events {
            told.apply(event);
        }
        told.perform_all(&plan, &codes);
        prop_assert!(told.run.state().is_final(), "stuck in {:?}", told.run.state());
        prop_assert!(told.states().values().all(|state| state.is_final()));

        let mut again = run(spec_of("pipeline=*"));
        for (ms, event) in &told.events {
            let text = serde_json::to_string(event).expect("every event can be written");
            again.apply(at(*ms), &serde_json::from_str(&text).expect("and read"));
        }
        prop_assert_eq!(again.status(), told.run.status());
    }

    #[test]
    fn nodes_are_skipped_only_because_of_what_they_come_after(
        plan in any_plan(),
        codes in prop::collection::vec(0i64..2, 1..7),
    ) {
        let mut told = Told::of(&plan);
        told.perform_all(&plan, &codes);
        let states = told.states();
        for (node, state) in &states {
            let mut before = plan.ancestors(node).into_iter();
            let hopeless = before.any(|before| states[&before] == NodeState::Failed);
            prop_assert_eq!(*state == NodeState::Skipped, hopeless, "{}", node);
        }
    }
}
