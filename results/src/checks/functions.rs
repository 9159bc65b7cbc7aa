//! Each function that was invoked succeeded at least once.
//!
//! A function that never succeeded was not put to the test, and mostly means that workload
//! and system do not fit together: Jepsen's `stats` checker fails for it.

use super::{Found, Judgement};
use crate::summary::Service;
use crate::wording::{count, plural};

pub(super) fn look(whole: &Service) -> Found {
    if whole.functions.is_empty() {
        return Found::nothing("No operation was invoked.");
    }
    let never: Vec<_> = whole.functions.iter().filter(|(_, counts)| counts.ok == 0).collect();
    let sentence = match never.as_slice() {
        [] => {
            let functions = plural(whole.functions.len() as u64, "function", "functions");
            format!("Each of {functions} succeeded.")
        }
        some => {
            let names: Vec<&str> = some.iter().map(|(f, _)| f.as_str()).collect();
            format!("No {} succeeded.", names.join(" and no "))
        }
    };
    let details = never.iter().map(|(f, counts)| {
        let invoked = plural(counts.invoked, "operation", "operations");
        format!(
            "{f}: {invoked}, {} failed, {} indeterminate",
            count(counts.fail),
            count(counts.info)
        )
    });
    Found::new(Judgement::bad_if(!never.is_empty()), sentence).because(details.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::Counts;

    fn service(ok: &[(&str, u64)]) -> Service {
        let counts = |ok| Counts { invoked: 5, ok, fail: 5 - ok, ..Counts::default() };
        let functions = ok.iter().map(|(f, ok)| ((*f).to_owned(), counts(*ok))).collect();
        Service { functions, ..Service::default() }
    }

    #[test]
    fn a_function_that_never_succeeded_is_named() {
        let found = look(&service(&[("cas", 0), ("read", 5), ("write", 0)]));
        assert_eq!(found.judgement, Judgement::Bad);
        assert_eq!(found.sentence, "No cas and no write succeeded.");
        assert_eq!(found.details[0], "cas: 5 operations, 5 failed, 0 indeterminate");
    }

    #[test]
    fn one_success_of_each_is_enough_and_nothing_is_nothing() {
        assert_eq!(look(&service(&[("read", 1)])).judgement, Judgement::Good);
        assert_eq!(look(&Service::default()).judgement, Judgement::Nothing);
    }
}
