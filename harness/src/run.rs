//! One run from nothing to results: network, cluster, clients against nemesis, heal,
//! read back, check, report.
//!
//! Every exit path ends the nodes and undoes the faults: the nemesis undoes its own, the
//! cluster kills what it started when dropped, and the sandbox ends with its init.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use squall_checker::history::{FORMAT_VERSION, Header, HeaderTag};
use squall_nemesis::{
    conductor::{self, NemesisEvent},
    network::{Network, NetworkError},
};
use squall_results::{
    facts::{NodeRecovery, Recovery, RunFacts, StoppedAt, Timings},
    probes::Probe,
    run_dir::{RunDir, StoreError},
    summary::{Results, RunVerdict},
};
use squall_workloads::Workload;
use tokio::sync::watch;

use crate::{
    analysis::{self, AnalysisError, Circumstances},
    clients::{Clients, Pacing},
    cluster::{Cluster, ClusterError},
    fail_fast::FailFast,
    finished::Finished,
    host,
    pace::{Driven, Faults},
    plan::{Net, Plan},
    probes::{Probing, View},
    progress::{FaultsInForce, Progress, Silent, Snapshot},
    promises,
    readback::{self, FinalReads, Readback, Served},
    recorder::{Latencies, Observer, Recorder, RecorderError, Written},
    run_clock::RunClock,
    session::Sessions,
    system::{NotOffered, System},
};

/// How long the final reads may take.
const READS_DEADLINE: Duration = Duration::from_secs(15);
/// How often everything is read back.
const READ_ROUNDS: usize = 2;
/// Time between two snapshots for [`Progress`].
const TICK: Duration = Duration::from_millis(200);

/// A run that could not be carried out; none of these says anything about the system.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The run directory cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file of the run cannot be written.
    #[error("write {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The nodes cannot be connected.
    #[error("connect the nodes")]
    Network(#[from] NetworkError),
    /// The nodes cannot be run.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The workload asks for what the system does not offer.
    #[error(transparent)]
    NotOffered(#[from] NotOffered),
    /// The cluster runs but never served.
    #[error(
        "get a first change from the cluster within {} s; last answers: {answers}; the nodes' logs \
         are in {}",
        within.as_secs_f64(),
        logs.display()
    )]
    NeverServed {
        /// How long it had.
        within: Duration,
        /// What each node answered last.
        answers: String,
        /// Where the logs are.
        logs: PathBuf,
    },
    /// The history cannot be written.
    #[error(transparent)]
    Recorder(#[from] Arc<RecorderError>),
    /// The history could no longer be written; closing it says why.
    #[error("keep the history")]
    Unrecorded,
    /// Somebody ended the run before any client began.
    #[error("reach a verdict: interrupted before the clients began")]
    Interrupted,
    /// The run cannot be judged while it goes on.
    #[error("start the online checker")]
    FailFast(#[source] std::io::Error),
    /// A client ended in a panic.
    #[error("run the clients")]
    Client(#[from] tokio::task::JoinError),
    /// What was recorded cannot be judged or shown.
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
}

/// What to run and who is to know.
pub struct Order {
    /// The plan, resolved.
    pub plan: Plan,
    /// The system of the plan.
    pub system: Arc<dyn System>,
    /// The workload of the plan.
    pub workload: Box<dyn Workload>,
    /// Where everything is kept; made by [`RunDir::create`].
    pub run_dir: RunDir,
    /// When the run began, as the run directory has it.
    pub started_utc: String,
    /// Why this machine refused a sandbox, where one was tried.
    pub refused: Option<String>,
    /// Whom to tell.
    pub progress: Arc<dyn Progress>,
    /// Becomes true when somebody wants the run to end early: it is healed, read back and
    /// judged all the same.
    pub interrupt: watch::Receiver<bool>,
}

/// Carries out a run by itself, without anybody watching: `plan`, resolved, against `system`
/// with `workload`, neither of which need be the one the plan names. The run is kept in `store`;
/// the nodes' own files only where the verdict calls for a look at them.
///
/// # Errors
/// As [`run`]; also where `system` does not offer what `workload` asks for.
pub async fn alone(
    plan: Plan,
    system: Arc<dyn System>,
    workload: Box<dyn Workload>,
    store: &Path,
) -> Result<Finished, RunError> {
    crate::system::suits(&*system, &*workload)?;
    let plan = Plan { workload: workload.name().to_owned(), ..plan };
    let started_utc = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let stamp = started_utc.replace([':', '-'], "");
    let run_dir = RunDir::create(store, &plan.run_name(), &stamp, plan.seed)?;
    let (_nobody, interrupt) = watch::channel(false);
    let (progress, kept) = (Arc::new(Silent), run_dir.clone());
    let order = Order {
        plan,
        system,
        workload,
        run_dir: kept,
        started_utc,
        refused: None,
        progress,
        interrupt,
    };
    // No command line knows a system or a workload of somebody's own.
    let results = carry_out(order, None).await?;
    let telling = matches!(
        results.verdict,
        RunVerdict::Violation | RunVerdict::Unavailable | RunVerdict::Failed
    );
    if !telling {
        // Only disk space is lost when this fails.
        drop(std::fs::remove_dir_all(run_dir.path().join("data")));
    }
    Ok(Finished { results, run_dir })
}

/// Connects `nodes` nodes as `net` asks for; the second value says why a wish for the
/// sandbox was not fulfilled.
///
/// # Errors
/// When the network asked for cannot be had.
pub async fn connect(net: Net, nodes: usize) -> Result<(Network, Option<String>), NetworkError> {
    if net == Net::Proxy || (net == Net::Auto && !squall_nemesis::sandbox::inside()) {
        return Ok((Network::proxy(nodes).await?, None));
    }
    match Network::sandbox(nodes).await {
        Ok(network) => Ok((network, None)),
        Err(error) if net == Net::Auto => Ok((Network::proxy(nodes).await?, Some(chain(&error)))),
        Err(error) => Err(error),
    }
}

/// An error and its causes in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Some libraries repeat their source in their own text.
        if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
        cause = error.source();
    }
    line
}

/// Carries out `order` and leaves a complete run directory.
///
/// # Errors
/// When the harness or the system could not be set up, or the results not be kept. What
/// was recorded until then stays in the run directory.
pub async fn run(order: Order) -> Result<Results, RunError> {
    let command = order.plan.command(&order.run_dir.plan());
    carry_out(order, Some(command)).await
}

/// Carries out `order`, which `command` repeats.
async fn carry_out(order: Order, command: Option<String>) -> Result<Results, RunError> {
    let clock = RunClock::start();
    let began = clock.began;
    let Order { plan, system, workload, run_dir, started_utc, refused, progress, interrupt } =
        order;
    run_dir.write(&run_dir.plan(), plan.to_toml().as_bytes())?;
    progress.phase(&format!("starting {} nodes", plan.nodes));
    if let Some(definition) = system.definition() {
        run_dir.write(&run_dir.path().join("system.toml"), definition.as_bytes())?;
    }
    let net = if system.sandboxed().is_some() { Net::Sandbox } else { plan.net };
    let (network, failed) = connect(net, plan.nodes).await?;
    let refused = refused.or(failed);
    let standing = Standing::set_up(&plan, system, network, &run_dir, &*workload, clock)?;
    let mut facts = standing.facts(&plan, &started_utc);
    (facts.started_unix_ns, facts.utc_offset_s) = (Some(clock.unix_ns), Some(clock.utc_offset_s));
    facts.command = command.unwrap_or_default();
    facts.beside = promises::of(&*workload, standing.system.revisions_are_of_values());
    facts.notes.extend(refused.map(|why| format!("No sandbox: {why}.")));

    let carried_out =
        standing.carry_out(&plan, &*workload, &*progress, interrupt, &run_dir, began).await;
    // On every way out the nodes end and what was recorded reaches the disk.
    progress.phase("ending the nodes");
    let probed = standing.take_down().await;
    let Remains { probes, lost, unjudged, latencies } = probed?;
    let course = carried_out?;
    let faults = if facts.faults_planned > 0 { Faults::Planned } else { Faults::None };
    facts.pace = course.driven.pace(faults, latencies.percentiles());
    facts.timings = course.timings;
    facts.recovered = course.recovered;
    facts.interrupted = course.end == End::Interrupted;
    facts.stopped_at = match course.end {
        End::Violation(stopped_at) => Some(stopped_at),
        End::TimeUp | End::Interrupted | End::Broken => None,
    };

    progress.phase("checking the history");
    facts.notes.extend(lost.map(|why| format!("Not all probes were kept: {why}.")));
    facts.notes.extend(unjudged.map(|why| format!("Not everything was judged on the way: {why}.")));
    let circumstances = Circumstances { facts, probes };
    // Not on the runtime, whose threads other runs may be working on.
    let concluded = tokio::task::spawn_blocking(move || {
        analysis::within(analysis::SEARCH_TIME_MAX, |budget| {
            analysis::conclude(&run_dir, circumstances, budget)
        })
    });
    let concluded = concluded.await;
    Ok(concluded.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?)
}

/// Everything that stands while the clients run.
struct Standing {
    system: Arc<dyn System>,
    network: Arc<Network>,
    cluster: Cluster,
    view: Arc<View>,
    recorder: Recorder,
    writer: crate::recorder::Writer,
    /// Only where the plan asks for it.
    fail_fast: Option<FailFast>,
    probing: Probing,
    names: Vec<String>,
}

/// How a run went.
struct Course {
    timings: Timings,
    driven: Driven,
    recovered: Recovery,
    end: End,
}

/// What is left of a run beside its files.
struct Remains {
    probes: Vec<Probe>,
    /// Why some probes are lost.
    lost: Option<String>,
    /// What could not be judged while the run went on.
    unjudged: Option<String>,
    latencies: Latencies,
}

impl Standing {
    fn set_up(
        plan: &Plan,
        system: Arc<dyn System>,
        network: Network,
        run_dir: &RunDir,
        workload: &dyn Workload,
        clock: RunClock,
    ) -> Result<Self, RunError> {
        let RunClock { began, unix_ns, utc_offset_s } = clock;
        let names: Vec<String> = plan.node_names();
        let network = Arc::new(network);
        let view = Arc::new(View::new(plan.nodes));
        let header = Header {
            squall: FORMAT_VERSION,
            kind: HeaderTag::Header,
            system: system.name().to_owned(),
            workload: plan.workload.clone(),
            model: workload.model().to_string(),
            nodes: names.clone(),
            seed: plan.seed,
            plan: serde_json::to_value(plan).expect("a plan is plain data"),
            started_unix_ns: Some(unix_ns),
            utc_offset_s: Some(utc_offset_s),
        };
        let (fail_fast, observer) = match plan.fail_fast {
            true => FailFast::start(&header, began)
                .map(|(fail_fast, observer)| (Some(fail_fast), observer))
                .map_err(RunError::FailFast)?,
            false => (None, Box::new(|_: &_| {}) as Observer),
        };
        let (recorder, writer) =
            Recorder::start_observed(&run_dir.history(), &header, began, observer)
                .map_err(Arc::new)?;
        let data = run_dir.path().join("data");
        let cluster = Cluster::new(
            Arc::clone(&system),
            names.clone(),
            Arc::clone(&network),
            Arc::clone(&view),
            &data,
            |node| run_dir.log(node),
        )?;
        let path = run_dir.cluster();
        let probing = Probing::start(&system, &cluster.addresses(), &view, &path, began)
            .map_err(|source| RunError::File { path, source })?;
        Ok(Self { system, network, cluster, view, recorder, writer, fail_fast, probing, names })
    }

    fn facts(&self, plan: &Plan, started_utc: &str) -> RunFacts {
        let versions = [
            ("squall".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            (self.system.name().to_owned(), self.system.version()),
        ];
        RunFacts {
            name: plan.run_name(),
            system: self.system.name().to_owned(),
            workload: plan.workload.clone(),
            bug: plan.bug.clone(),
            nodes: self.names.clone(),
            seed: plan.seed,
            plan: serde_json::to_value(plan).expect("a plan is plain data"),
            faults_planned: plan
                .schedule
                .as_ref()
                .map_or(0, |schedule| u32::try_from(schedule.unrolled().len()).unwrap_or(u32::MAX)),
            checks: plan.checks.clone(),
            network: self.network.describe(),
            network_caveats: self.network.caveats(),
            started_utc: started_utc.to_owned(),
            versions: versions.into(),
            host: host::describe(),
            ..RunFacts::default()
        }
    }

    /// Boots, runs clients against nemesis, heals and reads back.
    async fn carry_out(
        &self,
        plan: &Plan,
        workload: &dyn Workload,
        progress: &dyn Progress,
        interrupt: watch::Receiver<bool>,
        run_dir: &RunDir,
        began: Instant,
    ) -> Result<Course, RunError> {
        let mut timings = Timings::default();
        let mut early = interrupt.clone();
        tokio::select! {
            started = self.cluster.start_all() => started?,
            () = wait_true(&mut early) => return Err(RunError::Interrupted),
        }
        timings.boot_ms = ms(began.elapsed());
        let slots = plan.concurrency + plan.nodes * readback::LANES;
        let sessions = Sessions::new(
            Arc::clone(&self.system),
            &self.cluster.addresses(),
            self.recorder.clone(),
            plan.operation_timeout,
            slots,
        )
        .seeing(Arc::clone(&self.view));
        let mut readback = Readback::new(&sessions, plan.concurrency);
        let within = self.system.serves_within();
        let serving = tokio::select! {
            serving = readback.all_serve(workload, Instant::now() + within) => serving,
            error = self.cluster.first_exit() => return Err(error.into()),
            () = wait_true(&mut early) => return Err(RunError::Interrupted),
        };
        if serving.iter().all(|served| served.at().is_none()) {
            let answers = readback::last_answers(&self.names, &serving);
            let logs = run_dir.path().join("logs");
            return Err(RunError::NeverServed { within, answers, logs });
        }

        timings.clients_began_ms = Some(ms(began.elapsed()));
        let workload_began = Instant::now();
        let (end, driven) = self.drive(plan, workload, &sessions, progress, interrupt).await?;
        timings.workload_ms = ms(workload_began.elapsed());
        if end == End::Broken {
            return Err(RunError::Unrecorded);
        }

        if let End::Violation(StoppedAt { operation, noticed_ms, .. }) = end {
            progress.phase(&format!(
                "stopped at the first violation, {noticed_ms} ms after operation {operation} completed"
            ));
        }
        progress.phase("healing, then reading back");
        let recovered = self.read_back(workload, &mut readback, &mut timings).await;
        Ok(Course { timings, driven, recovered, end })
    }

    /// Clients against nemesis until the time is up or something ends it before.
    async fn drive(
        &self,
        plan: &Plan,
        workload: &dyn Workload,
        sessions: &Sessions,
        progress: &dyn Progress,
        mut interrupt: watch::Receiver<bool>,
    ) -> Result<(End, Driven), RunError> {
        let schedule = plan.schedule.as_ref().expect("a resolved plan has a schedule");
        let faults = FaultsInForce::default();
        let record = |event: NemesisEvent| {
            faults.note(&event);
            self.recorder.nemesis(event);
        };
        let (stop, stopped) = watch::channel(false);
        let clients = Clients::start(sessions, workload, plan.concurrency, Pacing::of(plan));
        let conduct = conductor::conduct(schedule, &self.cluster, &self.network, &record, stopped);
        let timer = async {
            let reason = tokio::select! {
                () = self.tell(plan.time, progress, &faults) => End::TimeUp,
                () = wait_true(&mut interrupt) => End::Interrupted,
                () = self.recorder.broken() => End::Broken,
                stopped_at = self.violated() => End::Violation(stopped_at),
            };
            stop.send_replace(true);
            reason
        };
        let (_, reason) = tokio::join!(conduct, timer);
        Ok((reason, clients.stop().await?))
    }

    /// Resolves at the first violation, where the run is to stop at it.
    async fn violated(&self) -> StoppedAt {
        match &self.fail_fast {
            Some(fail_fast) => fail_fast.violated().await,
            None => std::future::pending().await,
        }
    }

    /// Tells how the run goes, until `total` has passed.
    async fn tell(&self, total: Duration, progress: &dyn Progress, faults: &FaultsInForce) {
        let began = Instant::now();
        let mut last = (began, self.recorder.tally());
        while began.elapsed() < total {
            let left = total.saturating_sub(began.elapsed());
            tokio::time::sleep(TICK.min(left)).await;
            let (now, tally) = (Instant::now(), self.recorder.tally());
            let done = |tally: crate::recorder::Tally| tally.ok + tally.fail + tally.info;
            let seconds = now.duration_since(last.0).as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
            let operations_per_s = (done(tally) - done(last.1)) as f64 / seconds;
            progress.tick(&Snapshot {
                elapsed: began.elapsed(),
                total,
                operations_per_s,
                tally,
                faults: faults.now(),
                leader: self.view.leader_and_term(),
            });
            last = (now, tally);
        }
    }

    async fn read_back(
        &self,
        workload: &dyn Workload,
        readback: &mut Readback,
        timings: &mut Timings,
    ) -> Recovery {
        let heal = Instant::now();
        let recovery = self.system.recovers_within();
        let record = |event: NemesisEvent| self.recorder.nemesis(event);
        conductor::heal(&self.cluster, &self.network, &record).await;
        let serving = readback.all_serve(workload, Instant::now() + recovery).await;
        timings.heal_ms = ms(heal.elapsed());
        let reads = Instant::now();
        let FinalReads { expected, ok } =
            readback.read_all(workload, READ_ROUNDS, Instant::now() + READS_DEADLINE).await;
        let drained = readback.drain_all(workload, Instant::now() + READS_DEADLINE).await;
        let (expected, ok) = (expected + drained.expected, ok + drained.ok);
        timings.final_reads_ms = ms(reads.elapsed());
        let of_node = |(node, served): (&String, &Served)| NodeRecovery {
            node: node.clone(),
            served_again_ms: served.at().map(|at| ms(at.duration_since(heal))),
            last_answer: served.last_answer().map(str::to_owned),
        };
        let served = |served: &Served| served.at().is_some();
        let every = self.system.every_node_serves();
        let well = if every { serving.iter().all(served) } else { serving.iter().any(served) };
        // Nobody expects the others to.
        let told = self.names.iter().zip(&serving).filter(|(_, node)| every || served(node));
        Recovery {
            served_again_ms: well.then_some(timings.heal_ms),
            deadline_ms: ms(recovery),
            nodes: told.map(of_node).collect(),
            final_reads_expected: expected,
            final_reads_ok: ok,
        }
    }

    /// Ends the nodes and closes the files.
    async fn take_down(self) -> Result<Remains, RunError> {
        self.cluster.stop_all().await;
        let (probes, lost) = self.probing.finish().await;
        let Written { latencies, .. } = self.writer.finish()?;
        let unjudged = self.fail_fast.and_then(FailFast::finish);
        Ok(Remains { probes, lost, unjudged, latencies })
    }
}

#[derive(Clone, PartialEq, Eq)]
enum End {
    TimeUp,
    Interrupted,
    /// Seen while the run went on.
    Violation(StoppedAt),
    /// The history cannot be written; the writer will say why.
    Broken,
}

/// Resolves when `flag` is true; never if it can no longer become so.
pub(crate) async fn wait_true(flag: &mut watch::Receiver<bool>) {
    if flag.wait_for(|flag| *flag).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("a run shorter than 584 million years")
}
