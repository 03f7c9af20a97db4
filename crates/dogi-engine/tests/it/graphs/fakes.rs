//! Containers of nodes that do what a test tells them.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use dogi_engine::ports::{Begin, ContainerRequest, RepoFile, StepError, Work};
use dogi_job::{Exit, RunId};
use dogi_stream::Channel;
use tokio::sync::watch;

/// What there is of container graphs in the fake world.
#[derive(Debug, Default)]
pub(crate) struct Graphs {
    /// The graph file of every checkout.
    file: Mutex<Option<String>>,
    /// What the container of a node prints when it is begun or taken up, in order.
    prints: Mutex<BTreeMap<String, VecDeque<&'static str>>>,
    /// What the container of a node was given: variables and, marked as such, secrets.
    given: Mutex<BTreeMap<String, BTreeMap<String, String>>>,
    /// The exit codes of those nodes that may end.
    ends: watch::Sender<BTreeMap<String, i64>>,
    /// The containers that run.
    running: watch::Sender<BTreeSet<(RunId, String)>>,
    most: AtomicUsize,
}

impl Graphs {
    pub(crate) fn file(&self) -> Option<RepoFile> {
        let file = self.file.lock().expect("not poisoned").clone();
        file.map(|text| RepoFile {
            path: "ci/a.graphci.yaml".to_owned(),
            content: text.into(),
        })
    }

    pub(crate) fn set_file(&self, text: &str) {
        *self.file.lock().expect("not poisoned") = Some(text.to_owned());
    }

    /// What `node` prints next.
    pub(crate) fn prints(&self, node: &str, text: &'static str) {
        let mut prints = self.prints.lock().expect("not poisoned");
        prints.entry(node.to_owned()).or_default().push_back(text);
    }

    /// What `node` was given as the variable.
    pub(crate) fn given(&self, node: &str, variable: &str) -> Option<String> {
        let given = self.given.lock().expect("not poisoned");
        given.get(node)?.get(variable).cloned()
    }

    /// Lets the containers of `node` end with this code.
    pub(crate) fn ends(&self, node: &str, code: i64) {
        self.ends.send_modify(|ends| {
            ends.insert(node.to_owned(), code);
        });
    }

    /// Waits until those of `run` that run are these.
    pub(crate) async fn are_running(&self, run: &RunId, nodes: &[&str]) {
        let mut running = self.running.subscribe();
        let found = running.wait_for(|all| {
            let of_run = all.iter().filter(|(of, _)| of == run);
            of_run.map(|(_, node)| node).eq(nodes)
        });
        found.await.expect("the world does not end");
    }

    /// The most containers of nodes at once.
    pub(crate) fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    pub(crate) async fn run(
        &self,
        request: &ContainerRequest<'_>,
        work: &Work,
    ) -> Result<Exit, StepError> {
        let node = request.node.as_ref().expect("it is that of a node");
        let name = node.name.to_string();
        if let Begin::Make { secrets, .. } = &request.begin {
            let env = node.env.iter();
            let env = env.map(|(name, value)| (name.to_string(), value.clone()));
            let secrets = secrets.iter();
            let secrets = secrets
                .map(|(name, value)| (name.to_string(), format!("secret {}", value.expose())));
            let given = env.chain(secrets).collect();
            self.given
                .lock()
                .expect("not poisoned")
                .insert(name.clone(), given);
            work.started(format!("c-{name}")).await;
        }
        let text = {
            let mut prints = self.prints.lock().expect("not poisoned");
            prints.get_mut(&name).and_then(VecDeque::pop_front)
        };
        let text = text.map(|text| (Channel::Stdout, Bytes::from(text)));
        let log = request.outputs.log();
        log.append(text.into_iter().collect()).await;
        self.until_end(&name, work).await
    }

    async fn until_end(&self, name: &str, work: &Work) -> Result<Exit, StepError> {
        let key = (work.run.clone(), name.to_owned());
        self.running.send_modify(|running| {
            running.insert(key.clone());
            self.most.fetch_max(running.len(), Ordering::SeqCst);
        });
        let mut ends = self.ends.subscribe();
        let ended = tokio::select! {
            () = work.cancel.cancelled() => Err(StepError::Cancelled),
            ends = ends.wait_for(|ends| ends.contains_key(name)) => {
                let code = ends.expect("the world does not end")[name];
                Ok(Exit { code, out_of_memory: false })
            }
        };
        self.running.send_modify(|running| {
            running.remove(&key);
        });
        ended
    }
}
