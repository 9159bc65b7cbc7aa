//! Real time as a chain of nodes, so that it takes O(n) links and not one for each pair.
//!
//! Ends are linked to the time node after them, time nodes to the next one, and a beginning
//! hangs on the last time node before it. A time node is made only where an end is followed
//! by a beginning. So there is a way from one transaction to another through time nodes
//! iff the first ended before the second began.

use super::edges::Links;
use super::input::Transactions;
use super::writes::NONE;
use crate::fault::planted;
use crate::verdict::Precedence;

/// Adds the time nodes and their links, for the transactions that took part.
pub(super) fn link(transactions: &Transactions, links: &mut Links) {
    let ends = ends(transactions, links);
    let mut pending = ends.iter().copied().peekable();
    let mut now = NONE;
    for transaction in transactions.all() {
        if !links.took_part[transaction as usize] {
            continue;
        }
        let begins = transactions.invoked(transaction);
        let before =
            if planted("transactions: real time off by one") { begins + 1 } else { begins };
        if pending.peek().is_some_and(|&(end, _)| end < before) {
            let next = links.node();
            if now != NONE {
                links.add(now, next, Precedence::RealTime);
            }
            now = next;
            while let Some((_, ended)) = pending.next_if(|&(end, _)| end < before) {
                links.add(ended, now, Precedence::RealTime);
            }
        }
        if now != NONE {
            links.add(now, transaction, Precedence::RealTime);
        }
    }
}

/// The ends of the transactions that have one, in order.
fn ends(transactions: &Transactions, links: &Links) -> Vec<(u32, u32)> {
    let took_part = |transaction: &u32| links.took_part[*transaction as usize];
    let mut ends: Vec<(u32, u32)> = transactions
        .all()
        .filter(took_part)
        .filter(|&transaction| transactions.is_ok(transaction))
        .map(|transaction| (transactions.returned(transaction), transaction))
        .collect();
    // Transactions that began in order nearly ended so, which this sort makes use of.
    ends.sort();
    ends
}
