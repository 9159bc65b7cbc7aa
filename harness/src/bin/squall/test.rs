//! `squall test`: one run.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use squall::{
    plan::{Net, Plan, Rate},
    run::{Order, run},
    systems,
};
use squall_nemesis::sandbox;
use squall_results::{run_dir::RunDir, summary::Results, text};

use crate::{
    exit::{Exit, Failure},
    interrupt, show,
};

/// Run a cluster under faults and judge its history
///
/// With no arguments: five built-in Raft nodes, thirty seconds, all default faults.
/// Flags override what `--plan` says.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// System under test [default: node, the built-in Raft node]
    #[arg(long)]
    system: Option<String>,
    /// Number of nodes [default: 5]
    #[arg(long)]
    nodes: Option<usize>,
    /// What the clients do [default: register]
    #[arg(long)]
    workload: Option<String>,
    /// Number of keys [default: 20]
    #[arg(long)]
    keys: Option<usize>,
    /// Faults, comma-separated: kill, pause, partition, all, none [default: all three]
    #[arg(long)]
    nemesis: Option<String>,
    /// How long the clients run [default: 30s]
    #[arg(long, value_parser = humantime::parse_duration)]
    time: Option<Duration>,
    /// Operations a second over all clients, or `unlimited` [default: 2000]
    #[arg(long)]
    rate: Option<Rate>,
    /// Clients working at once [default: four for every node]
    #[arg(long)]
    concurrency: Option<usize>,
    /// How long a client waits for a reply [default: 1s]
    #[arg(long, value_parser = humantime::parse_duration)]
    operation_timeout: Option<Duration>,
    /// Seed of values and faults [default: a new one, which is printed]
    #[arg(long)]
    seed: Option<u64>,
    /// Switch on a planted bug of the built-in node, such as stale-read
    #[arg(long)]
    bug: Option<String>,
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
    /// Keep the nodes' data directories; otherwise only a violation keeps them
    #[arg(long)]
    keep_data: bool,
    /// Print the results as JSON on stdout
    #[arg(long)]
    json: bool,
}

pub(crate) fn main(args: &Args) -> Result<Exit, Failure> {
    let plan = plan(args)?;
    if plan.net != Net::Proxy && !sandbox::inside() {
        match sandbox::reenter() {
            Ok(code) => return Ok(Exit::As(u8::try_from(code).unwrap_or(u8::MAX))),
            Err(error) if plan.net == Net::Sandbox => return Err(Failure::setup(&error)),
            Err(error) => {
                let why = squall::run::chain(&error);
                eprintln!("squall: no sandbox here, going on with proxies: {why}");
            }
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::setup(&error))?;
    runtime.block_on(execute(args, plan))
}

/// The plan file, if any, with the flags over it.
fn plan(args: &Args) -> Result<Plan, Failure> {
    let mut plan = match &args.plan {
        None => Plan { seed: u64::from(rand::random::<u32>()), ..Plan::default() },
        Some(path) => read_plan(path)?,
    };
    if args.changes_schedule() {
        plan.schedule = None;
    }
    fn over<T: Clone>(field: &mut T, flag: Option<&T>) {
        if let Some(value) = flag {
            field.clone_from(value);
        }
    }
    over(&mut plan.system, args.system.as_ref());
    over(&mut plan.nodes, args.nodes.as_ref());
    over(&mut plan.workload, args.workload.as_ref());
    over(&mut plan.keys, args.keys.as_ref());
    over(&mut plan.nemesis, args.nemesis.as_ref());
    over(&mut plan.time, args.time.as_ref());
    over(&mut plan.rate, args.rate.as_ref());
    over(&mut plan.concurrency, args.concurrency.as_ref());
    over(&mut plan.operation_timeout, args.operation_timeout.as_ref());
    over(&mut plan.seed, args.seed.as_ref());
    over(&mut plan.net, args.net.as_ref());
    plan.bug = args.bug.clone().or(plan.bug);
    plan.name = args.name.clone().or(plan.name);
    if let (Some(bug), "node") = (&plan.bug, plan.system.as_str()) {
        bug.parse::<squall_node::bugs::Bug>().map_err(|error| Failure::asked(&error))?;
    }
    plan.resolve().map_err(|error| Failure::asked(&error))
}

impl Args {
    /// Whether a flag says something the recorded schedule of a plan depends on.
    fn changes_schedule(&self) -> bool {
        let numbers = self.nodes.is_some() || self.seed.is_some();
        numbers || self.nemesis.is_some() || self.time.is_some()
    }
}

fn read_plan(path: &Path) -> Result<Plan, Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Asked(format!("read the plan {shown}: {error}")))?;
    Plan::from_toml(&text)
        .map_err(|error| Failure::Asked(format!("use {shown}: {}", squall::run::chain(&error))))
}

async fn execute(args: &Args, plan: Plan) -> Result<Exit, Failure> {
    let executable = std::env::current_exe().map_err(|error| Failure::setup(&error))?;
    let system = systems::by_plan(&plan, &executable).map_err(|error| Failure::asked(&error))?;
    let workload = squall_workloads::by_name(&plan.workload, plan.workload_settings())
        .map_err(|error| Failure::asked(&error))?;
    let started_utc = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let stamp = started_utc.replace([':', '-'], "");
    let run_dir = RunDir::create(&args.store, &plan.run_name(), &stamp, plan.seed)
        .map_err(|error| Failure::setup(&error))?;
    let interrupt = interrupt::listen().map_err(|error| Failure::setup(&error))?;
    let progress = show::progress();
    progress.phase(&format!("seed {}, results in {}", plan.seed, run_dir.path().display()));
    let order = Order {
        plan,
        system: Arc::from(system),
        workload,
        run_dir: run_dir.clone(),
        started_utc,
        progress: Arc::clone(&progress),
        interrupt,
    };
    let outcome = run(order).await;
    drop(progress);
    let results = outcome.map_err(|error| Failure::setup(&error))?;
    let exit = Exit::from(results.verdict);
    if exit != Exit::Violation && !args.keep_data {
        // Only disk space is lost when this fails.
        drop(std::fs::remove_dir_all(run_dir.path().join("data")));
    }
    print(args, &results, &run_dir);
    Ok(exit)
}

fn print(args: &Args, results: &Results, run_dir: &RunDir) {
    if args.json {
        let json = serde_json::to_string_pretty(results).expect("results are plain data");
        println!("{json}");
        return;
    }
    print!("{}", text::one_screen(results, show::colour()));
    println!("report: {}", run_dir.report().display());
}
