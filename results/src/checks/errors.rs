//! Errors of operations, grouped, and whether every reply was understood.
//!
//! Texts that differ only in numbers and addresses are one group. An adapter begins the text
//! with `unexpected` where it does not understand a reply: a defect of the adapter, or a
//! system that answers what nobody documented; either way somebody should look.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use squall_checker::history::{History, Name, Outcome};
use squall_checker::verdict::OperationId;

use super::{Figures, Found, Judgement};
use crate::wording::{count, plural, shorten};

/// What operations that did not succeed said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Errors {
    /// Operations with an error.
    pub operations: u64,
    /// Those of them whose reply was not understood.
    pub unhandled: u64,
    /// How many groups there are.
    pub groups_found: u64,
    /// The groups, those not understood first, then the largest; at most 50.
    pub groups: Vec<ErrorGroup>,
}

/// Errors that differ only in numbers and addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorGroup {
    /// The text, with `#` for every number and `ADDRESS` for every address; at most 200
    /// characters.
    pub text: String,
    /// Operations that failed so.
    pub fail: u64,
    /// Operations that are indeterminate so.
    pub info: u64,
    /// The adapter did not understand the reply.
    pub unhandled: bool,
    /// One operation of the group.
    pub example: OperationId,
}

const GROUPS_MAX: usize = 50;
const TEXT_CHARS_MAX: usize = 200;
/// The most of an error that the sentence quotes.
const QUOTED_CHARS_MAX: usize = 80;

/// How an adapter begins the error of a reply it does not understand.
const UNHANDLED: &str = "unexpected";

pub(super) fn look(history: &History) -> Found {
    let errors = Errors::of(history);
    if errors.operations == 0 {
        return Found::new(Judgement::Good, "No operation came with an error.")
            .with(Figures::Errors(errors));
    }
    let sentence = match errors.unhandled {
        0 => format!(
            "{} came with {}, all understood.",
            plural(errors.operations, "operation", "operations"),
            plural(errors.groups_found, "kind of error", "kinds of error"),
        ),
        unhandled => format!(
            "{} got a reply that the adapter does not understand, most often `{}`.",
            plural(unhandled, "operation", "operations"),
            errors
                .groups
                .first()
                .map(|group| shorten(&group.text, QUOTED_CHARS_MAX))
                .unwrap_or_default(),
        ),
    };
    let details = errors.groups.iter().map(|group| {
        format!(
            "{}: {} failed, {} indeterminate, for example operation {}",
            group.text,
            count(group.fail),
            count(group.info),
            group.example.0
        )
    });
    let details = details.collect();
    Found::new(Judgement::bad_if(errors.unhandled > 0), sentence)
        .because(details)
        .with(Figures::Errors(errors))
}

impl Errors {
    /// Counts the errors; O(operations + length of the different texts).
    fn of(history: &History) -> Self {
        let mut by_text: BTreeMap<Name, ErrorGroup> = BTreeMap::new();
        for (id, operation) in history.iter() {
            // The field, which is a handle, and not the method, which looks it up.
            let Some(error) = history.operations[id.0 as usize].error else { continue };
            let group = by_text.entry(error).or_insert_with(|| ErrorGroup {
                text: String::new(),
                fail: 0,
                info: 0,
                unhandled: false,
                example: id,
            });
            match operation.outcome {
                Outcome::Fail => group.fail += 1,
                // A success has no error; should a file say otherwise, it is counted here.
                Outcome::Info | Outcome::Ok => group.info += 1,
            }
        }
        let mut groups: BTreeMap<String, ErrorGroup> = BTreeMap::new();
        for (name, group) in by_text {
            let text = normalized(history.names.get(name));
            let merged = groups.entry(text).or_insert_with_key(|text| ErrorGroup {
                unhandled: text.trim_start().starts_with(UNHANDLED),
                text: text.clone(),
                fail: 0,
                info: 0,
                example: group.example,
            });
            merged.fail += group.fail;
            merged.info += group.info;
            merged.example = merged.example.min(group.example);
        }
        let mut groups: Vec<ErrorGroup> = groups.into_values().collect();
        let size = |group: &ErrorGroup| group.fail + group.info;
        groups.sort_by_key(|group| std::cmp::Reverse((group.unhandled, size(group))));
        let unhandled = groups.iter().filter(|group| group.unhandled).map(size).sum();
        let (operations, groups_found) = (groups.iter().map(size).sum(), groups.len() as u64);
        groups.truncate(GROUPS_MAX);
        Self { operations, unhandled, groups_found, groups }
    }
}

/// The text with `#` for numbers and `ADDRESS` for addresses, cut short.
fn normalized(text: &str) -> String {
    // No more of it is looked at than could be kept, so that a reply cannot make this costly.
    let text = shorten(text, 4 * TEXT_CHARS_MAX);
    let mut normal = String::with_capacity(text.len());
    let mut rest = text.as_str();
    let is_part = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':' | '[' | ']');
    while let Some(first) = rest.chars().next() {
        let in_word = normal.ends_with(|c: char| c.is_alphanumeric());
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let address = rest[..length].trim_end_matches(['.', ':']);
        if !in_word && is_address(address) {
            normal.push_str("ADDRESS");
            rest = &rest[address.len()..];
        } else if first.is_ascii_digit() {
            normal.push('#');
            rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        } else {
            normal.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    shorten(&normal, TEXT_CHARS_MAX)
}

fn is_address(text: &str) -> bool {
    text.parse::<std::net::SocketAddr>().is_ok()
        || text.parse::<std::net::IpAddr>().is_ok() && text.len() > "::".len()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, at};
    use super::*;

    #[test]
    fn numbers_and_addresses_make_no_difference() {
        let normal = [
            ("refused by 10.0.0.7:2379: 503", "refused by ADDRESS: #"),
            ("refused by [fe80::1]:80.", "refused by ADDRESS."),
            ("term 12 < 13", "term # < #"),
            ("::", "::"),
            ("bad::thing", "bad::thing"),
            ("n1 left", "n# left"),
            ("1.2.3", "#.#.#"),
            ("", ""),
            ("é1", "é#"),
        ];
        for (text, expected) in normal {
            assert_eq!(normalized(text), expected, "{text}");
        }
        assert!(normalized(&"x1".repeat(1 << 20)).chars().count() <= TEXT_CHARS_MAX);
    }

    #[test]
    fn groups_are_counted_and_what_was_not_understood_comes_first() {
        let mut script = Script::default();
        for number in 0..3 {
            let error = format!("timeout after {number} ms");
            script.lost("read", "k", at(number * 10 + 1, number * 10 + 5), &error);
        }
        script.refused("read", "k", at(40, 41), "timeout after 9 ms");
        script.refused("read", "k", at(50, 51), "unexpected status 418");
        let found = look(&script.history);
        assert_eq!(found.judgement, Judgement::Bad);
        assert!(found.sentence.starts_with("1 operation got a reply"), "{}", found.sentence);
        let Some(Figures::Errors(errors)) = found.figures else { panic!("figures") };
        assert_eq!((errors.operations, errors.unhandled, errors.groups_found), (5, 1, 2));
        let [unhandled, timeouts] = errors.groups.as_slice() else { panic!("two groups") };
        assert_eq!((unhandled.text.as_str(), unhandled.unhandled), ("unexpected status #", true));
        assert_eq!((timeouts.fail, timeouts.info, timeouts.example), (1, 3, OperationId(0)));
    }

    #[test]
    fn errors_that_are_understood_pass() {
        let mut script = Script::default();
        script.refused("read", "k", at(1, 2), "no leader, unexpected or not");
        assert_eq!(look(&script.history).judgement, Judgement::Good);
        assert_eq!(look(&History::default()).judgement, Judgement::Good);
    }
}
