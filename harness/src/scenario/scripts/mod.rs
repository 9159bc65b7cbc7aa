//! The scripts that need nothing but real nodes.

mod elections;
mod majorities;
mod timing;

use super::{Cast, Scenario};

/// Every scenario of this kind, in the order of the protocol.
#[must_use]
pub fn all() -> Vec<Scenario> {
    [elections::SCENARIOS, majorities::SCENARIOS, timing::SCENARIOS].concat()
}

/// Nodes started as they are by default.
const fn plain_cast(nodes: usize) -> Cast {
    Cast { nodes, played: &[], flags: |_| &[] }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_scenario_has_a_name_and_a_sentence_of_its_own() {
        let all = all();
        let names: BTreeSet<_> = all.iter().map(|scenario| scenario.name).collect();
        let sentences: BTreeSet<_> = all.iter().map(|scenario| scenario.sentence).collect();
        assert_eq!((names.len(), sentences.len()), (all.len(), all.len()));
        assert!(names.iter().all(|name| crate::plan::is_plain_name(name)));
    }
}
