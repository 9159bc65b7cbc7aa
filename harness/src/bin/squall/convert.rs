//! `squall convert`: writes a history in another format.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use squall::whole_file::write_whole;
use squall_checker::formats::{WriteError, Written, write};

use crate::{
    exit::{Exit, Failure},
    input::Input,
    same_file::same_file,
    work::{Doing, Work},
};

/// Write a history in another format
///
/// What is written is read back as the same operations in the same order; events are
/// numbered anew.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: Input,
    /// Where to write it
    out: PathBuf,
    /// The format to write [default: what OUT ends with, .jsonl or .edn]
    #[arg(long, value_enum)]
    to: Option<To>,
}

/// The formats that are written, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum To {
    /// One JSON object a line: Squall's own
    Jsonl,
    /// EDN maps, as Jepsen's and Elle's tools read them
    JepsenEdn,
}

pub(crate) fn main(args: &Args) -> Result<Exit, Failure> {
    let to = to(args)?;
    let shown = args.out.display();
    if !args.input.is_stdin() && same_file(&args.out, &args.input.history) {
        return Err(Failure::Asked(format!("write {shown}: it is the history itself")));
    }
    let history = args.input.read()?;
    let operations = history.operations.len();
    let keyed = history.operations.iter().any(|operation| operation.key.is_some());
    let work = Work::begin(Doing::Other(format!("writing {operations} operations")));
    let format = match to {
        To::Jsonl => Written::Jsonl,
        To::JepsenEdn => Written::JepsenEdn,
    };
    write_whole(&args.out, |sink| write(&history, format, sink)).map_err(|error| match error {
        WriteError::Tied { .. } | WriteError::KeysMixed { .. } => Failure::asked(&error),
        WriteError::Write(_) | WriteError::Edn(_) => {
            Failure::Setup(format!("write {shown}: {}", squall::run::chain(&error)))
        }
    })?;
    drop(work);
    say!("{operations} operations written to {shown}");
    if to == To::JepsenEdn {
        if let Some(header) = &history.header {
            tell!(
                "squall: EDN has no place for the header; check it with `--model {}`",
                header.model
            );
        }
        let keys = if keyed { "tuples" } else { "plain" };
        tell!("squall: where a reader cannot tell where the keys are, say `--keys {keys}`");
    }
    Ok(Exit::Done)
}

/// The format asked for.
fn to(args: &Args) -> Result<To, Failure> {
    let extension = Path::extension(&args.out).and_then(|extension| extension.to_str());
    match (args.to, extension) {
        (Some(to), _) => Ok(to),
        (None, Some("jsonl")) => Ok(To::Jsonl),
        (None, Some("edn")) => Ok(To::JepsenEdn),
        (None, _) => Err(Failure::Asked(format!(
            "tell the format by the name {}: it ends with neither .jsonl nor .edn; add --to",
            args.out.display()
        ))),
    }
}
