//! `squall report`: everything after the history once more.

use std::path::PathBuf;

use squall::analysis::{SEARCH_TIME_MAX, conclude_again, within};
use squall_results::{run_dir::RunDir, text};

use crate::{
    exit::{Exit, Failure},
    show,
};

/// Check and render a run directory again
///
/// Also makes a report of a run that was cut short: its history is readable up to its
/// last whole line.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The run directory, for example `store/latest`
    run_dir: PathBuf,
}

pub(crate) fn main(args: &Args) -> Result<Exit, Failure> {
    let run_dir = RunDir::open(&args.run_dir).map_err(|error| Failure::asked(&error))?;
    let results = within(SEARCH_TIME_MAX, |budget| conclude_again(&run_dir, budget))
        .map_err(|error| Failure::setup(&error))?;
    say!("{}", text::one_screen(&results, show::colour(), show::width()).trim_end());
    say!("report: {}", run_dir.report().display());
    Ok(results.verdict.into())
}
