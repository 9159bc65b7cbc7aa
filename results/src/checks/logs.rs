//! What nodes printed: panics, failed assertions, data races, no memory, crashes.
//!
//! A node that panics and is started again by somebody may look well from outside. The
//! spellings are those of Rust, Go, C and C++ with their sanitizers, Java, Python and Node.js.
//! Logs may be long and need not be text: they are read once, in a buffer, and of a line only
//! its first 16 KiB are looked at. Deliberately absent: opening files, which is
//! the harness's, and levels such as `ERROR`, which mean something else to every system.

mod patterns;
mod places;

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use serde::{Deserialize, Serialize};

use super::{Figures, Found, Judgement};
use crate::log_lines::lines::{clipped, read_line};
use crate::wording::{count, plural};
use patterns::Patterns;
pub use patterns::Trouble;

/// What the logs of a run tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogFindings {
    /// Logs that were read.
    pub logs: u64,
    /// Their lines.
    pub lines: u64,
    /// Lines that tell of trouble.
    pub found: u64,
    /// The same by what they tell.
    pub by_trouble: BTreeMap<Trouble, u64>,
    /// Each log by itself, in the order in which they were read.
    pub of_nodes: Vec<LogOfNode>,
    /// The first of them: at most [`OF_A_KIND_MAX`] of a kind and node, [`KEPT_MAX`] in all.
    pub kept: Vec<LogFinding>,
    /// Logs that could not be read to their end, and why.
    pub unread: Vec<String>,
}

/// What the log of one node tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogOfNode {
    /// The node.
    pub node: String,
    /// Its lines.
    pub lines: u64,
    /// Lines that tell of trouble, by what they tell.
    pub by_trouble: BTreeMap<Trouble, u64>,
}

/// A line that tells of trouble.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFinding {
    /// The node whose log it is in.
    pub node: String,
    /// The number of the line, from 1.
    pub line: u64,
    /// What it tells of.
    pub trouble: Trouble,
    /// What it was recognised by.
    pub pattern: String,
    /// The line around that, at most [`TEXT_CHARS_MAX`] characters; may hold any, also such as
    /// a terminal obeys.
    pub text: String,
}

/// Findings kept in all.
pub const KEPT_MAX: usize = 50;
/// Findings kept of one kind and node, so that one does not crowd out the others.
pub const OF_A_KIND_MAX: usize = 10;
/// Characters kept of a line.
pub const TEXT_CHARS_MAX: usize = 200;

/// A line while its log is read.
#[derive(Clone, Copy)]
pub(crate) struct Line<'l> {
    /// Its number, from 1.
    pub(crate) number: u64,
    /// What is looked at of it.
    pub(crate) bytes: &'l [u8],
    /// What trouble it tells of, if it does, and where in it.
    pub(crate) trouble: Option<(Trouble, usize)>,
}

/// Looks through logs, one after another.
pub struct Scan {
    patterns: Patterns,
    findings: LogFindings,
}

impl Default for Scan {
    fn default() -> Self {
        Self { patterns: Patterns::new(), findings: LogFindings::default() }
    }
}

impl Scan {
    /// Looks through the log of `node`; one that cannot be read to its end is noted.
    pub fn log(&mut self, node: &str, log: impl BufRead) {
        self.log_showing(node, log, |_| {});
    }

    /// As [`log`](Self::log), and shows every line to `show`, so that a log is read only once.
    pub(crate) fn log_showing(
        &mut self,
        node: &str,
        mut log: impl BufRead,
        mut show: impl FnMut(Line<'_>),
    ) {
        self.findings.logs += 1;
        let mut line = Vec::new();
        let mut number = 0;
        let mut of_kind: BTreeMap<Trouble, u64> = BTreeMap::new();
        loop {
            match read_line(&mut log, &mut line) {
                Ok(true) => number += 1,
                Ok(false) => break,
                Err(error) => {
                    self.unreadable(node, &error);
                    break;
                }
            }
            let found = self.patterns.find(&line);
            let trouble = found.as_ref().map(|(trouble, range)| (*trouble, range.start));
            show(Line { number, bytes: &line, trouble });
            let Some((trouble, range)) = found else { continue };
            self.findings.found += 1;
            *self.findings.by_trouble.entry(trouble).or_default() += 1;
            let of_kind = of_kind.entry(trouble).or_insert(0);
            *of_kind += 1;
            if *of_kind <= OF_A_KIND_MAX as u64 && self.findings.kept.len() < KEPT_MAX {
                self.findings.kept.push(LogFinding {
                    node: node.to_owned(),
                    line: number,
                    trouble,
                    pattern: String::from_utf8_lossy(&line[range.clone()]).into_owned(),
                    text: clipped(&line, range.start, TEXT_CHARS_MAX),
                });
            }
        }
        self.findings.lines += number;
        let node = node.to_owned();
        self.findings.of_nodes.push(LogOfNode { node, lines: number, by_trouble: of_kind });
    }

    /// Notes that the log of `node` cannot be read.
    pub fn unreadable(&mut self, node: &str, error: &io::Error) {
        self.findings.unread.push(format!("{node}: {error}"));
    }

    /// What was found; `None` if there was no log.
    pub fn finish(self) -> Option<LogFindings> {
        let looked = self.findings.logs > 0 || !self.findings.unread.is_empty();
        looked.then_some(self.findings)
    }
}

pub(super) fn look(findings: Option<&LogFindings>) -> Found {
    let Some(findings) = findings else {
        return Found::nothing("There are no logs of nodes.");
    };
    let logs = plural(findings.logs, "log", "logs");
    let kinds: Vec<String> = findings
        .by_trouble
        .iter()
        .map(|(trouble, lines)| format!("{trouble}: {}", plural(*lines, "line", "lines")))
        .collect();
    let mut sentence = match findings.found {
        0 => {
            format!("Nothing of the kind in {} of {logs}.", plural(findings.lines, "line", "lines"))
        }
        _ => format!("In {logs}, {}.", kinds.join(", ")),
    };
    if !findings.unread.is_empty() {
        sentence.push_str(&format!(" {} could not be read.", count(findings.unread.len() as u64)));
    }
    let told = findings
        .kept
        .iter()
        .map(|kept| format!("{} line {}, {}: {}", kept.node, kept.line, kept.trouble, kept.text));
    let details = told.chain(findings.unread.iter().cloned()).collect();
    Found::new(Judgement::bad_if(findings.found > 0), sentence)
        .because(details)
        .with(Figures::Logs(findings.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanned(log: &[u8]) -> LogFindings {
        let mut scan = Scan::default();
        // A small buffer, so that lines and patterns lie across its ends.
        scan.log("n1", io::BufReader::with_capacity(7, log));
        scan.finish().expect("there was a log")
    }

    #[test]
    fn a_finding_names_node_line_and_pattern() {
        let found = scanned(b"all is well\r\nthread 'main' panicked at src/a.rs:1:2:\r\n");
        assert_eq!((found.logs, found.lines, found.found), (1, 2, 1));
        assert_eq!(
            found.kept,
            [LogFinding {
                node: "n1".to_owned(),
                line: 2,
                trouble: Trouble::Panic,
                pattern: "panicked at".to_owned(),
                text: "thread 'main' panicked at src/a.rs:1:2:".to_owned(),
            }]
        );
        let told = look(Some(&found));
        assert_eq!(told.judgement, Judgement::Bad);
        assert_eq!(told.sentence, "In 1 log, panic: 1 line.");
    }

    #[test]
    fn one_kind_does_not_crowd_out_the_others_and_all_are_counted() {
        let mut log = "WARNING: DATA RACE\n".repeat(9_000).into_bytes();
        log.extend_from_slice(b"panic: at the end");
        let found = scanned(&log);
        assert_eq!((found.found, found.lines), (9_001, 9_001));
        assert_eq!(found.kept.len(), OF_A_KIND_MAX + 1);
        assert_eq!(found.kept.last().map(|last| last.trouble), Some(Trouble::Panic));
        let mut scan = Scan::default();
        (0..20).for_each(|_| scan.log("n", &log[..]));
        assert_eq!(scan.finish().map(|found| found.kept.len()), Some(KEPT_MAX));
    }

    #[test]
    fn lines_without_end_and_bytes_that_are_no_text_do_no_harm() {
        let mut log = vec![0xff; 5 << 20];
        log.extend_from_slice(b"panicked at\nnext ");
        log.extend_from_slice(&[0xe2, 0x80]);
        log.extend_from_slice(b" x panicked at \x1b[2J ");
        log.extend_from_slice(&"é".repeat(500).into_bytes());
        let found = scanned(&log);
        // The first is beyond what is looked at of a line.
        assert_eq!((found.lines, found.found), (2, 1));
        let text = &found.kept[0].text;
        assert!(text.contains("panicked at") && text.chars().count() <= TEXT_CHARS_MAX, "{text}");
    }

    #[test]
    fn a_long_line_is_cut_around_what_it_tells() {
        let line = format!("{}panicked at here{}", "a".repeat(5_000), "b".repeat(5_000));
        let text = &scanned(line.as_bytes()).kept[0].text;
        assert!(text.starts_with('…') && text.ends_with('…'), "{text}");
        assert!(text.contains("panicked at here"), "{text}");
        assert_eq!(text.chars().count(), TEXT_CHARS_MAX);
    }

    #[test]
    fn nothing_to_read_is_not_nothing_found() {
        assert_eq!(look(Scan::default().finish().as_ref()).judgement, Judgement::Nothing);
        assert_eq!(look(Some(&scanned(b""))).judgement, Judgement::Good);
        let mut scan = Scan::default();
        scan.unreadable("n1", &io::Error::other("gone"));
        let told = look(scan.finish().as_ref());
        assert_eq!(told.judgement, Judgement::Good);
        assert!(told.sentence.ends_with("1 could not be read."), "{}", told.sentence);
    }
}
