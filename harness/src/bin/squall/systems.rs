//! `squall systems`: which there are, what they need, and whether an adapter is right.

use std::{cell::Cell, collections::BTreeMap, path::PathBuf, sync::Arc};

use squall::{
    plan::Plan,
    systems::{self, BUILT_IN, Choice},
    trial::{self, Grade, Remark},
};
use squall_nemesis::sandbox;
use squall_results::text::Colour;
use squall_workloads::Function;

use crate::{
    exit::{Exit, Failure},
    interrupt, show,
    test::{option, system},
};

/// List the systems that can be tested, or put an adapter on trial
///
/// Without a command: every built-in system, whether its program is here, and how to get it.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(clap::Subcommand)]
enum Command {
    Check(CheckArgs),
    Show(ShowArgs),
}

/// Run a system on a healthy cluster and on a stopped one, and say what is wrong with its adapter
///
/// Exit code 0 if nothing is wrong, 12 otherwise.
#[derive(clap::Args)]
struct CheckArgs {
    /// A name that `squall systems` lists, or the path of a file that defines a system
    #[arg(value_name = "NAME|FILE")]
    system: String,
    /// The program of its nodes, in the place of the one its definition names
    #[arg(long, value_name = "PATH")]
    binary: Option<String>,
    /// An option of the system, such as --set reads=serializable; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = option)]
    set: Vec<(String, String)>,
    /// A further flag for every node; may be repeated
    #[arg(long, value_name = "FLAG", allow_hyphen_values = true)]
    node_flag: Vec<String>,
    /// Number of nodes [default: the system's, or 3]
    #[arg(long)]
    nodes: Option<usize>,
    /// Keep data and logs of the nodes in this folder, which must not exist [default: one that is
    /// removed]
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// Print the definition of a built-in system, to begin one of your own with
#[derive(clap::Args)]
struct ShowArgs {
    /// Its name
    name: String,
}

pub(crate) fn main(args: &Args) -> Result<Exit, Failure> {
    match &args.command {
        None => Ok(list()),
        Some(Command::Show(args)) => print(args),
        Some(Command::Check(args)) => check(args),
    }
}

fn list() -> Exit {
    say!("{:<13} the built-in Raft key-value node", "node");
    say!("{:<13} a node that speaks the Maelstrom protocol: --binary PATH", "maelstrom");
    for option in ["latency=0ms", "jitter=0ms", "loss=0"] {
        say!("{:<13}   --set {option}: of messages between nodes", "");
    }
    for built_in in BUILT_IN {
        let system = match built_in.define(&Choice::default()) {
            Ok(system) => system,
            Err(error) => {
                say!("{:<13} cannot be used: {error}", built_in.name);
                continue;
            }
        };
        say!("{:<13} {}", built_in.name, system.about());
        match system.binary() {
            Some(binary) => say!("{:<13}   found: {}", "", binary.display()),
            None => say!("{:<13}   not here; {}", "", how_to_get(system.install())),
        }
        for (name, about, default, values) in system.options() {
            let values = match values {
                [] => String::new(),
                values => format!(" ({})", values.join(", ")),
            };
            say!("{:<13}   --set {name}={default}{values}: {about}", "");
        }
    }
    say!("");
    say!(
        "`squall test --system NAME` tests one, `squall systems check NAME` tries its adapter, and"
    );
    say!("`squall init NAME` begins a file for one of your own.");
    Exit::Done
}

fn how_to_get(install: &str) -> String {
    match install {
        "" => "name it with --binary".to_owned(),
        how => format!("get it by: {how}"),
    }
}

fn print(args: &ShowArgs) -> Result<Exit, Failure> {
    if !BUILT_IN.iter().any(|built_in| built_in.name == args.name) {
        let names: Vec<_> = BUILT_IN.iter().map(|built_in| built_in.name).collect();
        let why =
            format!("show the file of `{}`: there are files of {}", args.name, names.join(", "));
        return Err(Failure::Asked(why));
    }
    let plan = Plan { system: args.name.clone(), ..Plan::default() };
    let defined = systems::defined(&plan).map_err(|error| Failure::asked(&error))?;
    say!("{}", defined.text().trim_end());
    Ok(Exit::Done)
}

fn check(args: &CheckArgs) -> Result<Exit, Failure> {
    let plan = Plan {
        system: args.system.clone(),
        binary: args.binary.clone(),
        options: args.set.iter().cloned().collect::<BTreeMap<_, _>>(),
        node_flags: args.node_flag.clone(),
        ..Plan::default()
    };
    let executable = std::env::current_exe().map_err(|error| Failure::setup(&error))?;
    let system = system(&plan, &executable)?;
    if !sandbox::inside() {
        match sandbox::reenter() {
            Ok(code) => return Ok(Exit::As(u8::try_from(code).unwrap_or(u8::MAX))),
            Err(error) if system.sandboxed().is_some() => return Err(Failure::setup(&error)),
            Err(_) => {}
        }
    }
    let nodes = node_count(args, &plan)?;
    let scratch = tempfile::tempdir().map_err(|error| Failure::setup(&error))?;
    let folder = match &args.keep {
        None => scratch.path().to_owned(),
        // Old data would be taken for what the nodes were told now.
        Some(keep) => std::fs::create_dir(keep).map(|()| keep.clone()).map_err(|error| {
            Failure::Asked(format!("make the folder {}: {error}", keep.display()))
        })?,
    };
    let offered: Vec<_> = Function::ALL
        .iter()
        .filter(|function| system.offers(**function))
        .map(|function| function.name())
        .collect();
    say!("{} on {nodes} nodes; it offers {}", system.name(), offered.join(", "));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::setup(&error))?;
    let wrong = Cell::new(0);
    let tell = |remark: &Remark| {
        if remark.grade == Grade::Wrong {
            wrong.set(wrong.get() + 1);
        }
        say!("{} {}", sign(remark.grade), remark.words);
    };
    let examined = runtime.block_on(async {
        let mut interrupt =
            interrupt::listen("ending the nodes").map_err(|error| Failure::setup(&error))?;
        let over = async {
            if interrupt.wait_for(|interrupted| *interrupted).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        // The nodes end with the trial.
        Ok(tokio::select! {
            _ = trial::examine(Arc::from(system), nodes, &folder, &tell) => true,
            () = over => false,
        })
    })?;
    if !examined {
        return Err(Failure::Setup("examine the adapter: interrupted".to_owned()));
    }
    if wrong.get() == 0 {
        say!("the adapter tells what the system does");
        return Ok(Exit::Done);
    }
    let things = if wrong.get() == 1 { "thing is" } else { "things are" };
    say!("{} {things} wrong; runs would say nothing of the system", wrong.get());
    let kept = match args.keep {
        Some(_) => folder,
        None => scratch.keep(),
    };
    say!("data and logs of the nodes: {}", kept.display());
    Ok(Exit::As(12))
}

/// How many nodes the trial has.
fn node_count(args: &CheckArgs, plan: &Plan) -> Result<usize, Failure> {
    match (args.nodes, plan.system.as_str()) {
        (Some(nodes), _) if !(1..=Plan::NODES_MAX).contains(&nodes) => {
            let why = format!("use --nodes {nodes}: it must be from 1 to {}", Plan::NODES_MAX);
            Err(Failure::Asked(why))
        }
        (Some(nodes), _) => Ok(nodes),
        (None, "node" | "maelstrom") => Ok(3),
        (None, _) => Ok(systems::defaults(plan).map_or(3, |defaults| defaults.nodes)),
    }
}

fn sign(grade: Grade) -> &'static str {
    match (grade, show::colour()) {
        (Grade::Good, Colour::Ansi) => "\x1b[32mgood \x1b[0m",
        (Grade::Doubtful, Colour::Ansi) => "\x1b[33mhm   \x1b[0m",
        (Grade::Wrong, Colour::Ansi) => "\x1b[31mWRONG\x1b[0m",
        (Grade::Good, Colour::Plain) => "good ",
        (Grade::Doubtful, Colour::Plain) => "hm   ",
        (Grade::Wrong, Colour::Plain) => "WRONG",
    }
}
