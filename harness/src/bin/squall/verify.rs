//! `squall verify`: checks a proof against its history, independently of how it was found.

use std::{fs::File, io::BufReader, path::PathBuf};

use squall_checker::{Flaw, VerifyError, certificate::Certificate, verdict::Verdict, verify};

use crate::{
    exit::{Exit, Failure},
    input::Input,
    work::{Doing, Work},
};

/// Verify the proof of a verdict against its history
///
/// Shares no code with the search: it replays the order of a `linearizable`, and tries
/// every order of the few operations of a `violation`. Exit code 0 means the proof holds,
/// whichever verdict it proves; 10 that it does not; 11 that there is nothing to verify.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: Input,
    /// The proof, as `certificate.json` in a run directory
    certificate: PathBuf,
}

pub(crate) fn main(args: &Args) -> Result<Exit, Failure> {
    let history = args.input.read()?;
    let shown = args.certificate.display();
    let file = File::open(&args.certificate)
        .map_err(|error| Failure::Asked(format!("read {shown}: {error}")))?;
    let certificate = Certificate::read_json(BufReader::new(file))
        .map_err(|error| Failure::Asked(format!("read {shown}: {error}")))?;
    if certificate.verdict == Verdict::Unknown {
        say!("nothing to verify: the certificate says `unknown`");
        return Ok(Exit::Unknown);
    }
    if history.operations.is_empty() {
        say!("nothing to verify: the history holds no operation");
        return Ok(Exit::Unknown);
    }
    let work = Work::begin(Doing::Other("verifying the proof".to_owned()));
    let verified = verify(&history, &certificate);
    drop(work);
    match verified {
        Ok(verified) => {
            let verdict = match verified.verdict {
                Verdict::Linearizable => "linearizable",
                Verdict::Violation => "violation",
                Verdict::Unknown => "unknown",
            };
            say!(
                "verified: {verdict} as `{}`, {} operations on {} keys",
                verified.model,
                verified.operations,
                verified.keys
            );
            let meant = history.header.as_ref().map(|header| header.model.as_str());
            match meant.filter(|meant| !meant.is_empty() && *meant != verified.model.as_str()) {
                // It proves something, but not what the history is about.
                Some(meant) => {
                    say!("but the history says that its model is `{meant}`");
                    Ok(Exit::Unknown)
                }
                None => Ok(Exit::Linearizable),
            }
        }
        Err(error) => {
            let why = squall::run::chain(&error);
            if matches!(error, VerifyError::Key { flaw: Flaw::TooLarge { .. }, .. }) {
                say!("the proof is too large to be gone through: {why}");
                return Ok(Exit::Unknown);
            }
            say!("the proof does not hold: {why}");
            Ok(Exit::Violation)
        }
    }
}
