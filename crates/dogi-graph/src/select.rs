use std::collections::{BTreeMap, BTreeSet};

use dogi_url::{EnvName, NodeName};
use serde::{Deserialize, Serialize};

use crate::graph::{GraphNode, GraphWork, Outside};
use crate::plan::{EnvValue, NodeWork, Plan, PlannedNode};
use crate::{Graph, NotGiven, PlanError};

/// Which nodes are asked for. What they depend on comes with them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// All of them.
    All,
    /// These.
    Nodes(Vec<NodeName>),
    /// Those with a trigger that matches one of these changed paths, relative to the repository's root.
    Touched(Vec<String>),
    /// Those that have triggers: something changed, and nobody knows what.
    Triggered,
}

/// Whether a variable comes from outside.
type Given<'g> = &'g dyn Fn(&EnvName) -> bool;

impl Graph {
    /// Picks nodes and everything that they depend on. `given` says whether a variable comes from
    /// outside. Where nothing is to be picked, the plan is empty.
    ///
    /// # Errors
    /// When a node is asked for that there is not, or the plan needs variables that are not given;
    /// all of these are named.
    pub fn plan(&self, selection: &Selection, given: Given<'_>) -> Result<Plan, PlanError> {
        let mut plan = Plan::default();
        let mut missing = Missing::default();
        let picked = self.with_dependencies(self.selected(selection)?);
        for (name, node) in picked {
            let found = missing.look_up(name, node, given);
            let planned = PlannedNode {
                after: node.after.clone(),
                work: work(node, found),
            };
            plan.nodes.insert(name.clone(), planned);
        }
        match missing.told() {
            missing if missing.is_empty() => Ok(plan),
            missing => Err(PlanError::NotGiven { missing }),
        }
    }

    fn selected(&self, selection: &Selection) -> Result<BTreeSet<&NodeName>, PlanError> {
        let that = |wanted: &dyn Fn(&GraphNode) -> bool| {
            let nodes = self.nodes.iter().filter(|(_, node)| wanted(node));
            Ok(nodes.map(|(name, _)| name).collect())
        };
        match selection {
            Selection::All => that(&|_| true),
            Selection::Triggered => that(&|node| !node.triggers.is_empty()),
            Selection::Touched(paths) => {
                that(&|node| paths.iter().any(|path| node.triggers.match_path(path)))
            }
            Selection::Nodes(names) => names.iter().map(|name| self.known(name)).collect(),
        }
    }

    fn known(&self, name: &NodeName) -> Result<&NodeName, PlanError> {
        let found = self.nodes.get_key_value(name).map(|(name, _)| name);
        found.ok_or_else(|| PlanError::UnknownNode {
            name: name.clone(),
            known: self.names().cloned().collect(),
        })
    }

    fn with_dependencies<'g>(
        &'g self,
        selected: BTreeSet<&'g NodeName>,
    ) -> BTreeMap<&'g NodeName, &'g GraphNode> {
        let mut picked = BTreeMap::new();
        let mut next: Vec<&NodeName> = selected.into_iter().collect();
        while let Some(name) = next.pop() {
            let Some(node) = self.nodes.get(name) else {
                continue;
            };
            if picked.insert(name, node).is_none() {
                next.extend(&node.after);
            }
        }
        picked
    }
}

/// What a node does, with the names under which its variables were found.
fn work(node: &GraphNode, mut found: Vec<(EnvName, EnvName)>) -> NodeWork {
    match &node.work {
        GraphWork::Join => NodeWork::Join,
        GraphWork::Variable => match found.pop() {
            Some((_, outside)) => NodeWork::Variable(outside),
            // Not given: there will be no plan.
            None => NodeWork::Join,
        },
        GraphWork::Container(container) => {
            let mut container = container.clone();
            let outside = found.into_iter();
            let outside = outside.map(|(variable, name)| (variable, EnvValue::Outside(name)));
            container.env.extend(outside);
            NodeWork::Container(container)
        }
    }
}

/// Variables that were not given.
#[derive(Default)]
struct Missing {
    needed: Vec<NotGiven>,
    /// Nodes that stand for one.
    declared: Vec<NotGiven>,
}

impl Missing {
    /// The variables of a node, each with the name under which it is given.
    fn look_up(
        &mut self,
        name: &NodeName,
        node: &GraphNode,
        given: Given<'_>,
    ) -> Vec<(EnvName, EnvName)> {
        let mut found = Vec::new();
        for outside in &node.outside {
            let Outside {
                variable,
                exact,
                line,
            } = outside;
            let mut names = [Some(variable), exact.as_ref()].into_iter().flatten();
            if let Some(outside) = names.find(|name| given(name)) {
                found.push((variable.clone(), outside.clone()));
                continue;
            }
            let missing = NotGiven {
                node: name.clone(),
                variable: variable.clone(),
                file: node.file.display().to_string(),
                line: *line,
            };
            match node.work {
                GraphWork::Variable => self.declared.push(missing),
                GraphWork::Container(_) | GraphWork::Join => self.needed.push(missing),
            }
        }
        found
    }

    /// A node that only stands for a variable says nothing that those who need it did not say.
    fn told(self) -> Vec<NotGiven> {
        let Self {
            mut needed,
            declared,
        } = self;
        for one in declared {
            if !needed.iter().any(|known| known.variable == one.variable) {
                needed.push(one);
            }
        }
        needed
    }
}
