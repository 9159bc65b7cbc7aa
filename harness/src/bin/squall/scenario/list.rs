//! The scenarios there are.

use serde_json::json;
use squall::scenario::{self, Scenario};

use super::with_played;

/// Every scenario: those of real nodes alone, then those with played ones.
pub(super) fn all() -> Vec<Scenario> {
    [scenario::all().as_slice(), with_played::SCENARIOS].concat()
}

/// Prints them, a sentence each.
pub(super) fn show(scenarios: &[Scenario], as_json: bool) {
    if as_json {
        let list: Vec<_> = scenarios
            .iter()
            .map(|scenario| json!({ "name": scenario.name, "sentence": scenario.sentence }))
            .collect();
        say!("{:#}", json!(list));
        return;
    }
    for Scenario { name, sentence, .. } in scenarios {
        say!("{name:<24} {sentence}");
    }
}
