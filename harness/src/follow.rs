//! Follows a history that is still being written.
//!
//! Reads what was appended since the last time and shows each event to the online checker.
//! When following ends, for whatever reason, the file is judged as a whole by whoever
//! followed: that gives the proof, and the words for a line that cannot be read.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use squall_checker::{
    history::{Event, HistoryBuilder},
    model::ModelName,
    online::{FirstViolation, OnlineChecker},
};

/// How far following has got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followed {
    /// Everything that is in the file was read.
    UpToDate {
        /// Whether there was anything new.
        grew: bool,
    },
    /// An event made it illegal; what follows is not looked at.
    Violation(FirstViolation),
    /// A line is no event, or does not fit the events before.
    Unreadable,
}

/// A history file and what is known of it.
pub struct Follower {
    file: File,
    /// The beginning of a line whose end is not there yet.
    begun: Vec<u8>,
    lines: usize,
    builder: HistoryBuilder,
    online: OnlineChecker,
}

impl Follower {
    /// Begins at the first line of `path`. Without `model`, the header decides.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(path: &Path, model: Option<ModelName>) -> io::Result<Self> {
        Ok(Self {
            file: File::open(path)?,
            begun: Vec::new(),
            lines: 0,
            builder: HistoryBuilder::default(),
            online: OnlineChecker::new(model),
        })
    }

    /// Reads what was appended.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn catch_up(&mut self) -> io::Result<Followed> {
        let mut grew = false;
        let mut block = vec![0; 1 << 16];
        loop {
            let length = self.file.read(&mut block)?;
            if length == 0 {
                return Ok(Followed::UpToDate { grew });
            }
            grew = true;
            for piece in block[..length].split_inclusive(|&byte| byte == b'\n') {
                self.begun.extend_from_slice(piece);
                if piece.ends_with(b"\n") {
                    let line = std::mem::take(&mut self.begun);
                    match self.line(&line) {
                        Ok(None) => {}
                        Ok(Some(violation)) => return Ok(Followed::Violation(violation)),
                        Err(Unreadable) => return Ok(Followed::Unreadable),
                    }
                }
            }
        }
    }

    /// Operations seen so far, and keys.
    pub fn seen(&self) -> (usize, usize) {
        (self.builder.history().operations.len(), self.online.keys())
    }

    /// How many keys cannot be judged before the end.
    pub fn unjudged(&self) -> usize {
        self.online.unjudged().count()
    }

    fn line(&mut self, line: &[u8]) -> Result<Option<FirstViolation>, Unreadable> {
        self.lines += 1;
        if line.trim_ascii().is_empty() {
            return Ok(None);
        }
        if self.seen().0 == 0
            && let Ok(header) = serde_json::from_slice(line)
        {
            self.builder = HistoryBuilder::new(Some(header));
            return Ok(None);
        }
        let event: Event = serde_json::from_slice(line).map_err(|_| Unreadable)?;
        let pushed = self.builder.push(self.lines, event).map_err(|_| Unreadable)?;
        Ok(self.online.observe(self.builder.history(), pushed).cloned())
    }
}

/// A line that reading the whole file will complain about.
struct Unreadable;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn line(index: u64, kind: &str, f: &str, value: &str) -> String {
        format!(
            r#"{{"index":{index},"time":{index},"process":0,"type":"{kind}","f":"{f}","value":{value}}}"#
        ) + "\n"
    }

    #[test]
    fn a_violation_is_found_as_soon_as_its_line_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        let mut file = File::create(&path).unwrap();
        let mut follower = Follower::open(&path, None).unwrap();
        let up_to_date = |grew| Followed::UpToDate { grew };
        assert_eq!(follower.catch_up().unwrap(), up_to_date(false));
        file.write_all(line(0, "invoke", "write", "1").as_bytes()).unwrap();
        file.write_all(line(1, "ok", "write", "1").as_bytes()).unwrap();
        file.write_all(line(2, "invoke", "read", "null").as_bytes()).unwrap();
        assert_eq!(follower.catch_up().unwrap(), up_to_date(true));
        let stale = line(3, "ok", "read", "null");
        let (one, other) = stale.split_at(20);
        file.write_all(one.as_bytes()).unwrap();
        assert_eq!(follower.catch_up().unwrap(), up_to_date(true));
        assert_eq!(follower.seen(), (2, 1));
        file.write_all(other.as_bytes()).unwrap();
        match follower.catch_up().unwrap() {
            Followed::Violation(violation) => assert_eq!(violation.operation.0, 1),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_line_that_is_no_event_ends_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        std::fs::write(&path, "nonsense\n").unwrap();
        let mut follower = Follower::open(&path, None).unwrap();
        assert_eq!(follower.catch_up().unwrap(), Followed::Unreadable);
    }
}
