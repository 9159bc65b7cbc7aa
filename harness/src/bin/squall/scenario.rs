//! `squall scenario`: situations of the protocol, performed by real processes.

mod every;
mod list;
mod played;
mod with_played;

use std::{path::PathBuf, sync::Arc, time::SystemTime};

use squall::{
    plan::Net,
    scenario::{self, Line, Performance, Scenario, Transcript, perform},
};
use squall_nemesis::sandbox;
use squall_results::run_dir::RunDir;

use crate::{
    exit::{Exit, Failure},
    interrupt,
};

/// Perform a situation of the protocol with real nodes and check what is expected of it
///
/// Says at every step what was done, what was expected and what was seen. The report is kept
/// in the store. Exit code 0 if all expectations held, 10 if one did not, 11 if the script
/// could not go on, 12 if the stage could not be set.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The scenario, or `all`
    #[arg(required_unless_present = "list")]
    name: Option<String>,
    /// List the scenarios, a sentence each
    #[arg(long)]
    list: bool,
    /// Where the reports are kept
    #[arg(long, default_value = "store")]
    store: PathBuf,
    /// Print the transcript, or the list, as JSON on stdout
    #[arg(long)]
    json: bool,
    /// End at once, leaving nothing, when stdin closes: whoever started this run is gone
    #[arg(long, hide = true)]
    lifeline: bool,
}

pub(crate) fn main(args: &Args) -> Result<Exit, Failure> {
    let scenarios = list::all();
    if args.list {
        list::show(&scenarios, args.json);
        return Ok(Exit::Done);
    }
    let name = args.name.as_deref().unwrap_or_default();
    if name == "all" {
        return every::perform(&scenarios, &args.store, args.json);
    }
    let scenario = scenarios.iter().find(|scenario| scenario.name == name).ok_or_else(|| {
        let names: Vec<_> = scenarios.iter().map(|scenario| scenario.name).collect();
        Failure::Asked(format!(
            "perform `{name}`: there is no such scenario; there is: all, {}",
            names.join(", ")
        ))
    })?;
    one(args, scenario)
}

fn one(args: &Args, scenario: &Scenario) -> Result<Exit, Failure> {
    if scenario.net() != Net::Proxy && !sandbox::inside() {
        match sandbox::reenter() {
            Ok(code) => return Ok(Exit::As(u8::try_from(code).unwrap_or(u8::MAX))),
            Err(error) => {
                let why = squall::run::chain(&error);
                tell!("squall: no sandbox here, going on with proxies: {why}");
            }
        }
    }
    if args.lifeline {
        interrupt::end_with_stdin();
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::setup(&error))?;
    let transcript = runtime.block_on(performed(args, scenario))?;
    if args.json {
        say!("{}", transcript.to_json());
    }
    Ok(exit(&transcript))
}

async fn performed(args: &Args, scenario: &Scenario) -> Result<Transcript, Failure> {
    let started_utc = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let stamp = started_utc.replace([':', '-'], "");
    let name = format!("scenario-{}", scenario.name);
    let run_dir =
        RunDir::create(&args.store, &name, &stamp, 0).map_err(|error| Failure::setup(&error))?;
    let executable = std::env::current_exe().map_err(|error| Failure::setup(&error))?;
    let interrupt = interrupt::listen("the script breaks off, the nodes end")
        .map_err(|error| Failure::setup(&error))?;
    let json = args.json;
    let shown = |line: &Line, json: bool| {
        let line = scenario::one_line(line);
        if json { tell!("{line}") } else { say!("{line}") }
    };
    shown_heading(scenario, json);
    let performance = Performance {
        scenario,
        executable: &executable,
        run_dir: &run_dir,
        started_utc,
        tell: Arc::new(move |line: &Line| shown(line, json)),
        interrupt,
    };
    let transcript = perform(performance).await.map_err(|error| Failure::setup(&error))?;
    if !json {
        say!("{}", scenario::outcome(&transcript));
        say!("report: {}", run_dir.report().display());
    }
    if transcript.held() {
        // Only disk space is lost when this fails.
        drop(std::fs::remove_dir_all(run_dir.path().join("data")));
    }
    Ok(transcript)
}

fn shown_heading(scenario: &Scenario, json: bool) {
    let Scenario { name, sentence, .. } = scenario;
    if json { tell!("{name}: {sentence}") } else { say!("{name}: {sentence}") }
}

/// The exit code of one scenario.
fn exit(transcript: &Transcript) -> Exit {
    match (transcript.expectations().1, &transcript.broke_off) {
        (0, None) => Exit::Done,
        (0, Some(_)) => Exit::Unknown,
        (_, _) => Exit::Violation,
    }
}
