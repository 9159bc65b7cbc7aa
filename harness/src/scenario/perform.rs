//! Sets the stage for a scenario, runs its script, and has its history judged.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use squall_checker::{
    Budget, CheckOptions, check,
    history::{FORMAT_VERSION, Header, HeaderTag},
};
use squall_nemesis::network::NetworkError;
use squall_results::run_dir::{RunDir, StoreError, write_atomically};
use tokio::sync::watch;

use super::{
    Line, Scenario, Stage, Step, Transcript, html, nodes::Staged, stage::OPERATION_TIMEOUT,
};
use crate::{
    analysis::{AnalysisError, read_history},
    cluster::{Cluster, ClusterError},
    probes::View,
    recorder::{Recorder, RecorderError},
    run::{chain, connect, wait_true},
    session::Sessions,
    system::System,
    systems::Node,
};

/// How long any script may take before it counts as hanging.
const SCRIPT_DEADLINE: Duration = Duration::from_secs(300);

/// A scenario to be performed.
pub struct Performance<'a> {
    /// Which.
    pub scenario: &'a Scenario,
    /// The `squall` binary, which is also the node.
    pub executable: &'a Path,
    /// Where everything is kept.
    pub run_dir: &'a RunDir,
    /// When it begins (UTC).
    pub started_utc: String,
    /// Hears every line as it happens.
    pub tell: Arc<dyn Fn(&Line) + Send + Sync>,
    /// Becomes true when somebody wants it to end.
    pub interrupt: watch::Receiver<bool>,
}

/// A scenario that could not be performed; says nothing about the node.
#[derive(Debug, thiserror::Error)]
pub enum PerformError {
    /// The network cannot be had.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The nodes' directories cannot be made.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The history cannot be written.
    #[error(transparent)]
    Recorder(#[from] Arc<RecorderError>),
    /// The history of the script cannot be read back.
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    /// The history cannot be judged.
    #[error("check the history")]
    Check(#[from] squall_checker::CheckError),
    /// The transcript cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The script's own client for looking at nodes cannot be had.
    #[error("make an HTTP client")]
    Http(#[from] reqwest::Error),
}

/// Performs a scenario and leaves `scenario.json`, `report.html`, the history and the logs in
/// its folder.
///
/// # Errors
/// When the stage cannot be set or the results not be kept. A script that breaks off is not
/// an error: the transcript says so.
pub async fn perform(performance: Performance<'_>) -> Result<Transcript, PerformError> {
    let Performance { scenario, executable, run_dir, started_utc, tell, interrupt } = performance;
    let began = Instant::now();
    let (network, refused) = connect(scenario.net(), scenario.cast.nodes).await?;
    let network_in_words = network.describe();
    let header = header(scenario);
    let (recorder, writer) =
        Recorder::start(&run_dir.history(), &header, began).map_err(Arc::new)?;
    let mut stage = set(scenario, executable, run_dir, network, recorder, began, tell)?;
    if let Some(why) = refused {
        stage.note(format!("no sandbox here, going on with proxies: {why}"));
    }
    let broke_off = act(&mut stage, scenario, interrupt).await;
    stage.cluster.stop_all().await;
    let (mut lines, tell) = (std::mem::take(&mut stage.lines), Arc::clone(&stage.tell));
    // The last recorder goes with it, so that the writer can end.
    drop(stage);
    writer.finish()?;
    if let Some(step) = judge(run_dir)? {
        let at_ms = ms(began.elapsed());
        let line = Line { at_ms, step };
        tell(&line);
        lines.push(line);
    }
    let transcript = Transcript {
        squall: FORMAT_VERSION,
        scenario: scenario.name.to_owned(),
        sentence: scenario.sentence.to_owned(),
        started_utc,
        network: network_in_words,
        lines,
        broke_off,
        took_ms: ms(began.elapsed()),
    };
    write_atomically(&run_dir.path().join("scenario.json"), transcript.to_json().as_bytes())?;
    write_atomically(&run_dir.report(), html(&transcript).as_bytes())?;
    Ok(transcript)
}

fn header(scenario: &Scenario) -> Header {
    Header {
        squall: FORMAT_VERSION,
        kind: HeaderTag::Header,
        system: "node".to_owned(),
        workload: format!("scenario {}", scenario.name),
        model: "register".to_owned(),
        nodes: (1..=scenario.cast.nodes).map(|node| format!("n{node}")).collect(),
        seed: 0,
        plan: serde_json::Value::Null,
        started_unix_ns: None,
        utc_offset_s: None,
    }
}

fn set(
    scenario: &Scenario,
    executable: &Path,
    run_dir: &RunDir,
    network: squall_nemesis::network::Network,
    recorder: Recorder,
    began: Instant,
    tell: Arc<dyn Fn(&Line) + Send + Sync>,
) -> Result<Stage, PerformError> {
    let cast = scenario.cast;
    let names: Vec<String> = (1..=cast.nodes).map(|node| format!("n{node}")).collect();
    let network = Arc::new(network);
    let node = Node::new(executable.to_owned(), None);
    let system: Arc<dyn System> = Arc::new(Staged::new(node, cast.flags));
    let cluster = Cluster::new(
        Arc::clone(&system),
        names,
        Arc::clone(&network),
        Arc::new(View::new(cast.nodes)),
        &run_dir.path().join("data"),
        |node| run_dir.log(node),
    )?;
    let slots = Stage::slots(cast.nodes);
    let sessions = Sessions::new(system, &cluster.addresses(), recorder, OPERATION_TIMEOUT, slots);
    let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?;
    Ok(Stage {
        cast,
        cluster,
        network,
        own: Stage::open_own(&sessions),
        sessions,
        clients: None,
        http,
        began,
        lines: Vec::new(),
        tell,
    })
}

/// Runs the script; why it broke off, if it did.
async fn act(
    stage: &mut Stage,
    scenario: &Scenario,
    mut interrupt: watch::Receiver<bool>,
) -> Option<String> {
    let acted = tokio::select! {
        acted = (scenario.script)(stage) => acted.err().map(|error| chain(&error)),
        () = wait_true(&mut interrupt) => Some("go on: interrupted".to_owned()),
        () = tokio::time::sleep(SCRIPT_DEADLINE) => {
            Some(format!("end within {} s", SCRIPT_DEADLINE.as_secs()))
        }
    };
    let ended = stage.clients_end().await.err().map(|error| chain(&error));
    acted.or(ended)
}

/// What the checker says of every operation of the script, if there was any.
fn judge(run_dir: &RunDir) -> Result<Option<Step>, PerformError> {
    let history = read_history(&run_dir.history())?;
    if history.operations.is_empty() {
        return Ok(None);
    }
    let analysis = check(&history, &CheckOptions { model: None, budget: Budget::default() })?;
    let operations = history.operations.len();
    let held = analysis.verdict == squall_checker::verdict::Verdict::Linearizable;
    Ok(Some(Step::Expected {
        what: "no lie: everything the clients were told fits one legal order".to_owned(),
        saw: format!("the checker's verdict on {operations} operations: {}", analysis.verdict),
        held,
    }))
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("a scenario shorter than 584 million years")
}
