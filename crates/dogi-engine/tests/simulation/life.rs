//! One history: lives of the server, one after the other, over the same world and the same data
//! directory.
//!
//! A life is an engine in a runtime of its own, whose clock stands still while anything goes on and
//! leaps to the next timer when all is quiet. A crash drops the runtime as it is. The same seed
//! gives the same history: tasks run on one thread, in the order in which they were woken, and
//! blocking work on one other thread; what that one has done is taken in only when the first has
//! nothing else to do, one by one in the order in which it was begun.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use dogi_engine::{Engine, EngineConfig};
use dogi_job::AdmissionLimits;
use tokio::{runtime::Runtime, task::JoinSet};

use crate::{
    checks,
    clients::{self, Client},
    plan::{End, LifePlan},
    ports::Ports,
    world::World,
};

/// How long the last life may take until nothing goes on any more.
const PATIENCE: Duration = Duration::from_secs(4 * 60 * 60);
const LOOK: Duration = Duration::from_millis(500);

/// What came of a history.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) violations: Vec<String>,
    pub(crate) trace: Vec<String>,
}

/// Goes through the history of a seed.
pub(crate) fn simulate(seed: u64) -> History {
    let world = Arc::new(World::new(seed));
    let plan = world.lock().plan.clone();
    let home = home();
    let mut data = home.path().join("0");
    for (number, life) in plan.lives.iter().enumerate() {
        let next = home.path().join((number + 1).to_string());
        live(&world, &data, &next, Some(*life));
        data = next;
    }
    live(&world, &data, &home.path().join("end"), None);
    let violations = world.lock().violations.clone();
    History {
        violations,
        trace: world.trace(),
    }
}

/// A directory in memory, where there is one.
fn home() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(memory)
        .or_else(|_| tempfile::tempdir())
        .expect("a temporary directory")
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .max_blocking_threads(1)
        // What the other thread has done is looked at when nothing else is to do.
        .global_queue_interval(u32::MAX)
        .event_interval(u32::MAX)
        .build()
        .expect("a runtime")
}

/// One life over `data`, which the next one finds at `next`.
fn live(world: &Arc<World>, data: &Path, next: &Path, life: Option<LifePlan>) {
    let runtime = runtime();
    runtime.block_on(async {
        let crash = world.begin(life);
        let living = tokio::spawn(run(world.clone(), data.to_owned(), life.is_none()));
        // In a task, so that nothing wakes this thread from outside.
        let ended = tokio::spawn(async move {
            tokio::select! {
                biased;
                () = crash.notified() => Ok(()),
                ended = living => ended,
            }
        });
        let ended = ended.await.expect("the waiting does not panic");
        if let Err(panic) = ended {
            let why = panic.into_panic();
            let why = why
                .downcast_ref::<String>()
                .map_or("for a reason", String::as_str);
            world.lock().violate(format!("a client panicked: {why}"));
        }
        // What was on its way to the disk gets there; nobody is left to do anything else.
        world.lock().die();
        tokio::time::sleep(Duration::from_millis(1)).await;
        let (end, pause) = life.map_or((End::Killed, 0), |life| (life.end, life.pause));
        world.end(end, pause);
    });
    // What the dying life still tidies up is tidied up elsewhere.
    if std::fs::exists(data).expect("the directory can be looked at") {
        std::fs::rename(data, next).expect("the directory can be moved");
    }
    drop(runtime);
}

fn config(world: &World, data: PathBuf) -> EngineConfig {
    let plan = world.lock().plan.clone();
    let mut config = EngineConfig::new(data);
    config.admission = AdmissionLimits {
        running: plan.running,
        queued: plan.queued,
    };
    config.keep_runs = plan.keep_runs;
    config
}

async fn run(world: Arc<World>, data: PathBuf, last: bool) {
    let ports = Ports(world.clone());
    let built = Engine::builder(config(&world, data.clone()))
        .source(ports.clone())
        .runner(ports.clone())
        .deliverer(ports.clone())
        .store(ports.clone())
        .clock(ports.clone())
        .space(ports.clone())
        .workers(ports)
        .build()
        .await;
    let engine = match built {
        Ok(engine) => engine,
        Err(error) if last => {
            let store = world.lock().store_fails();
            // The disk was still full: whoever starts the server starts it again.
            assert!(store, "the server can't be started: {error}");
            tokio::time::sleep(Duration::from_secs(60)).await;
            return Box::pin(run(world, data, last)).await;
        }
        Err(_) => return,
    };
    let client = Client {
        world: world.clone(),
        engine: engine.clone(),
    };
    let mut asking = clients::all(&client);
    let quiet = tokio::time::timeout(PATIENCE, until_quiet(&client, &mut asking)).await;
    if last && quiet.is_err() {
        checks::not_quiet(&client);
    }
    engine.close();
    if last {
        checks::at_the_end(&client, &data);
    }
}

/// Waits until nobody asks for anything and nothing goes on.
async fn until_quiet(client: &Client, asking: &mut JoinSet<()>) {
    while let Some(asked) = asking.join_next().await {
        asked.expect("a client does not panic");
    }
    while !client.engine.jobs().is_empty() || !client.world.lock().containers.runs().is_empty() {
        tokio::time::sleep(LOOK).await;
    }
    // The last step of every run is to be forgotten, perhaps.
    tokio::time::sleep(Duration::from_secs(60)).await;
}
