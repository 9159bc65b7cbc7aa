//! `squall scenario all`: one after another, each in a process and a sandbox of its own.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use squall::scenario::{Scenario, Transcript, outcome};

use super::exit;
use crate::exit::{Exit, Failure};

/// Performs all of them, whatever becomes of each; the worst outcome is the exit code.
///
/// Ctrl-C ends this process, and with it, by its lifeline, the scenario under way.
pub(super) fn perform(scenarios: &[Scenario], store: &Path, json: bool) -> Result<Exit, Failure> {
    let executable = std::env::current_exe().map_err(|error| Failure::setup(&error))?;
    let mut transcripts = Vec::new();
    let mut worst = Exit::Done;
    for scenario in scenarios {
        let output = Command::new(&executable)
            .args(["scenario", scenario.name, "--json", "--lifeline", "--store"])
            .arg(store)
            // Held open as long as this process lives.
            .stdin(Stdio::piped())
            .stderr(Stdio::inherit())
            .stdout(Stdio::piped())
            .spawn()
            .and_then(|mut child| {
                let lifeline = child.stdin.take();
                let output = child.wait_with_output();
                drop(lifeline);
                output
            })
            .map_err(|error| Failure::Setup(format!("run {}: {error}", executable.display())))?;
        let transcript = serde_json::from_slice::<Transcript>(&output.stdout).ok();
        let ended = transcript.as_ref().map_or(Exit::As(12), exit);
        if severity(ended) > severity(worst) {
            worst = ended;
        }
        transcripts.extend(transcript);
    }
    if json {
        let all = serde_json::to_string_pretty(&transcripts);
        say!("{}", all.expect("plain data with string keys always serializes"));
    } else {
        for transcript in &transcripts {
            say!("{}", outcome(transcript));
        }
        say!("{} of {} scenarios performed", transcripts.len(), scenarios.len());
    }
    Ok(worst)
}

fn severity(exit: Exit) -> u8 {
    match exit {
        Exit::Done | Exit::Linearizable => 0,
        Exit::Unknown => 1,
        Exit::As(_) => 2,
        Exit::Violation => 3,
    }
}
