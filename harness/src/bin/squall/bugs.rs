//! `squall bugs`: finds the planted bugs, and counts.

mod patients;

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};

use squall::bugs::{self, Campaign, Findings, News, Patient, Subject, Treatment};
use squall_workloads::{Entry, Settings, WORKLOADS, by_name};

use crate::{
    exit::{Exit, Failure},
    interrupt,
    suite::make_folder,
};

/// Run the planted bugs of the built-in node and count how soon each is found
///
/// Every bug is run under the plan that fits it, once per seed, each run in a process and a
/// sandbox of its own; then the working node under the very same plans. Results are kept in
/// the store as bugs.json, with the runs that did not come out as expected and the first
/// find of each bug.
///
/// Exit code 0 only if every bug that was run was found in at least nine of ten seeds and
/// the working node was never accused; otherwise 10 if it was accused or a bug of liveness was
/// called a violation, 12 if runs had no results, 11 if a bug was missed.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these bugs, comma-separated
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// List the bugs with their plans and run nothing
    #[arg(long, conflicts_with_all = ["clean_only", "findings"])]
    list: bool,
    /// Put this workload in the place of each plan's own; may be repeated, and `all` is every
    /// workload. Bugs of liveness are left out
    #[arg(long, value_name = "NAME")]
    workload: Vec<String>,
    /// Each workload against the bugs it is said to find
    #[arg(long, conflicts_with = "workload")]
    claims: bool,
    /// How long each run goes on at most, instead of what its plan says
    #[arg(long, value_parser = humantime::parse_duration)]
    time: Option<Duration>,
    /// With how many seeds each bug is run
    #[arg(long, default_value_t = 10)]
    seeds: u64,
    /// With how many seeds the working node is run under each plan
    #[arg(long, default_value_t = 1)]
    clean_seeds: u64,
    /// Run only the working node
    #[arg(long)]
    clean_only: bool,
    /// The first seed
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    first_seed: u64,
    /// How many runs go on at once [default: half the processors]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Where the results are kept
    #[arg(long, default_value = "store")]
    store: PathBuf,
    /// Also write the findings as JSON to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write the findings as a page of documentation, such as docs/BUGS.md
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Run nothing: show the findings of an earlier campaign, such as its bugs.json
    #[arg(long, value_name = "FILE")]
    findings: Option<PathBuf>,
    /// In the page of documentation, also show the findings of an earlier campaign with
    /// --workload: every workload against every bug
    #[arg(long, value_name = "FILE", requires = "markdown")]
    matrix: Option<PathBuf>,
}

pub(crate) fn main(args: &Args) -> Result<Exit, Failure> {
    let patients = chosen(args)?;
    if args.list {
        list(&patients);
        return Ok(Exit::Done);
    }
    let findings = match &args.findings {
        Some(file) => read(file)?,
        None => {
            something(args, &patients)?;
            measure(args, patients)?
        }
    };
    if let Some(file) = &args.json {
        write(file, &findings.to_json())?;
    }
    if let Some(file) = &args.markdown {
        let matrix = args.matrix.as_deref().map(read).transpose()?;
        let matrix = matrix.as_ref().and_then(bugs::matrix_markdown);
        write(file, &bugs::markdown(&findings, matrix.as_deref()))?;
    }
    say!("{}", bugs::heading());
    for patient in &findings.patients {
        say!("{}", bugs::row(patient));
    }
    say!("{}", bugs::summary(&findings));
    if let Some(matrix) = bugs::matrix_summary(&findings) {
        say!("{matrix}");
    }
    Ok(exit(&findings))
}

/// The patients asked for, in the order of the table.
fn chosen(args: &Args) -> Result<Vec<Patient>, Failure> {
    for name in &args.only {
        name.parse::<squall_node::bugs::Bug>().map_err(|error| Failure::asked(&error))?;
    }
    let mut patients = patients::all().map_err(|error| Failure::asked(&error))?;
    if !args.only.is_empty() {
        patients.retain(|patient| args.only.contains(&patient.name));
    }
    if args.claims {
        return Ok(claimed(&patients, args.time));
    }
    if !args.workload.is_empty() {
        return Ok(bugs::with_workloads(&patients, &workloads(&args.workload)?, args.time));
    }
    for patient in &mut patients {
        if let Treatment::Plan { plan, .. } = &mut patient.treatment {
            plan.time = args.time.unwrap_or(plan.time);
        }
    }
    Ok(patients)
}

/// The workloads asked for.
fn workloads(asked: &[String]) -> Result<Vec<String>, Failure> {
    let mut workloads = Vec::new();
    for name in asked {
        if name == "all" {
            workloads.extend(WORKLOADS.iter().map(|entry| entry.name.to_owned()));
            continue;
        }
        by_name(name, Settings::of(0)).map_err(|error| Failure::asked(&error))?;
        workloads.push(name.clone());
    }
    Ok(workloads)
}

/// Each workload with the bugs it is said to find.
fn claimed(patients: &[Patient], time: Option<Duration>) -> Vec<Patient> {
    let of_workload = |entry: &Entry| {
        let found: Vec<Patient> = patients
            .iter()
            .filter(|patient| entry.finds.contains(&patient.name.as_str()))
            .cloned()
            .collect();
        bugs::with_workloads(&found, &[entry.name.to_owned()], time)
    };
    WORKLOADS.iter().flat_map(of_workload).collect()
}

/// Refuses a campaign that would run nothing and so find nothing wrong.
fn something(args: &Args, patients: &[Patient]) -> Result<(), Failure> {
    let runs = |patient: &Patient| matches!(patient.treatment, Treatment::Plan { .. });
    let seeds = args.seeds + if args.clean_only { 0 } else { args.clean_seeds };
    let why = if seeds == 0 {
        "give it a seed: --seeds and --clean-seeds are both 0"
    } else if !patients.iter().any(runs) {
        "choose other bugs: those have no plan, or are bugs of liveness, for which no workload \
         is put in the place of another"
    } else {
        return Ok(());
    };
    Err(Failure::Asked(format!("run a campaign that runs nothing; {why}")))
}

fn list(patients: &[Patient]) {
    for patient in patients {
        say!("{} ({}): {}", patient.name, patient.expected.as_str(), patient.breaks);
        say!("  rule left out: {}", patient.rule);
        match &patient.treatment {
            Treatment::Plan { file, .. } => match &patient.workload {
                Some(workload) => say!("  squall test --plan {file} --workload {workload}"),
                None => say!("  squall test --plan {file}"),
            },
            Treatment::Missing(why) => say!("  not run: {why}"),
        }
    }
}

fn measure(args: &Args, patients: Vec<Patient>) -> Result<Findings, Failure> {
    let executable = std::env::current_exe().map_err(|error| Failure::setup(&error))?;
    let started_utc = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let folder = make_folder(&args.store, "bugs", &started_utc.replace([':', '-'], ""))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::setup(&error))?;
    let seeds = |count: u64| args.first_seed..args.first_seed.saturating_add(count);
    let (bugs, clean) = match args.clean_only {
        true => (0, args.seeds),
        false => (args.seeds, args.clean_seeds),
    };
    let findings = runtime.block_on(async {
        let interrupt =
            interrupt::listen("the runs under way end with a verdict, the rest is not run")
                .map_err(|error| Failure::setup(&error))?;
        let campaign = Campaign {
            patients,
            seeds: seeds(bugs),
            clean_seeds: seeds(clean),
            jobs: args.jobs.map_or_else(default_jobs, usize::from),
            executable,
            folder: folder.clone(),
            started_utc,
            command: command(),
            interrupt,
        };
        tell!("squall: {}", bugs::heading());
        bugs::run(campaign, &tell).await.map_err(|error| Failure::setup(&error))
    })?;
    tell!("squall: findings in {}", folder.join("bugs.json").display());
    Ok(findings)
}

/// A cluster under load keeps about two processors busy.
fn default_jobs() -> usize {
    thread::available_parallelism().map_or(1, |processors| processors.get() / 2).max(1)
}

/// The command line that was given, by the name of the program alone.
fn command() -> String {
    let mut words = std::env::args_os();
    let program = words.next();
    let program = program.as_deref().map(Path::new).and_then(Path::file_name);
    let words = words.map(|word| word.to_string_lossy().into_owned());
    let program = program.unwrap_or(OsStr::new("squall")).to_string_lossy().into_owned();
    std::iter::once(program).chain(words).collect::<Vec<_>>().join(" ")
}

fn tell(news: &News<'_>) {
    match news {
        News::Ran { patient, subject, result, done, total } => {
            let whose = match subject {
                Subject::Bug => "",
                Subject::Clean => " without its bug",
            };
            tell!(
                "squall: {done}/{total} {}{}{whose}, seed {}: {} in {:.1} s: {}",
                patient.name,
                patient.workload.as_ref().map(|name| format!(" with {name}")).unwrap_or_default(),
                result.seed,
                result.outcome.as_str(),
                result.took_s,
                result.reason
            );
        }
        News::Judged(patient) => tell!("squall: {}", bugs::row(patient)),
    }
}

fn read(file: &Path) -> Result<Findings, Failure> {
    let shown = file.display();
    let text = fs::read(file)
        .map_err(|error| Failure::Asked(format!("read the findings {shown}: {error}")))?;
    serde_json::from_slice(&text)
        .map_err(|error| Failure::Asked(format!("read the findings {shown}: {error}")))
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    fs::write(file, text)
        .map_err(|error| Failure::Setup(format!("write {}: {error}", file.display())))
}

fn exit(findings: &Findings) -> Exit {
    if findings.accused().count > 0 || findings.misjudged() > 0 {
        Exit::Violation
    } else if findings.failed() > 0 {
        Exit::As(12)
    } else if findings.missed() > 0 {
        Exit::Unknown
    } else {
        Exit::Done
    }
}
