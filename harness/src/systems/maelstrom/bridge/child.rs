//! The process of the node: messages in by stdin, out by stdout, everything else to the log.
//!
//! Nothing here waits for the node: what it does not take in is dropped once the queue before it
//! is full.

use std::{
    ffi::OsString,
    io,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use hyper::body::Bytes;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::{self, ChildStdin, ChildStdout, Command},
};

use super::bounded::{Held, Queue, Waiting, queue};

/// The longest line taken from a node.
pub(super) const LINE_BYTES_MAX: usize = 16 << 20;
/// What may wait for the node to take it in.
const INBOX_BYTES_MAX: usize = 64 << 20;
/// What is written to the node at once.
const WRITE_BYTES: usize = 64 << 10;
/// How long the node may take to end on SIGTERM before it is killed.
const END_GRACE: Duration = Duration::from_millis(500);

/// A node's process.
pub(super) struct Child {
    process: process::Child,
}

/// What the node prints, line by line.
pub(super) struct Printed {
    stdout: BufReader<ChildStdout>,
    line: Vec<u8>,
}

/// A line of the node.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// Without its end.
    Whole(&'a [u8]),
    /// The beginning of one that is longer than [`LINE_BYTES_MAX`].
    TooLong(&'a [u8]),
}

impl Child {
    /// Starts `command` in the directory `data`. Must be called from a thread that lives as long
    /// as the process, and within a runtime. Whoever holds the queue writes to the node.
    ///
    /// # Errors
    /// As the system has it.
    pub(super) fn start(
        command: &[OsString],
        data: &Path,
    ) -> io::Result<(Self, Queue<Bytes>, Printed)> {
        let (program, arguments) =
            command.split_first().ok_or_else(|| io::Error::other("there is no command"))?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(data).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        die_with_spawner(&mut command);
        let mut process = command.spawn()?;
        let stdin = process.stdin.take().expect("stdin is piped");
        let stdout = process.stdout.take().expect("stdout is piped");
        let (inbox, waiting) = queue(INBOX_BYTES_MAX);
        tokio::spawn(write(stdin, waiting));
        let printed = Printed { stdout: BufReader::new(stdout), line: Vec::new() };
        Ok((Self { process }, inbox, printed))
    }

    /// Resolves when the process has ended.
    ///
    /// # Errors
    /// As the system has it.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.process.wait().await
    }

    /// Asks the process to end, and kills it where it does not.
    pub(super) async fn end(mut self) {
        let pid = self.process.id().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.map(Pid::from_raw) {
            // It is not reaped yet, so its number is still its own.
            kill(pid, Signal::SIGTERM)
                .unwrap_or_else(|error| tracing::warn!("the node cannot be asked to end: {error}"));
        }
        if tokio::time::timeout(END_GRACE, self.process.wait()).await.is_err() {
            // What is left of it dies with this process.
            drop(self.process.kill().await);
        }
    }
}

/// Makes the kernel kill the node when the bridge is gone, however it went.
#[expect(unsafe_code, reason = "code between fork and exec must only make system calls")]
fn die_with_spawner(command: &mut Command) {
    let parent = nix::unistd::getpid();
    // SAFETY: the closure makes two system calls and allocates nothing.
    unsafe {
        command.pre_exec(move || {
            nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
            // It may have died before that took effect.
            if nix::unistd::getppid() == parent {
                Ok(())
            } else {
                Err(nix::errno::Errno::ESRCH.into())
            }
        });
    }
}

async fn write(mut stdin: ChildStdin, mut waiting: Waiting<Bytes>) {
    let mut bytes = Vec::new();
    while let Some(Held { item, .. }) = waiting.next().await {
        bytes.clear();
        bytes.extend_from_slice(&item);
        while bytes.len() < WRITE_BYTES
            && let Some(Held { item, .. }) = waiting.try_next()
        {
            bytes.extend_from_slice(&item);
        }
        if let Err(error) = stdin.write_all(&bytes).await {
            // Where its process has ended, that is said elsewhere.
            tracing::warn!("the node does not read its stdin any more: {error}");
            return;
        }
    }
}

impl Printed {
    /// The next line; none once the node has closed its stdout.
    ///
    /// # Errors
    /// As the system has it.
    pub(super) async fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let limit = LINE_BYTES_MAX as u64;
        if (&mut self.stdout).take(limit).read_until(b'\n', &mut self.line).await? == 0 {
            return Ok(None);
        }
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        } else if self.line.len() == LINE_BYTES_MAX {
            self.skip_line().await?;
            return Ok(Some(Line::TooLong(&self.line)));
        }
        Ok(Some(Line::Whole(&self.line)))
    }

    async fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let available = self.stdout.fill_buf().await?;
            let end = available.iter().position(|byte| *byte == b'\n');
            let (skipped, done) = match end {
                Some(end) => (end + 1, true),
                None => (available.len(), available.is_empty()),
            };
            self.stdout.consume(skipped);
            if done {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(script: &str) -> (Child, Queue<Bytes>, Printed) {
        let command = ["/bin/sh", "-c", script].map(OsString::from);
        Child::start(&command, Path::new("/")).expect("there is a shell")
    }

    #[tokio::test]
    async fn lines_come_out_whole_and_those_that_are_too_long_are_skipped() {
        let script = "echo one; head -c 17000000 /dev/zero; echo; echo two; printf three";
        let (mut child, _inbox, mut printed) = start(script);
        let mut lines = Vec::new();
        while let Some(line) = printed.next().await.expect("a pipe") {
            lines.push(match line {
                Line::Whole(line) => String::from_utf8_lossy(line).into_owned(),
                Line::TooLong(start) => format!("more than {}", start.len()),
            });
        }
        assert_eq!(lines, ["one", &format!("more than {LINE_BYTES_MAX}"), "two", "three"]);
        assert!(child.ended().await.expect("it is ours").success());
    }

    #[tokio::test]
    async fn a_node_that_takes_nothing_in_blocks_nobody() {
        let (child, inbox, _printed) = start("exec sleep 600");
        let line = Bytes::from(vec![b'x'; 1 << 20]);
        let took = (0..1000).take_while(|_| inbox.push(line.clone(), line.len()).is_ok()).count();
        assert!((60..=64).contains(&took), "{took} MiB were taken");
        child.end().await;
    }
}
