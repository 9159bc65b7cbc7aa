//! `squall report`: everything after the history once more.

use std::{path::PathBuf, time::Duration};

use squall::analysis::{AnalysisError, SEARCH_TIME_MAX, close_up, conclude_again, within};
use squall_results::{run_dir::RunDir, summary::Window, text};

use crate::{
    exit::{Exit, Failure},
    show,
};

/// Check and render a run directory again
///
/// Also makes a report of a run that was cut short: its history is readable up to its
/// last whole line.
///
/// A page cannot hold every operation of a long run. `--from 12.5s --to 13s` makes a report
/// of its own that begins with this stretch and draws every operation in it, up to 150,000; it
/// lies beside the report of the whole run, which stays as it is.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The run directory, for example `store/latest`
    run_dir: PathBuf,
    /// Begin with this moment of the run, such as 12.5s [default: its beginning, if --to is given]
    #[arg(long, value_parser = moment)]
    from: Option<u64>,
    /// Up to this moment [default: the end of the run, if --from is given]
    #[arg(long, value_parser = moment)]
    to: Option<u64>,
}

/// Nanoseconds from `12.5s`, `800ms`, or whatever else names a duration.
fn moment(text: &str) -> Result<u64, String> {
    let seconds = text.trim().strip_suffix('s').map(str::trim).and_then(|s| s.parse::<f64>().ok());
    let duration = match seconds {
        Some(seconds) => Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?,
        None => humantime::parse_duration(text)
            .map_err(|error| format!("{error}; write a moment as 12.5s or 800ms"))?,
    };
    u64::try_from(duration.as_nanos()).map_err(|_| "no run is that long".to_owned())
}

pub(crate) fn main(args: &Args) -> Result<Exit, Failure> {
    let run_dir = RunDir::open(&args.run_dir).map_err(|error| Failure::asked(&error))?;
    if args.from.is_some() || args.to.is_some() {
        return close_up_of(&run_dir, args);
    }
    let results = within(SEARCH_TIME_MAX, |budget| conclude_again(&run_dir, budget))
        .map_err(|error| Failure::setup(&error))?;
    say!("{}", text::one_screen(&results, show::colour(), show::width()).trim_end());
    say!("report: {}", run_dir.report().display());
    Ok(results.verdict.into())
}

fn close_up_of(run_dir: &RunDir, args: &Args) -> Result<Exit, Failure> {
    let stretch = Window { start_ns: args.from.unwrap_or(0), end_ns: args.to.unwrap_or(u64::MAX) };
    let (results, path) = within(SEARCH_TIME_MAX, |budget| close_up(run_dir, stretch, budget))
        .map_err(|error| match error {
            AnalysisError::NoStretch { .. } => Failure::asked(&error),
            other => Failure::setup(&other),
        })?;
    say!("{}", results.headline);
    say!("report: {}", path.display());
    Ok(results.verdict.into())
}
