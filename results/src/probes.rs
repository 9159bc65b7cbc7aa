//! Probes: what each node said of itself, a few times a second (`cluster.jsonl`).
//!
//! The harness takes and writes them; this module defines the line and reads it back.
//! What a system cannot tell is absent, never invented.

use std::collections::BTreeMap;
use std::io::BufRead;

use serde::{Deserialize, Serialize};

/// One answer, or missing answer, of one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Nanoseconds since the run began, on the clock of the history.
    pub time: u64,
    /// The node asked.
    pub node: String,
    /// Whether it answered.
    pub alive: bool,
    /// The role it claims: `leader`, `candidate`, `follower` or a word of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The term it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<u64>,
    /// The node it believes to lead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<String>,
    /// Its commit index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<u64>,
    /// Its applied index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<u64>,
}

/// What a node said anew of its leading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leading {
    /// That it leads, in the term of the probe.
    Begins,
    /// That it leads no more.
    Ends,
}

/// The probes, which are in order of time, in which a node said anew that it leads, or leads in
/// another term, or leads no more. One that does not answer has said nothing.
pub(crate) fn leadership(probes: &[Probe]) -> impl Iterator<Item = (&Probe, Leading)> {
    let mut leads: BTreeMap<&str, Option<u64>> = BTreeMap::new();
    probes.iter().filter(|probe| probe.alive).filter_map(move |probe| {
        let claimed = leads.get(probe.node.as_str()).copied();
        let news = match (claimed, probe.role.as_deref() == Some("leader")) {
            (Some(term), true) if term == probe.term => return None,
            (_, true) => {
                leads.insert(&probe.node, probe.term);
                Leading::Begins
            }
            (Some(_), false) => {
                leads.remove(probe.node.as_str());
                Leading::Ends
            }
            (None, false) => return None,
        };
        Some((probe, news))
    })
}

/// Why `cluster.jsonl` could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ProbesError {
    /// The file could not be read.
    #[error("read probes after line {after_line}")]
    Read {
        /// The last line read, from 1; 0 for none.
        after_line: usize,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line that is not the last is no probe, so the file was not torn but changed.
    #[error("parse line {line} of the probes; restore the file or delete it to go without")]
    Parse {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Reads the probes of a run, in file order.
///
/// A last line that does not parse is what a killed writer leaves behind; it is dropped.
///
/// # Errors
/// When reading fails, or when a line before the last is no probe.
pub fn read_cluster_jsonl(reader: impl BufRead) -> Result<Vec<Probe>, ProbesError> {
    let mut probes = Vec::new();
    let mut torn: Option<(usize, serde_json::Error)> = None;
    for (index, line) in reader.split(b'\n').enumerate() {
        let line = line.map_err(|source| ProbesError::Read { after_line: index, source })?;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        // More follows the line that did not parse, so it was not the torn last one.
        if let Some((line, source)) = torn {
            return Err(ProbesError::Parse { line, source });
        }
        match serde_json::from_slice(&line) {
            Ok(probe) => probes.push(probe),
            Err(source) => torn = Some((index + 1, source)),
        }
    }
    Ok(probes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"time":5,"node":"n1","alive":true,"role":"leader","term":7,"leader":"n1","commit":812,"applied":812}"#;

    #[test]
    fn a_probe_survives_a_round_trip_word_for_word() {
        let probes = read_cluster_jsonl(LINE.as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&probes[0]).unwrap(), LINE);
    }

    #[test]
    fn what_a_node_cannot_tell_is_absent() {
        let line = r#"{"time":5,"node":"n1","alive":false}"#;
        let probes = read_cluster_jsonl(line.as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&probes[0]).unwrap(), line);
    }

    #[test]
    fn a_torn_last_line_is_dropped_even_inside_a_character() {
        let mut file = format!("{LINE}\n").into_bytes();
        file.extend_from_slice(b"{\"time\":6,\"node\":\"\xc3");
        assert_eq!(read_cluster_jsonl(file.as_slice()).unwrap().len(), 1);
    }

    #[test]
    fn a_broken_line_in_the_middle_is_an_error_that_names_it() {
        let file = format!("{LINE}\n{{nonsense\n{LINE}\n");
        let error = read_cluster_jsonl(file.as_bytes()).unwrap_err();
        assert!(matches!(error, ProbesError::Parse { line: 2, .. }), "{error}");
    }
}
