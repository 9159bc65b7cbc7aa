//! `squall check`: judges a saved history.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use squall::analysis::{AnalysisError, read_history, write_certificate};
use squall_checker::{
    Budget, CheckOptions,
    certificate::Certificate,
    check,
    history::{History, Outcome},
    model::ModelName,
    verdict::{Analysis, Conclusion, Verdict},
    verify,
};

use crate::{
    exit::{Exit, Failure},
    follow,
};

/// Configurations a search may keep for one key: about 2 GB at worst.
const CONFIGURATIONS_MAX: u64 = 20_000_000;

/// Check a saved history for linearizability
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The history, as `history.jsonl` in a run directory
    history: PathBuf,
    /// The model that judges it [default: the header's, or what the functions suggest]
    #[arg(long)]
    model: Option<ModelName>,
    /// Write the proof here, for `squall verify`
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// How long a search may take before the answer is `unknown`
    #[arg(long, default_value = "60s", value_parser = humantime::parse_duration)]
    budget: Duration,
    /// Print the whole analysis as JSON
    #[arg(long)]
    json: bool,
    /// Follow the history while it is written and stop at the first violation. Ends when its
    /// run has results, at Ctrl-C, or as --idle says; then it is checked as always
    #[arg(long)]
    follow: bool,
    /// With --follow: end when nothing was appended for this long [default: never]
    #[arg(long, requires = "follow", value_parser = humantime::parse_duration)]
    idle: Option<Duration>,
}

pub(crate) fn main(args: &Args) -> Result<Exit, Failure> {
    // Lives as long as the check, so that a second Ctrl-C still ends everything.
    let _following = match args.follow {
        true => Some(follow::follow(&args.history, args.model, args.idle)?),
        false => None,
    };
    let history = read_history(&args.history).map_err(|error| input(&error))?;
    if history.torn {
        tell!(
            "squall: {} ends inside a line; that line was dropped, the rest is checked",
            args.history.display()
        );
    }
    if history.missing > 0 {
        tell!(
            "squall: {} lacks {} events: the verdict is on what is left",
            args.history.display(),
            history.missing
        );
    }
    let began = Instant::now();
    let stop = alarm(args.budget);
    let budget =
        Budget { configurations: CONFIGURATIONS_MAX, stop: Some(&stop), ..Budget::default() };
    let options = CheckOptions { model: args.model, budget };
    let analysis = check(&history, &options).map_err(|error| Failure::asked(&error))?;
    let took = began.elapsed();
    let certificate = Certificate::of(&analysis);
    if let Some(path) = &args.certificate {
        if same_file(path, &args.history) {
            let shown = path.display();
            return Err(Failure::Asked(format!("write the proof to {shown}: it is the history")));
        }
        write_certificate(&certificate, path).map_err(|error| Failure::setup(&error))?;
    }
    if args.json {
        let json = serde_json::to_string_pretty(&analysis).expect("an analysis is plain data");
        say!("{json}");
    } else {
        print(&analysis, took);
    }
    Ok(confirmed(&history, &certificate))
}

/// The verdict, if its proof holds and there is anything it speaks of.
fn confirmed(history: &History, certificate: &Certificate) -> Exit {
    if certificate.verdict == Verdict::Unknown {
        return Exit::Unknown;
    }
    if !history.operations.iter().any(|operation| operation.outcome == Outcome::Ok) {
        tell!("squall: inconclusive: the history holds no operation that succeeded");
        return Exit::Unknown;
    }
    match verify(history, certificate) {
        Ok(_) => certificate.verdict.into(),
        Err(error) => {
            let why = squall::run::chain(&error);
            tell!("squall: the verifier does not confirm this verdict: {why}");
            // A counterexample too large to enumerate is still one that was found.
            if certificate.verdict == Verdict::Violation { Exit::Violation } else { Exit::Unknown }
        }
    }
}

/// Whether two paths lead to the same file.
fn same_file(one: &Path, other: &Path) -> bool {
    let identity = |path| std::fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    identity(one).is_some_and(|found| Some(found) == identity(other))
}

/// A file that is not there or not a history was asked for wrongly.
fn input(error: &AnalysisError) -> Failure {
    Failure::asked(error)
}

/// A flag that becomes true after `budget`.
fn alarm(budget: Duration) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    // The thread ends with the process; nobody needs to wait for it.
    thread::spawn(move || {
        thread::sleep(budget);
        flag.store(true, Ordering::Relaxed);
    });
    stop
}

fn print(analysis: &Analysis, took: Duration) {
    let keys = analysis.keys.len();
    let operations: usize = analysis.keys.iter().map(|key| key.operations).sum();
    let verdict = Exit::from(analysis.verdict);
    say!(
        "{}: {operations} operations on {keys} {} as `{}`, in {:.1} ms",
        match verdict {
            Exit::Violation => "violation",
            Exit::Unknown => "unknown",
            _ => "linearizable",
        },
        if keys == 1 { "key" } else { "keys" },
        analysis.model,
        took.as_secs_f64() * 1e3
    );
    for key in &analysis.keys {
        let name = key.key.as_deref().unwrap_or("(no key)");
        match &key.conclusion {
            Conclusion::Linearizable { .. } => {}
            Conclusion::Unknown { reason } => say!("  key {name}: unknown: {reason}"),
            Conclusion::Violation(counterexample) => {
                let ids: Vec<_> =
                    counterexample.operations.iter().map(|id| id.0.to_string()).collect();
                say!("  {}", counterexample.explanation);
                say!("    operations {}", ids.join(", "));
            }
        }
    }
}
