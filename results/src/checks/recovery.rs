//! Every node served again once every fault was undone.
//!
//! The figures are the harness's own. A run after which some node did not is `unavailable`,
//! which outweighs whatever a check says; this one makes it visible among the others.

use super::{Evidence, Found, Judgement};
use crate::wording::{Millis, count, plural};

pub(super) fn look(evidence: &Evidence<'_>) -> Found {
    let recovered = &evidence.facts.recovered;
    if !recovered.was_looked_for() {
        return Found::nothing("The run ended before anybody looked.");
    }
    let reads = format!(
        "{} of {} answered",
        count(recovered.final_reads_ok),
        plural(recovered.final_reads_expected, "final read", "final reads"),
    );
    let sentence = match recovered.served_again_ms {
        Some(ms) => format!("Every node served again within {}; {reads}.", Millis(ms)),
        None => {
            let who = evidence.availability.sentence(evidence.facts);
            format!("Once every fault was undone, {who}; {reads}.")
        }
    };
    let details =
        recovered.nodes.iter().map(|node| match (node.served_again_ms, &node.last_answer) {
            (Some(ms), _) => format!("{}: {}", node.node, Millis(ms)),
            (None, None) => format!("{}: not in time", node.node),
            (None, Some(answer)) => format!("{}: not in time; last: {answer}", node.node),
        });
    let judgement = Judgement::bad_if(recovered.served_again_ms.is_none());
    Found::new(judgement, sentence).because(details.collect())
}
