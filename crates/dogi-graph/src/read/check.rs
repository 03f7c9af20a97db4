//! Whether what nodes say of each other holds.

use std::collections::BTreeMap;

use dogi_url::{EnvName, NodeName};
use dogi_yaml::{Mistake, did_you_mean};

use super::draft::{Draft, Kind, Spot};
use super::names::{OUT, complaint};
use super::reader::Drafts;
use crate::cycle::{Edges, cycles};
use crate::graph::{GraphNode, GraphWork, Outside};
use crate::plan::{ContainerNode, EnvValue, VolumeSource};
use crate::triggers::Triggers;
use crate::variable::variable;
use crate::{MAX_GLOBS, MAX_MISTAKES};

/// Longest name that is compared with others to find out what was meant.
const MAX_COMPARED: usize = 64;

/// Makes nodes of drafts. What is wrong is added to the mistakes; the nodes are of use only where
/// nothing is. Of a graph that is not complete, unknown names are no mistakes.
pub(super) fn nodes(
    drafts: Drafts,
    is_complete: bool,
    mistakes: &mut Vec<Mistake>,
) -> BTreeMap<NodeName, GraphNode> {
    let mut check = Check {
        drafts: &drafts,
        is_complete,
        mistakes,
        globs: 0,
    };
    let nodes: BTreeMap<_, _> = drafts
        .iter()
        .filter_map(|(name, draft)| Some((name.clone(), check.node(name, draft)?)))
        .collect();
    acyclic(&drafts, &nodes, mistakes);
    nodes
}

struct Check<'c> {
    drafts: &'c Drafts,
    is_complete: bool,
    mistakes: &'c mut Vec<Mistake>,
    /// How long all triggers are together.
    globs: usize,
}

/// What a node needs to begin with.
#[derive(Default)]
struct Env {
    values: BTreeMap<EnvName, EnvValue>,
    outside: Vec<Outside>,
    /// Which name gave a variable.
    given_by: BTreeMap<EnvName, String>,
}

impl Check<'_> {
    /// `None` where so much is wrong that more is not told.
    fn node(&mut self, name: &NodeName, draft: &Draft) -> Option<GraphNode> {
        if self.mistakes.len() > MAX_MISTAKES {
            return None;
        }
        for spot in draft.after.iter().filter(|spot| spot.value == "code") {
            let message = "the checkout is there before any node: there is nothing to wait for";
            self.mistakes.push(draft.mistake(spot, message));
        }
        let mut after = Vec::new();
        for spot in draft.after.iter().filter(|spot| spot.value != "code") {
            after.extend(self.known(draft, spot, &[]));
        }
        let volumes: Vec<_> = draft
            .vol
            .iter()
            .filter_map(|spot| self.volume(draft, spot))
            .collect();
        let on = draft.on.as_ref().and_then(|spot| self.volume(draft, spot));
        let mut env = Env::default();
        for spot in &draft.env {
            after.extend(self.env(draft, spot, &mut env));
        }
        for volume in volumes.iter().chain(&on) {
            if let VolumeSource::Node(name) = volume {
                after.push(name.clone());
            }
        }
        let work = match draft.kind() {
            Kind::Container => container(draft, env.values, (volumes, on)),
            Kind::Variable => {
                env.outside.extend(self.itself(name, draft));
                GraphWork::Variable
            }
            Kind::Join => GraphWork::Join,
        };
        Some(GraphNode {
            file: draft.file.clone(),
            after: after.into_iter().collect(),
            triggers: self.triggers(draft),
            work,
            outside: env.outside,
        })
    }

    fn triggers(&mut self, draft: &Draft) -> Triggers {
        let mut triggers = Triggers::none();
        for spot in &draft.triggers {
            self.globs += spot.value.len();
            let added = match self.globs {
                ..=MAX_GLOBS => triggers.add(&spot.value),
                _ => Err(format!(
                    "with it the triggers of all nodes have more than {MAX_GLOBS} bytes, which is the limit"
                )),
            };
            if let Err(reason) = added {
                self.mistakes.push(draft.mistake(spot, reason));
            }
        }
        triggers
    }

    /// The node of this name.
    fn known(&mut self, draft: &Draft, spot: &Spot<String>, also: &[&str]) -> Option<NodeName> {
        let name = match NodeName::new(&*spot.value) {
            Ok(name) => name,
            Err(error) => {
                self.mistakes.push(draft.mistake(spot, complaint(&error)));
                return None;
            }
        };
        if !self.drafts.contains_key(&name) {
            if self.is_complete {
                let near = self.near(name.as_str(), also);
                let message = format!("no node has this name{near}");
                self.mistakes.push(draft.mistake(spot, message));
            }
            return None;
        }
        Some(name)
    }

    /// What was probably meant. Comparing takes its time: only as long as it is told.
    fn near(&self, name: &str, also: &[&str]) -> String {
        if name.len() > MAX_COMPARED || self.mistakes.len() > MAX_MISTAKES {
            return String::new();
        }
        let names = self.drafts.keys().map(NodeName::as_str);
        let names = names.filter(|name| name.len() <= MAX_COMPARED);
        did_you_mean(name, names.chain(also.iter().copied()))
    }

    /// The volume of this name.
    fn volume(&mut self, draft: &Draft, spot: &Spot<String>) -> Option<VolumeSource> {
        if spot.value == "code" {
            return Some(VolumeSource::Code);
        }
        let name = self.known(draft, spot, &["code"])?;
        let what = match self.drafts.get(&name)?.kind() {
            Kind::Container => return Some(VolumeSource::Node(name)),
            Kind::Variable => "is a variable from outside",
            Kind::Join => "only joins other nodes",
        };
        let message = format!("{what}: it has no volume");
        self.mistakes.push(draft.mistake(spot, message));
        None
    }

    /// Adds a variable; the node that it comes from, if it does.
    fn env(&mut self, draft: &Draft, spot: &Spot<String>, env: &mut Env) -> Option<NodeName> {
        let node = NodeName::new(&*spot.value).ok();
        let node = node.filter(|name| self.drafts.contains_key(name));
        let kind = node
            .as_ref()
            .and_then(|name| self.drafts.get(name))
            .map(Draft::kind);
        let variable = match named(&spot.value, kind) {
            Ok(variable) => variable,
            Err(message) => {
                self.mistakes.push(draft.mistake(spot, message));
                return node;
            }
        };
        match env.given_by.insert(variable.clone(), spot.value.clone()) {
            Some(other) if other != spot.value => {
                let message = format!("gives ${variable}, as {other:?} does");
                self.mistakes.push(draft.mistake(spot, message));
            }
            Some(_) => return node,
            None => {}
        }
        match (&node, kind) {
            (Some(name), Some(Kind::Container)) => {
                env.values.insert(variable, EnvValue::Output(name.clone()));
            }
            _ => env.outside.push(Outside {
                variable,
                exact: EnvName::new(&*spot.value).ok(),
                line: spot.line,
            }),
        }
        node
    }

    /// The variable that a node stands for.
    fn itself(&mut self, name: &NodeName, draft: &Draft) -> Option<Outside> {
        match named(name.as_str(), Some(Kind::Variable)) {
            Ok(variable) => Some(Outside {
                variable,
                exact: EnvName::new(name.as_str()).ok(),
                line: draft.line,
            }),
            Err(reason) => {
                let message = format!(
                    "has no `img`, `run` or dependency, which makes it a variable from outside: {reason}"
                );
                let mistake = Mistake::new(&draft.file, draft.line, name.as_str(), message);
                self.mistakes.push(mistake);
                None
            }
        }
    }
}

/// The variable of this name, if there can be one.
fn named(name: &str, kind: Option<Kind>) -> Result<EnvName, String> {
    let reason = match (name, kind) {
        ("code", _) => "the checkout is no variable; it can stand in `vol` and `on`",
        (_, Some(Kind::Join)) => "only joins other nodes: it prints nothing",
        (name, None) if name.contains('=') => {
            "a value can't be given here: expected the name of a node or of a variable"
        }
        _ => {
            let variable = variable(name).map_err(|error| complaint(&error))?;
            return match variable.as_str() {
                OUT => Err("$OUT is the node's own volume".to_owned()),
                _ => Ok(variable),
            };
        }
    };
    Err(reason.to_owned())
}

fn container(
    draft: &Draft,
    env: BTreeMap<EnvName, EnvValue>,
    (volumes, on): (Vec<VolumeSource>, Option<VolumeSource>),
) -> GraphWork {
    let (Some(Some(image)), Some(Some(run))) = (&draft.image, &draft.run) else {
        // That was told; there will be no graph.
        return GraphWork::Join;
    };
    GraphWork::Container(Box::new(ContainerNode {
        image: image.clone(),
        run: run.clone(),
        dir: draft.dir.clone(),
        env,
        volumes: volumes.into_iter().collect(),
        on,
        no_log: draft.no_log,
        never_fail: draft.never_fail,
    }))
}

/// Tells nodes that depend on themselves.
fn acyclic(drafts: &Drafts, nodes: &BTreeMap<NodeName, GraphNode>, mistakes: &mut Vec<Mistake>) {
    let edges: Edges<'_> = nodes
        .iter()
        .map(|(name, node)| (name, &node.after))
        .collect();
    for cycle in cycles(&edges) {
        let (Some(first), Some(second)) = (cycle.first(), cycle.iter().cycle().nth(1)) else {
            continue;
        };
        let way: Vec<&str> = cycle
            .iter()
            .chain([first])
            .map(|name| name.as_str())
            .collect();
        let message = format!("depends on itself: {}", way.join(" → "));
        let Some(draft) = drafts.get(*first) else {
            continue;
        };
        let spots = [&draft.after, &draft.env, &draft.vol].into_iter().flatten();
        let mut spots = spots.chain(&draft.on);
        let spot = spots.find(|spot| spot.value == second.as_str());
        let (line, key) = spot.map_or((draft.line, first.as_str()), |spot| (spot.line, &spot.key));
        mistakes.push(Mistake::new(&draft.file, line, key, message));
    }
}
