//! What a contradiction of transactions means, in a sentence or two for a tired person.
//!
//! Starts with the read that is wrong and what it missed, then says why it had to see it.
//! Every clause is a fact of the history. Knows only numbers; the caller's [`Names`] turns
//! them into what the history calls things.

use std::fmt::Write as _;

use super::input::{Access, ElementId, KeyId, Objects, Outcome, Transactions};
use super::{Anomaly, Dependency};
use crate::verdict::{Contradiction, Precedence};

/// Elements of a list that are shown before the middle is left out.
const LISTED_MAX: usize = 8;

/// Characters after which a cycle is not told further.
const CHARACTERS_MAX: usize = 220;

/// How the history calls what the procedure knows by number.
pub trait Names {
    /// A transaction and who ran it: `T2 (n1, process 4)`.
    fn transaction(&self, transaction: u32) -> String;
    /// A key.
    fn key(&self, key: KeyId) -> String;
    /// An element of a list, or a value of a register.
    fn element(&self, element: ElementId) -> String;
    /// The time between the end of one transaction and the beginning of another: `12 ms`.
    fn gap(&self, ended: u32, began: u32) -> String;
}

/// Explains why the transactions of an anomaly contradict each other.
pub fn explain(transactions: &Transactions, anomaly: &Anomaly, names: &dyn Names) -> String {
    let words = Words { transactions, names };
    words.without_cycle(anomaly).unwrap_or_else(|| words.cycle(anomaly))
}

struct Words<'a> {
    transactions: &'a Transactions,
    names: &'a dyn Names,
}

impl Words<'_> {
    /// What shows without a cycle, and needs no more than one or two transactions.
    fn without_cycle(&self, anomaly: &Anomaly) -> Option<String> {
        let key = anomaly.key?;
        let named = &anomaly.conflict.operations;
        let reader_of = |element| {
            named.iter().copied().find(|&each| {
                self.reads(each, key).any(|list| list.contains(&element))
                    && !self.wrote(each, key, element)
            })
        };
        let observed = |element| {
            reader_of(element).and_then(|reader| self.observed(reader, key, Some(element)))
        };
        let of_key = self.names.key(key);
        let element = anomaly.element;
        Some(match anomaly.conflict.kind {
            Contradiction::NeverWritten => {
                let element = element?;
                format!(
                    "{}, but nobody ever wrote {} to it",
                    observed(element)?,
                    self.names.element(element)
                )
            }
            Contradiction::RepeatedElement => {
                let element = element?;
                let reader = *named.first()?;
                let observed = self.observed(reader, key, Some(element))?;
                format!(
                    "{observed}: {} is there twice, and was appended once",
                    self.names.element(element)
                )
            }
            Contradiction::G1a => {
                let element = element?;
                let failed =
                    named.iter().find(|&&each| self.transactions.outcome(each) == Outcome::Fail)?;
                format!(
                    "{}, so it saw {}, which {} had written and which failed",
                    observed(element)?,
                    self.names.element(element),
                    self.names.transaction(*failed)
                )
            }
            Contradiction::G1b => {
                let element = element?;
                let writer = named.iter().copied().find(|&each| self.wrote(each, key, element))?;
                format!(
                    "{}, so it saw {} from the middle of {}, which wrote more to that key at once",
                    observed(element)?,
                    self.names.element(element),
                    self.names.transaction(writer)
                )
            }
            Contradiction::DivergentReads => {
                let mut reads = named.iter().filter_map(|&each| self.observed(each, key, None));
                format!("{}, but {}: neither continues the other", reads.next()?, reads.next()?)
            }
            _ => return self.of_key(anomaly, &of_key),
        })
    }

    /// What is about the accesses of one key rather than about one element.
    fn of_key(&self, anomaly: &Anomaly, of_key: &str) -> Option<String> {
        let named = &anomaly.conflict.operations;
        Some(match anomaly.conflict.kind {
            Contradiction::Internal => format!(
                "what was read of key {of_key} contradicts what {} itself did to it before",
                self.names.transaction(*named.first()?)
            ),
            Contradiction::LostUpdate => {
                let edge = anomaly.edges.first()?;
                let (first, second) = (edge.from, edge.to);
                format!(
                    "{} and {} read the same state of key {of_key} and both replaced it, so one \
                     of the two updates is lost",
                    self.names.transaction(first),
                    self.names.transaction(second)
                )
            }
            _ if anomaly.edges.is_empty() => {
                let listed: Vec<String> =
                    named.iter().map(|&each| self.names.transaction(each)).collect();
                format!(
                    "key {of_key} by itself has no order in which {} can have happened ({})",
                    listed.join(", "),
                    anomaly.conflict.kind
                )
            }
            _ => return None,
        })
    }

    /// The edges one by one, from a read that missed something if there is one.
    fn cycle(&self, anomaly: &Anomaly) -> String {
        let edges = &anomaly.edges;
        let stale = edges.iter().position(|edge| edge.why == Precedence::ReadWrite).unwrap_or(0);
        let mut sentence = String::new();
        for position in 0..edges.len() {
            let edge = &edges[(stale + position) % edges.len()];
            let separator = match position {
                0 => "",
                _ if position + 1 == edges.len() => ", and ",
                _ => ", ",
            };
            let clause = self.edge(edge);
            if position > 0 && sentence.chars().count() + clause.chars().count() > CHARACTERS_MAX {
                let left = edges.len() - position;
                // Writing to a string cannot fail.
                let _ = write!(sentence, ", and so on ({left} more) back to the first");
                break;
            }
            sentence += separator;
            sentence += &clause;
        }
        // Writing to a string cannot fail.
        let _ = write!(sentence, ": each would have to come before the next");
        sentence
    }

    fn edge(&self, edge: &Dependency) -> String {
        let (from, to) = (self.names.transaction(edge.from), self.names.transaction(edge.to));
        let key = edge.key.map_or_else(String::new, |key| self.names.key(key));
        let wrote = |transaction| {
            let element = edge.key.and_then(|key| self.first_written(transaction, key));
            element.map_or_else(|| "something".to_owned(), |element| self.names.element(element))
        };
        match edge.why {
            Precedence::ReadWrite => {
                let read = edge.key.and_then(|key| self.observed(edge.from, key, None));
                let read = read.unwrap_or_else(|| format!("{from} read key {key}"));
                let acknowledged = self.acknowledged(edge.to);
                format!("{read}, so it missed {}, which {to} wrote{acknowledged}", wrote(edge.to))
            }
            Precedence::ReadsFrom => {
                format!("{to} read key {key} with {}, which {from} wrote", wrote(edge.from))
            }
            Precedence::WriteWrite => format!(
                "{from} wrote {} to key {key} before {to} wrote {}",
                wrote(edge.from),
                wrote(edge.to)
            ),
            Precedence::RealTime | Precedence::SameValue | Precedence::InitialValue => format!(
                "{from} was acknowledged {} before {to} began",
                self.names.gap(edge.from, edge.to)
            ),
        }
    }

    /// What is worth saying about a write that was missed.
    fn acknowledged(&self, transaction: u32) -> &'static str {
        match self.transactions.outcome(transaction) {
            Outcome::Ok { .. } => "",
            Outcome::Info | Outcome::Fail => " (indeterminate, but seen by others)",
        }
    }

    fn reads(&self, transaction: u32, key: KeyId) -> impl Iterator<Item = &[ElementId]> {
        self.transactions.accesses(transaction).filter_map(move |access| match access {
            Access::Read(of, list) if of == key => Some(list),
            Access::Read(..) | Access::Write(..) => None,
        })
    }

    fn wrote(&self, transaction: u32, key: KeyId, element: ElementId) -> bool {
        self.transactions.accesses(transaction).any(|access| access == Access::Write(key, element))
    }

    fn first_written(&self, transaction: u32, key: KeyId) -> Option<ElementId> {
        self.transactions.accesses(transaction).find_map(|access| match access {
            Access::Write(of, element) if of == key => Some(element),
            Access::Read(..) | Access::Write(..) => None,
        })
    }

    /// `T2 read [1 2] of key x`: the read with `element`, or the first one.
    fn observed(&self, reader: u32, key: KeyId, element: Option<ElementId>) -> Option<String> {
        let fits = |list: &&[ElementId]| element.is_none_or(|element| list.contains(&element));
        let list = self.reads(reader, key).find(fits)?;
        let (reader, key) = (self.names.transaction(reader), self.names.key(key));
        Some(format!("{reader} read {} of key {key}", self.list(list)))
    }

    fn list(&self, list: &[ElementId]) -> String {
        let show = |elements: &[ElementId]| {
            let shown: Vec<String> =
                elements.iter().map(|each| self.names.element(*each)).collect();
            shown.join(" ")
        };
        match (self.transactions.objects(), list) {
            (Objects::Registers, []) => "the initial value".to_owned(),
            (Objects::Registers, _) => show(list),
            (Objects::Lists, _) if list.len() <= LISTED_MAX => format!("[{}]", show(list)),
            (Objects::Lists, _) => {
                let half = LISTED_MAX / 2;
                format!("[{} ... {}]", show(&list[..half]), show(&list[list.len() - half..]))
            }
        }
    }
}
