//! A whole test of a system of somebody's own, from their own test function.
//!
//! [`Test`] is a [`Plan`] with the defaults of a test, a system, and a place in the store. A run
//! has a thread and a runtime of its own, so that it does not matter what else the caller's
//! runtime does. Deliberately absent: a sandbox, which only a process of one thread can enter;
//! elsewhere nodes are cut apart by proxies.

use std::{
    env, io, panic,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use squall_nemesis::fault::FaultSet;
use squall_workloads::{UnknownWorkload, Workload, by_name};
use tokio::{runtime, sync::oneshot};

use crate::{
    finished::Finished,
    plan::{Plan, PlanError, Rate},
    run::{self, RunError},
    system::System,
};

/// Operations a second that an unoptimised harness holds beside three nodes on two cores.
const RATE: Rate = Rate::PerSecond(500);

/// A test that could not be carried out; none of these says anything about the system.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// The plan makes no sense.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// There is no such workload.
    #[error(transparent)]
    Workload(#[from] UnknownWorkload),
    /// The run could not be carried out.
    #[error(transparent)]
    Run(#[from] RunError),
    /// There is no thread or runtime for it.
    #[error("start a thread for the run")]
    Thread(#[source] io::Error),
}

/// A test of one system: three nodes for ten seconds, a new seed each time, the workload
/// `register`, and those of the faults `kill`, `pause` and `partition` that fit the system.
///
/// Works on any runtime, and beside other tests in the same process.
#[must_use = "a test does nothing until it is run"]
pub struct Test {
    plan: Plan,
    system: Arc<dyn System>,
    workload: Option<Box<dyn Workload>>,
    store: PathBuf,
}

impl Test {
    /// A test of `system`.
    pub fn of(system: impl System + 'static) -> Self {
        let ordinary = Plan::default();
        let fit = system.faults();
        let nemesis = ordinary.faults().expect("the default plan names faults there are");
        let nemesis: FaultSet = nemesis.kinds().filter(|kind| fit.contains(*kind)).collect();
        let nemesis = if nemesis.is_empty() { "none".to_owned() } else { nemesis.into() };
        let plan = Plan {
            system: system.name().to_owned(),
            nodes: 3,
            workload: "register".to_owned(),
            nemesis,
            time: Duration::from_secs(10),
            rate: RATE,
            seed: u64::from(rand::random::<u32>()),
            ..ordinary
        };
        Self { plan, system: Arc::new(system), workload: None, store: default_store() }
    }

    /// The same on a cluster of `nodes` nodes.
    pub fn nodes(self, nodes: usize) -> Self {
        self.plan(|plan| plan.nodes = nodes)
    }

    /// The same with clients that work for `time`.
    pub fn time(self, time: Duration) -> Self {
        self.plan(|plan| plan.time = time)
    }

    /// The same under other faults: a list such as `kill,partition`, `all` or `none`.
    pub fn nemesis(self, nemesis: &str) -> Self {
        self.plan(|plan| plan.nemesis = nemesis.to_owned())
    }

    /// The same with the values, choices and faults of `seed`, as of a run that is to be repeated.
    pub fn seed(self, seed: u64) -> Self {
        self.plan(|plan| plan.seed = seed)
    }

    /// The same with another workload of those that come with Squall, such as `cas-register`.
    pub fn workload(self, name: &str) -> Self {
        Self { workload: None, ..self.plan(|plan| plan.workload = name.to_owned()) }
    }

    /// The same with a workload of somebody's own.
    pub fn own_workload(self, workload: impl Workload + 'static) -> Self {
        Self { workload: Some(Box::new(workload)), ..self }
    }

    /// The same with anything else of the plan changed.
    pub fn plan(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        change(&mut self.plan);
        self
    }

    /// The same, kept in `store`; without this in the folder `squall` of Cargo's target directory.
    pub fn store(self, store: impl AsRef<Path>) -> Self {
        Self { store: store.as_ref().to_owned(), ..self }
    }

    /// Carries the test out and says what it came to, whatever that is.
    ///
    /// Dropped before that, it kills the nodes and leaves the history as far as it got.
    ///
    /// # Errors
    /// When the plan makes no sense for the system, the harness or the system could not be set up,
    /// or the results not be kept.
    pub async fn run(self) -> Result<Finished, TestError> {
        let Self { plan, system, workload, store } = self;
        let plan = plan.resolve_for(Some(&*system))?;
        let workload = match workload {
            Some(workload) => workload,
            None => by_name(&plan.workload, plan.workload_settings())?,
        };
        apart(plan, system, workload, store).await
    }
}

/// Carries a run out on a thread of its own.
async fn apart(
    plan: Plan,
    system: Arc<dyn System>,
    workload: Box<dyn Workload>,
    store: PathBuf,
) -> Result<Finished, TestError> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(TestError::Thread)?;
    let (mut over, outcome) = oneshot::channel();
    let body = move || {
        runtime.block_on(async {
            tokio::select! {
                finished = run::alone(plan, system, workload, &store) => drop(over.send(finished)),
                // Nobody waits any more.
                () = over.closed() => {}
            }
        });
    };
    let name = "squall".to_owned();
    let thread = thread::Builder::new().name(name).spawn(body).map_err(TestError::Thread)?;
    match outcome.await {
        Ok(finished) => Ok(finished?),
        // The thread ended without a word, which is a panic: of the harness or of an adapter.
        Err(_) => match thread.join() {
            Err(payload) => panic::resume_unwind(payload),
            Ok(()) => unreachable!("it ends with a word while somebody waits"),
        },
    }
}

/// `squall` in the target directory this executable was built in, which Cargo marks; beside no
/// such mark `store`.
fn default_store() -> PathBuf {
    let own = env::current_exe().unwrap_or_default();
    let target = own.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    target.map_or_else(|| PathBuf::from("store"), |target| target.join("squall"))
}
