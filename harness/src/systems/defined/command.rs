//! Commands that are run to their end before or beside the nodes: a version, an initialization.

use std::{
    io::{self, Read},
    os::unix::process::CommandExt as _,
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

/// The most of its words that is taken in; it stops when nobody reads on, and is killed then.
const SAID_BYTES_MAX: u64 = 1 << 16;
/// Pause between two looks whether a command has ended.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// What a command came to.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    /// What it printed on stderr, then what on stdout.
    pub(super) said: String,
}

/// Runs `command` to its end, with nothing on its stdin; blocks for that long.
///
/// # Errors
/// It cannot be run, or has not ended after `limit`: then it is killed with all it started.
pub(super) fn run(command: &mut Command, limit: Duration) -> Result<Ended, String> {
    let shown = shown(command);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::NotFound => "there is no such program".to_owned(),
            _ => error.to_string(),
        };
        format!("cannot run `{shown}`: {why}")
    })?;
    // Read while it runs, since a full pipe would stop it.
    let (stderr, stdout) = (gather(child.stderr.take()), gather(child.stdout.take()));
    let deadline = Instant::now() + limit;
    let ended = loop {
        match child.try_wait() {
            Ok(None) if Instant::now() < deadline => thread::sleep(LOOK_INTERVAL),
            other => break other,
        }
    };
    // Whatever it left behind holds the pipes open, too.
    let group = Pid::from_raw(i32::try_from(child.id()).expect("a process id fits in an i32"));
    // There may be nobody left to kill.
    let _ = killpg(group, Signal::SIGKILL);
    match ended {
        Ok(Some(status)) => {
            let text = |thread: thread::JoinHandle<String>| thread.join().unwrap_or_default();
            Ok(Ended { status, said: text(stderr) + &text(stdout) })
        }
        Ok(None) => {
            let reaped = child.wait();
            drop(reaped);
            Err(format!("`{shown}` did not end within {} s", limit.as_secs()))
        }
        Err(error) => Err(format!("cannot wait for `{shown}`: {error}")),
    }
}

fn gather(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut said = Vec::new();
        // What was read until then is as good as all of it.
        let _ = stream.map(|stream| stream.take(SAID_BYTES_MAX).read_to_end(&mut said));
        String::from_utf8_lossy(&said).into_owned()
    })
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, limit_ms: u64) -> Result<Ended, String> {
        run(Command::new("sh").args(["-c", script]), Duration::from_millis(limit_ms))
    }

    #[test]
    fn a_command_is_told_by_its_end_and_its_words() {
        let ended = sh("echo out; echo err >&2; exit 3", 10_000).expect("it ends");
        assert_eq!((ended.status.code(), ended.said.as_str()), (Some(3), "err\nout\n"));
    }

    #[test]
    fn one_that_does_not_end_is_killed_with_all_it_started() {
        let began = Instant::now();
        let why = sh("sleep 1000 & sleep 1000", 50).err().expect("it does not end");
        assert!(why.contains("did not end within"), "{why}");
        assert!(began.elapsed() < Duration::from_secs(30), "it was waited for");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let why = run(&mut Command::new("no-such-program"), Duration::from_secs(1));
        let why = why.err().expect("it is not there");
        assert_eq!(why, "cannot run `no-such-program`: there is no such program");
    }
}
