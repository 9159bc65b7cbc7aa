//! What is asked of the index, as it stands in an address.
//!
//! A query is a pure function of the address, so that a link to what was found can be shared.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde::Serialize;

use super::digest::FaultKind;
use super::run::Run;
use super::when::fits;

/// Addresses longer than this after the question mark are refused, in bytes.
const QUERY_BYTES_MAX: usize = 8_192;

/// More pairs than this are refused.
const PAIRS_MAX: usize = 64;

/// Words beyond this many of a search are left out.
const WORDS_MAX: usize = 16;

/// Why a query was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// It is too long.
    #[error("read what is asked for: it has more than {QUERY_BYTES_MAX} bytes; ask for less")]
    Long,
    /// It has too many parts.
    #[error("read what is asked for: it has more than {PAIRS_MAX} parts; ask for less")]
    Many,
    /// It is no text.
    #[error("read what is asked for: it is no UTF-8")]
    NoText,
    /// A day is none.
    #[error("read the day {given:?}: write it as 2026-01-31")]
    Day {
        /// What was given.
        given: String,
    },
    /// A page is none.
    #[error("read the page {given:?}: give a number from 1 on")]
    Page {
        /// What was given.
        given: String,
    },
}

/// Which runs are asked for; what is empty asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Query {
    /// Words that a run must mention, all of them.
    pub q: String,
    /// The system.
    pub system: String,
    /// The workload.
    pub workload: String,
    /// A fault that took hold, by function or kind.
    pub fault: String,
    /// The verdict, or `unfinished`, `damaged` or `too-large`.
    pub verdict: String,
    /// The name of the run.
    pub name: String,
    /// The suite it is part of.
    pub suite: String,
    /// What makes failures equal.
    pub fingerprint: String,
    /// The first day.
    pub from: String,
    /// The last day.
    pub to: String,
    /// Which page of what was found, from 1.
    #[serde(skip)]
    pub page: usize,
}

/// The names and values of a query, in order.
///
/// # Errors
/// When it is too long or no text.
pub(crate) fn pairs(query: &str) -> Result<Vec<(String, String)>, QueryError> {
    if query.len() > QUERY_BYTES_MAX {
        return Err(QueryError::Long);
    }
    let parts: Vec<&str> = query.split('&').filter(|part| !part.is_empty()).collect();
    if parts.len() > PAIRS_MAX {
        return Err(QueryError::Many);
    }
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| QueryError::NoText)?;
        Ok(decoded.into_owned())
    };
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        Ok((decode(name)?, decode(value)?))
    };
    parts.into_iter().map(pair).collect()
}

impl Query {
    /// Reads a query; names it does not know are left out.
    ///
    /// # Errors
    /// When it is too long, no text, or a day or page is none.
    pub fn parse(query: &str) -> Result<Self, QueryError> {
        let mut read = Self { page: 1, ..Self::default() };
        for (name, value) in pairs(query)? {
            let value = value.trim().to_owned();
            if name == "page" && !value.is_empty() {
                let page = value.parse().ok().filter(|page| (1..=1_000_000).contains(page));
                read.page = page.ok_or(QueryError::Page { given: value })?;
            } else if let Some(field) = read.field(&name) {
                *field = value;
            }
        }
        for day in [&read.from, &read.to] {
            if !day.is_empty() && !fits(day, "0000-00-00") {
                return Err(QueryError::Day { given: day.clone() });
            }
        }
        Ok(read)
    }

    fn field(&mut self, name: &str) -> Option<&mut String> {
        Some(match name {
            "q" => &mut self.q,
            "system" => &mut self.system,
            "workload" => &mut self.workload,
            "fault" => &mut self.fault,
            "verdict" => &mut self.verdict,
            "name" => &mut self.name,
            "suite" => &mut self.suite,
            "fingerprint" => &mut self.fingerprint,
            "from" => &mut self.from,
            "to" => &mut self.to,
            _ => return None,
        })
    }

    /// The names and values that are not empty, without the page.
    pub(crate) fn fields(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("q", &self.q),
            ("system", &self.system),
            ("workload", &self.workload),
            ("fault", &self.fault),
            ("verdict", &self.verdict),
            ("name", &self.name),
            ("suite", &self.suite),
            ("fingerprint", &self.fingerprint),
            ("from", &self.from),
            ("to", &self.to),
        ];
        all.into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name, value.as_str()))
            .collect()
    }

    /// Whether all runs are asked for.
    pub fn asks_for_all(&self) -> bool {
        self.fields().is_empty()
    }

    /// The runs that fit, in the order given.
    pub fn select<'r>(&self, runs: &'r [Arc<Run>]) -> Vec<&'r Arc<Run>> {
        let words: Vec<String> =
            self.q.to_lowercase().split_whitespace().take(WORDS_MAX).map(str::to_owned).collect();
        runs.iter().filter(|run| self.fits(run) && run.mentions(&words)).collect()
    }

    fn fits(&self, run: &Run) -> bool {
        let digest = &run.digest;
        let same = |wanted: &str, found: &str| wanted.is_empty() || wanted == found;
        let print = digest.fingerprint.as_ref().map_or("", |print| print.id.as_str());
        let day = run.when.day();
        let fault = |fault: &FaultKind| fault.f == self.fault || fault.kind == self.fault;
        same(&self.system, &digest.system)
            && same(&self.workload, &digest.workload)
            && same(&self.verdict, run.verdict_word())
            && same(&self.name, &run.name)
            && same(&self.suite, run.suite.as_deref().unwrap_or_default())
            && same(&self.fingerprint, print)
            && (self.fault.is_empty() || digest.faults.iter().any(fault))
            && (self.from.is_empty() || day >= self.from.as_str())
            && (self.to.is_empty() || (!day.is_empty() && day <= self.to.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_as_it_was_written() {
        let query =
            Query::parse("q=stale+read%20n1&verdict=violation&from=2026-01-02&x=y").unwrap();
        assert_eq!(query.q, "stale read n1");
        assert_eq!(query.fields().len(), 3);
        assert!(Query::parse("").unwrap().asks_for_all());
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_would() {
        let refused = |query: &str| Query::parse(query).unwrap_err().to_string();
        assert!(refused("from=yesterday").contains("2026-01-31"));
        assert!(refused("page=0").contains("from 1 on"));
        assert!(refused("q=%ff").contains("UTF-8"));
        assert!(refused(&"a=b&".repeat(65)).contains("64 parts"));
        assert!(refused(&"x".repeat(9_000)).contains("8192 bytes"));
    }
}
