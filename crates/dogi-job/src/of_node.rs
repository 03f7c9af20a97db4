//! The containers of a graph's run, as specs of runs by themselves.

use std::collections::BTreeMap;

use dogi_graph::{ContainerNode, EnvValue, Plan};
use dogi_url::{ImageRef, NodeName};

use crate::{Origin, SecretName, Spec};

/// What comes into a node's container from an output that is not logged is as secret as that.
fn secret_output(node: &NodeName) -> Option<SecretName> {
    SecretName::parse(&output_of(node)).ok()
}

/// What an output that is not logged is called, where it is treated as a secret.
#[must_use]
pub fn output_of(node: &NodeName) -> String {
    format!("the output of node {node}")
}

impl Spec {
    /// What the container of a node is made of, as that of a run by itself. Outputs of other nodes that
    /// are not logged are among its secrets; those that are have no place in it, for their values are not
    /// known.
    #[must_use]
    pub fn of_node(&self, plan: &Plan, node: &ContainerNode) -> Self {
        let mut spec = Self {
            origin: Origin::Image(node.image.clone()),
            secrets: BTreeMap::new(),
            outside: BTreeMap::new(),
            callback: None,
            group: None,
            reports: Vec::new(),
            ..self.clone()
        };
        let unlogged = |of| plan.container(of).is_some_and(|of| of.no_log);
        // What is not logged itself has nothing to keep out of its log.
        let is_secret = |of| !node.no_log && unlogged(of);
        for (variable, value) in &node.env {
            match value {
                EnvValue::Outside(name) => match self.secrets.get(name) {
                    Some(secret) => {
                        spec.secrets.insert(variable.clone(), secret.clone());
                    }
                    None => {
                        let value = self.env.get(name).or_else(|| self.outside.get(name));
                        let value = value.cloned().unwrap_or_default();
                        spec.env.insert(variable.clone(), value);
                    }
                },
                EnvValue::Output(of) if is_secret(of) => {
                    spec.secrets
                        .extend(secret_output(of).map(|secret| (variable.clone(), secret)));
                }
                EnvValue::Output(_) => {}
            }
        }
        spec
    }

    /// A container of this image as the run would have it, such as one that prints a part of the graph.
    #[must_use]
    pub fn of_image(&self, image: ImageRef) -> Self {
        Self {
            origin: Origin::Image(image),
            env: BTreeMap::new(),
            secrets: BTreeMap::new(),
            outside: BTreeMap::new(),
            callback: None,
            group: None,
            reports: Vec::new(),
            event_path: None,
            tty: false,
            ..self.clone()
        }
    }

    /// Whether a node of its container graph that asks for this variable gets it from outside.
    #[must_use]
    pub fn gives(&self, variable: &dogi_url::EnvName) -> bool {
        self.secrets.contains_key(variable)
            || self.env.contains_key(variable)
            || self.outside.contains_key(variable)
    }
}
