//! `squall check --follow`: judges a history while something else writes it.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::squall::{Place, eventually, squall};

/// A history that grows under the eyes of `squall check --follow`.
struct Growing {
    _place: Place,
    path: PathBuf,
    file: File,
    events: u64,
    child: Child,
    said: std::sync::mpsc::Receiver<(Instant, String)>,
}

impl Growing {
    fn new(args: &str) -> Self {
        let place = Place::new();
        let path = place.path().join("history.jsonl");
        let file = File::create(&path).expect("a writable temporary folder");
        let mut command = squall(&format!("check {} --follow {args}", path.display()));
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let stderr = child.stderr.take().expect("it is piped");
        let (sender, said) = std::sync::mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if sender.send((Instant::now(), line)).is_err() {
                    return;
                }
            }
        });
        Self { _place: place, path, file, events: 0, child, said }
    }

    /// Appends one event, as any harness could.
    fn event(&mut self, kind: &str, f: &str, value: &str) -> Instant {
        let index = self.events;
        self.events += 1;
        let line = format!(
            r#"{{"index":{index},"time":{},"process":0,"type":"{kind}","f":"{f}","key":"x","value":{value}}}"#,
            index * 1000
        ) + "\n";
        let written = Instant::now();
        self.file.write_all(line.as_bytes()).expect("the history grows");
        written
    }

    fn operation(&mut self, f: &str, argument: &str, result: &str) -> Instant {
        self.event("invoke", f, argument);
        self.event("ok", f, result)
    }

    /// When a line with `part` was said.
    fn hears(&self, part: &str) -> Instant {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let (at, line) = self.said.recv_timeout(left).expect("it says so in time");
            if line.contains(part) {
                return at;
            }
        }
    }

    fn code(mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }
}

#[test]
fn a_violation_is_told_while_the_history_grows() {
    let mut growing = Growing::new("");
    for value in 1..=500 {
        growing.operation("write", &value.to_string(), &value.to_string());
    }
    // Progress is told only of what was read, so the follower is under way.
    growing.hears("operations on 1 keys, no violation");
    let written = growing.operation("read", "null", "499");
    let told = growing.hears("VIOLATION at the completion of operation 500");
    let latency = told.duration_since(written);
    println!("told {latency:?} after the event was written");
    assert!(latency < Duration::from_secs(2), "{latency:?}");
    assert_eq!(growing.code(), Some(10));
}

#[test]
fn the_results_of_a_run_end_following() {
    let mut growing = Growing::new("");
    growing.operation("write", "1", "1");
    growing.hears("1 operations on 1 keys, no violation");
    growing.operation("read", "null", "1");
    let results = growing.path.with_file_name("results.json");
    std::fs::write(results, "{}").expect("a writable temporary folder");
    assert_eq!(growing.code(), Some(0));
}

#[test]
fn silence_ends_following_and_what_says_nothing_is_unknown() {
    let mut growing = Growing::new("--idle 300ms");
    growing.event("invoke", "write", "1");
    growing.event("info", "write", "1");
    eventually("it ends by itself", Duration::from_secs(60), || {
        growing.child.try_wait().expect("it is our child").is_some()
    });
    assert_eq!(growing.code(), Some(11));
}
