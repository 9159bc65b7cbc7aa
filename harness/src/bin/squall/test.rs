//! `squall test`: one run.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use squall::{
    plan::{Arrivals, ClientAddress, Net, Plan, Rate},
    run::{Order, run},
    system::{self, System},
    systems,
};
use squall_nemesis::sandbox;
use squall_results::{
    checks::{CheckName, Severity, UnknownWord},
    run_dir::RunDir,
    summary::{Results, RunVerdict},
    text,
};

use crate::{
    exit::{Exit, Failure},
    interrupt, show,
};

/// Run a cluster under faults and judge its history
///
/// With no arguments: five built-in Raft nodes, thirty seconds, all default faults.
/// Flags override what `--plan` says; --nodes, --nemesis and --time also replace its fault
/// schedule by a new one. --seed draws a schedule anew; one written by hand keeps its faults
/// and makes only its choices anew.
#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that is there or not")]
pub(crate) struct Args {
    /// System under test: a name that `squall systems` lists, or the path of a file that defines
    /// one [default: node, the built-in Raft node]
    #[arg(long, value_name = "NAME|FILE")]
    system: Option<String>,
    /// The program of its nodes, in the place of the one its definition names
    #[arg(long, value_name = "PATH")]
    binary: Option<String>,
    /// An option of the system, such as --set reads=serializable; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = option)]
    set: Vec<(String, String)>,
    /// Number of nodes [default: the system's, 5 for the built-in node]
    #[arg(long)]
    nodes: Option<usize>,
    /// What the clients do [default: the system's, or mixed as far as it offers that]
    #[arg(long, value_name = "NAME", long_help = workloads())]
    workload: Option<String>,
    /// Number of keys [default: 20]
    #[arg(long)]
    keys: Option<usize>,
    /// How much hotter some keys are than others, as Zipf's exponent; 0 makes all alike
    /// [default: the workload's, mostly 0]
    #[arg(long, value_name = "EXPONENT")]
    skew: Option<f64>,
    /// Faults, comma-separated: kill, pause, partition, membership, admin, all, none [default: the
    /// first three]
    #[arg(long)]
    nemesis: Option<String>,
    /// How long the clients run [default: 30s]
    #[arg(long, value_parser = humantime::parse_duration)]
    time: Option<Duration>,
    /// Operations a second over all clients, or `unlimited` [default: 2000]
    #[arg(long)]
    rate: Option<Rate>,
    /// How operations come in at the rate: closed (each client by turns of its own; what it
    /// misses while it waits is gone), open (on one schedule, late if need be) or random (as
    /// open, at random times) [default: closed]
    #[arg(long)]
    arrivals: Option<Arrivals>,
    /// Where clients send operations: own (each to its node), moving (to one node after the
    /// other), leader or any (whichever answers) [default: own]
    #[arg(long)]
    address: Option<ClientAddress>,
    /// Clients working at once [default: four for every node]
    #[arg(long)]
    concurrency: Option<usize>,
    /// How long a client waits for a reply [default: 1s]
    #[arg(long, value_parser = humantime::parse_duration)]
    operation_timeout: Option<Duration>,
    /// Seed of values and faults [default: the plan file's or 0, without one a new seed]
    #[arg(long)]
    seed: Option<u64>,
    /// Switch on a planted bug; `squall bugs --list` says which there are
    #[arg(long)]
    bug: Option<String>,
    /// A further flag for every node, such as --node-flag='--election-ms 150'; may be repeated
    #[arg(long, value_name = "FLAG", allow_hyphen_values = true)]
    node_flag: Vec<String>,
    /// How the nodes are connected: auto, sandbox or proxy [default: auto]
    #[arg(long)]
    net: Option<Net>,
    /// Name of the run in the store
    #[arg(long)]
    name: Option<String>,
    /// Where runs are kept
    #[arg(long, default_value = "store")]
    store: PathBuf,
    /// Take the plan from a file, such as plan.toml of an earlier run
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// What becomes of a check beside linearizability: off, warn or fail; may be repeated
    #[arg(long, value_name = "NAME=SEVERITY", value_parser = check, long_help = checks())]
    check: Vec<(CheckName, Severity)>,
    /// Stop the clients at the first violation; heal, read back and check as always
    #[arg(long)]
    fail_fast: bool,
    /// Keep the nodes' data directories; otherwise only a violation, a failed check or a node that did not come back keeps them
    #[arg(long)]
    keep_data: bool,
    /// Print the results as JSON on stdout
    #[arg(long)]
    json: bool,
    /// End at once, leaving nothing, when stdin closes: whoever started this run is gone
    #[arg(long, hide = true)]
    lifeline: bool,
}

/// The help on workloads: what there is.
fn workloads() -> String {
    let mut help =
        "What the clients do [default: the system's, or mixed as far as it offers that]\n"
            .to_owned();
    for entry in squall_workloads::WORKLOADS {
        help.push_str(&format!("\n{}: {}", entry.name, entry.about));
    }
    help
}

/// An option and its value.
pub(crate) fn option(text: &str) -> Result<(String, String), String> {
    let (name, value) =
        text.split_once('=').ok_or_else(|| format!("`{text}` has no value: try `{text}=VALUE`"))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// A check and what becomes of it, as `logs=warn`.
fn check(text: &str) -> Result<(CheckName, Severity), String> {
    let (name, severity) = text
        .split_once('=')
        .ok_or_else(|| format!("`{text}` says not what becomes of it: try `{text}=warn`"))?;
    let unknown = |error: UnknownWord| error.to_string();
    Ok((name.parse().map_err(unknown)?, severity.parse().map_err(unknown)?))
}

/// The help on checks: what there is, and what it does by itself.
fn checks() -> String {
    let mut help =
        "What becomes of a check beside linearizability: off, warn or fail; may be repeated\n"
            .to_owned();
    for name in CheckName::ALL {
        help.push_str(&format!("\n{name} [default: {}]", name.default_severity()));
    }
    help
}

pub(crate) fn main(args: &Args) -> Result<Exit, Failure> {
    let plan = plan(args)?;
    let executable = std::env::current_exe().map_err(|error| Failure::setup(&error))?;
    let system = system(&plan, &executable)?;
    let sandboxed = system.sandboxed();
    if let (Some(why), Net::Proxy) = (&sandboxed, plan.net) {
        let name = system.name();
        return Err(Failure::Asked(format!("run `{name}` behind proxies: {why}")));
    }
    let mut refused = None;
    if plan.net != Net::Proxy && !sandbox::inside() {
        match sandbox::reenter() {
            Ok(code) => return Ok(Exit::As(u8::try_from(code).unwrap_or(u8::MAX))),
            Err(error) if plan.net == Net::Sandbox || sandboxed.is_some() => {
                return Err(Failure::setup(&error));
            }
            Err(error) => {
                let why = squall::run::chain(&error);
                tell!("squall: no sandbox here, going on with proxies: {why}");
                refused = Some(why);
            }
        }
    }
    if args.lifeline {
        interrupt::end_with_stdin();
    }
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::setup(&error))?;
    runtime.block_on(execute(args, plan, system, refused))
}

/// Lets this process and its nodes open as many files as they may: every client and every
/// connection of a node is one.
fn raise_file_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        tell!("squall: the limit of open files stays as it is: {error}");
    }
}

/// The plan file, if any, with the flags over it.
fn plan(args: &Args) -> Result<Plan, Failure> {
    let mut plan = match &args.plan {
        None => Plan { seed: u64::from(rand::random::<u32>()), ..Plan::default() },
        Some(path) => read_plan(path)?,
    };
    if let Some(seed) = args.seed {
        plan = plan.with_seed(seed);
    }
    if args.changes_schedule() && plan.schedule.take().is_some() {
        tell!(
            "squall: a flag changes what the plan's fault schedule was made for: drawing a new one"
        );
    }
    fn over<T: Clone>(field: &mut T, flag: Option<&T>) {
        if let Some(value) = flag {
            field.clone_from(value);
        }
    }
    over(&mut plan.system, args.system.as_ref());
    plan.binary = args.binary.clone().or(plan.binary);
    plan.options.extend(args.set.iter().cloned());
    if args.plan.is_none() && plan.system != "node" {
        // What the flags below do not say is the system's to choose.
        let defaults = systems::defaults(&plan).map_err(|error| Failure::asked(&error))?;
        plan.nodes = defaults.nodes;
        plan.workload = defaults.workload;
        plan.address = defaults.address;
    }
    over(&mut plan.nodes, args.nodes.as_ref());
    over(&mut plan.workload, args.workload.as_ref());
    over(&mut plan.keys, args.keys.as_ref());
    plan.skew = args.skew.or(plan.skew);
    over(&mut plan.nemesis, args.nemesis.as_ref());
    over(&mut plan.time, args.time.as_ref());
    over(&mut plan.rate, args.rate.as_ref());
    over(&mut plan.arrivals, args.arrivals.as_ref());
    over(&mut plan.address, args.address.as_ref());
    over(&mut plan.concurrency, args.concurrency.as_ref());
    over(&mut plan.operation_timeout, args.operation_timeout.as_ref());
    over(&mut plan.net, args.net.as_ref());
    plan.fail_fast |= args.fail_fast;
    plan.checks.extend(args.check.iter().copied());
    if !args.node_flag.is_empty() {
        plan.node_flags.clone_from(&args.node_flag);
    }
    plan.bug = args.bug.clone().or(plan.bug);
    plan.name = args.name.clone().or(plan.name);
    plan.resolve().map_err(|error| Failure::asked(&error))
}

impl Args {
    /// Whether a flag says something the recorded schedule of a plan depends on.
    fn changes_schedule(&self) -> bool {
        self.nodes.is_some() || self.nemesis.is_some() || self.time.is_some()
    }
}

fn read_plan(path: &Path) -> Result<Plan, Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Asked(format!("read the plan {shown}: {error}")))?;
    let mut plan = Plan::from_toml(&text)
        .map_err(|error| Failure::Asked(format!("use {shown}: {}", squall::run::chain(&error))))?;
    // A run keeps the file that defined its system beside its plan.
    let kept = path.with_file_name("system.toml");
    if plan.system.ends_with(".toml") && !Path::new(&plan.system).exists() && kept.exists() {
        tell!("squall: {} is not there: using {}", plan.system, kept.display());
        plan.system = kept.display().to_string();
    }
    Ok(plan)
}

/// The system of a plan, and whether it has the bug the plan wants.
pub(crate) fn system(plan: &Plan, executable: &Path) -> Result<Box<dyn System>, Failure> {
    let system = systems::by_plan(plan, executable).map_err(|error| Failure::asked(&error))?;
    match (&plan.bug, system.name()) {
        (None, _) => {}
        (Some(bug), "node") => {
            bug.parse::<squall_node::bugs::Bug>().map_err(|error| Failure::asked(&error))?;
        }
        (Some(bug), name) => {
            let why = format!("plant `{bug}` in `{name}`: only `node` has planted bugs");
            return Err(Failure::Asked(why));
        }
    }
    Ok(system)
}

async fn execute(
    args: &Args,
    plan: Plan,
    system: Box<dyn System>,
    refused: Option<String>,
) -> Result<Exit, Failure> {
    let workload = squall_workloads::by_name(&plan.workload, plan.workload_settings())
        .map_err(|error| Failure::asked(&error))?;
    system::suits(&*system, &*workload).map_err(|error| Failure::asked(&error))?;
    let started_utc = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let stamp = started_utc.replace([':', '-'], "");
    let run_dir = RunDir::create(&args.store, &plan.run_name(), &stamp, plan.seed)
        .map_err(|error| Failure::setup(&error))?;
    let interrupt = interrupt::listen("healing, reading back and checking what there is")
        .map_err(|error| Failure::setup(&error))?;
    let progress = show::progress();
    progress.phase(&format!("seed {}, results in {}", plan.seed, run_dir.path().display()));
    let order = Order {
        plan,
        system: Arc::from(system),
        workload,
        run_dir: run_dir.clone(),
        started_utc,
        refused,
        progress: Arc::clone(&progress),
        interrupt,
    };
    let outcome = run(order).await;
    drop(progress);
    let results = outcome.map_err(|error| Failure::setup(&error))?;
    let exit = Exit::from(results.verdict);
    let telling = matches!(
        results.verdict,
        RunVerdict::Violation | RunVerdict::Unavailable | RunVerdict::Failed
    );
    if !telling && !args.keep_data {
        // Only disk space is lost when this fails.
        drop(std::fs::remove_dir_all(run_dir.path().join("data")));
    }
    print(args, &results, &run_dir);
    Ok(exit)
}

fn print(args: &Args, results: &Results, run_dir: &RunDir) {
    if args.json {
        let json = serde_json::to_string_pretty(results).expect("results are plain data");
        say!("{json}");
        return;
    }
    say!("{}", text::one_screen(results, show::colour(), show::width()).trim_end());
    say!("report: {}", run_dir.report().display());
}
