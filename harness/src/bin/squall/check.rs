//! `squall check`: judges a saved history.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use squall::analysis::write_certificate;
use squall_checker::{
    CheckOptions,
    certificate::Certificate,
    check,
    history::{History, Outcome},
    model::ModelName,
    verdict::Verdict,
    verify,
};

use crate::{
    answer,
    budget::Allowance,
    exit::{Exit, Failure},
    follow,
    input::{FormatName, Input},
    same_file::same_file,
    work::{Doing, Work},
};

/// Check a saved history for linearizability
///
/// Exit codes: 0 linearizable, 10 violation, 11 unknown or inconclusive, 2 bad arguments or
/// no history.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: Input,
    /// The model that judges it [default: the header's, or what the functions suggest]
    #[arg(long, value_parser = model_parser())]
    model: Option<ModelName>,
    /// Write the proof here, for `squall verify`
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// What searches may take before the answer is `unknown`: time, memory, or both, as 60s,
    /// 2GiB or 60s,2GiB [default: 60s,1GiB]
    #[arg(long)]
    budget: Option<Allowance>,
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

/// The models by name, each with what it is.
fn model_parser() -> impl TypedValueParser<Value = ModelName> {
    let named = |model: &ModelName| PossibleValue::new(model.as_str()).help(model.about());
    PossibleValuesParser::new(ModelName::ALL.iter().map(named)).try_map(|name| name.parse())
}

pub(crate) fn main(args: &Args) -> Result<Exit, Failure> {
    // Lives as long as the check, so that a second Ctrl-C still ends everything.
    let _following = match args.follow {
        true => Some(follow_first(args)?),
        false => None,
    };
    if let Some(path) =
        args.certificate.as_ref().filter(|path| same_file(path, &args.input.history))
    {
        let shown = path.display();
        return Err(Failure::Asked(format!("write the proof to {shown}: it is the history")));
    }
    let history = args.input.read()?;
    let began = Instant::now();
    let work =
        Work::begin(Doing::Other(format!("checking {} operations", history.operations.len())));
    let running = args.budget.unwrap_or_default().begin();
    let options = CheckOptions { model: args.model, budget: running.budget() };
    let analysis = check(&history, &options).map_err(|error| Failure::asked(&error))?;
    let took = began.elapsed();
    drop(work);
    let certificate = Certificate::of(&analysis);
    if let Some(path) = &args.certificate {
        write_certificate(&certificate, path).map_err(|error| Failure::setup(&error))?;
    }
    if args.json {
        let json = serde_json::to_string_pretty(&analysis).expect("an analysis is plain data");
        say!("{json}");
    } else {
        answer::tell(&history, &analysis, took);
    }
    let _work = Work::begin(Doing::Other("verifying the proof".to_owned()));
    Ok(confirmed(&history, &certificate))
}

/// Follows the history, which has to be a file of ours, until it ends or is violated.
fn follow_first(args: &Args) -> Result<tokio::runtime::Runtime, Failure> {
    let foreign = args.input.format.filter(|format| *format != FormatName::Jsonl);
    if args.input.is_stdin() || foreign.is_some() {
        let shown = args.input.shown();
        return Err(Failure::Asked(format!(
            "follow {shown}: only a file of JSONL can be followed"
        )));
    }
    follow::follow(&args.input.history, args.model, args.idle)
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
