//! `squall suite`: many runs, each with the verdict it must come to.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use squall::suite::{self, Suite, SuiteOrder, Told};
use squall_results::{
    suite::{SuiteResults, text},
    summary::RunVerdict,
};

use crate::{
    exit::{Exit, Failure},
    interrupt, show,
};

/// Run a suite of plans, each with the verdict it must come to
///
/// Goes on after a run that is not as expected. Exit code 0 only if every run came to the
/// verdict expected of it; otherwise 10 if a violation was found where none should be,
/// 11 if an expected verdict was not reached, 12 if a run could not be set up.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The suite file, such as suites/smoke.toml
    suite: PathBuf,
    /// How many runs go on at once; each keeps about two processors busy
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Where the results are kept
    #[arg(long, default_value = "store")]
    store: PathBuf,
    /// Print the results as JSON on stdout
    #[arg(long)]
    json: bool,
}

pub(crate) fn main(args: &Args) -> Result<Exit, Failure> {
    let shown = args.suite.display();
    let toml = fs::read_to_string(&args.suite)
        .map_err(|error| Failure::Asked(format!("read the suite {shown}: {error}")))?;
    let suite = Suite::from_toml(&toml).map_err(|error| Failure::asked(&error))?;
    let executable = std::env::current_exe().map_err(|error| Failure::setup(&error))?;
    for cell in &suite.cells {
        // Better now than when its turn comes, hours from here.
        let system = crate::test::system(&cell.plan, &executable)?;
        let settings = cell.plan.workload_settings();
        let workload = squall_workloads::by_name(&cell.plan.workload, settings)
            .map_err(|error| Failure::asked(&error))?;
        squall::system::suits(&*system, &*workload).map_err(|error| Failure::asked(&error))?;
    }
    let started_utc = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let folder = make_folder(&args.store, &suite.name, &started_utc.replace([':', '-'], ""))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::setup(&error))?;
    let results = runtime.block_on(async {
        let interrupt =
            interrupt::listen("the runs under way end with a verdict, the rest is not run")
                .map_err(|error| Failure::setup(&error))?;
        let folder = folder.clone();
        let jobs = usize::from(args.jobs);
        let order = SuiteOrder { suite, executable, folder, started_utc, jobs, interrupt };
        suite::run(order, &tell).await.map_err(|error| Failure::setup(&error))
    })?;
    if args.json {
        say!("{}", results.to_json());
    } else {
        say!("{}", text(&results, show::colour(), show::width()).trim_end());
        say!("report: {}", folder.join("suite.html").display());
    }
    Ok(exit(&results))
}

/// A folder of its own for this run of a suite or the like.
pub(crate) fn make_folder(store: &Path, name: &str, stamp: &str) -> Result<PathBuf, Failure> {
    let failed = |path: &Path, error: std::io::Error| {
        Failure::Setup(format!(
            "make {}: {error}; choose another place with --store",
            path.display()
        ))
    };
    let parent = store.join(name);
    fs::create_dir_all(&parent).map_err(|error| failed(&parent, error))?;
    let mut folder = parent.join(stamp);
    let mut attempt = 2;
    while let Err(error) = fs::create_dir(&folder) {
        if error.kind() != std::io::ErrorKind::AlreadyExists {
            return Err(failed(&folder, error));
        }
        folder = parent.join(format!("{stamp}-{attempt}"));
        attempt += 1;
    }
    Ok(folder)
}

fn tell(news: &Told<'_>) {
    match news {
        Told::Starts { index, total, cell } => {
            tell!("squall: {}/{total} {}: expecting {}", index + 1, cell.name, cell.expect);
        }
        Told::Ended { cell } => {
            let verdict = cell.verdict.map_or("no verdict".to_owned(), |found| found.to_string());
            let so = if cell.as_expected { "as expected" } else { "NOT AS EXPECTED" };
            tell!(
                "squall:   {}: {verdict} in {:.1} s, {so}: {}",
                cell.name,
                cell.seconds,
                cell.reason
            );
        }
    }
}

fn exit(results: &SuiteResults) -> Exit {
    let wrong: Vec<_> = results.cells.iter().filter(|cell| !cell.as_expected).collect();
    if wrong.is_empty() {
        Exit::Linearizable
    } else if wrong.iter().any(|cell| cell.verdict == Some(RunVerdict::Violation)) {
        Exit::Violation
    } else if wrong.iter().any(|cell| cell.verdict.is_some()) {
        Exit::Unknown
    } else {
        Exit::As(12)
    }
}
