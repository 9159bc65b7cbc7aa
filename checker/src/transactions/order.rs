//! An order that respects all links, and whether the transactions can happen in it.

use super::edges::Links;
use super::input::{ElementId, MicroOperation, Objects, Outcome, Transactions};

/// What sorting the nodes came to.
pub(super) enum Sorted {
    /// The transactions that took part, in an order that respects every link.
    Order(Vec<u32>),
    /// There are cycles, among the nodes that are marked.
    Cyclic(Vec<bool>),
}

/// Sorts the nodes so that every link leads forward (Kahn 1962), in O(nodes + links).
pub(super) fn sort(transactions: &Transactions, links: &Links) -> Sorted {
    let nodes = links.nodes as usize;
    let mut first = vec![0_u32; nodes + 1];
    let mut missing = vec![0_u32; nodes];
    for link in &links.links {
        first[link.from as usize + 1] += 1;
        missing[link.to as usize] += 1;
    }
    for node in 0..nodes {
        first[node + 1] += first[node];
    }
    let mut free = first.clone();
    let mut targets = vec![0_u32; links.links.len()];
    for link in &links.links {
        let place = &mut free[link.from as usize];
        targets[*place as usize] = link.to;
        *place += 1;
    }
    let mut sorted: Vec<u32> =
        (0..links.nodes).filter(|&node| missing[node as usize] == 0).collect();
    let mut taken = 0;
    while let Some(&node) = sorted.get(taken) {
        taken += 1;
        let (start, end) = (first[node as usize], first[node as usize + 1]);
        for &target in &targets[start as usize..end as usize] {
            missing[target as usize] -= 1;
            if missing[target as usize] == 0 {
                sorted.push(target);
            }
        }
    }
    if sorted.len() < nodes {
        return Sorted::Cyclic(missing.iter().map(|&missing| missing > 0).collect());
    }
    let took_part = |node: &u32| links.took_part.get(*node as usize).copied().unwrap_or(false);
    sorted.retain(|node| took_part(node) && (*node as usize) < transactions.len());
    Sorted::Order(sorted)
}

/// Whether the transactions can happen one after the other in this order: every read of one
/// that ended returns what is there, the order keeps real time, and nobody is missing.
///
/// Knows nothing of versions and links: plays the accesses on lists or registers.
pub(super) fn replays(transactions: &Transactions, order: &[u32]) -> bool {
    let mut states: Vec<Vec<ElementId>> = vec![Vec::new(); transactions.keys()];
    let mut played = vec![false; transactions.len()];
    let mut latest = 0;
    for &transaction in order {
        if std::mem::replace(&mut played[transaction as usize], true)
            || transactions.returned(transaction) < latest
            || transactions.outcome(transaction) == Outcome::Fail
        {
            return false;
        }
        latest = latest.max(transactions.invoked(transaction));
        for micro_operation in transactions.micro_operations(transaction) {
            match *micro_operation {
                MicroOperation::Write { key, element } => {
                    let state = &mut states[key.0 as usize];
                    if transactions.objects() == Objects::Registers {
                        state.clear();
                    }
                    state.push(element);
                }
                MicroOperation::Read { key, start, length } => {
                    let holds = states[key.0 as usize] == transactions.list(start, length);
                    if !holds && transactions.is_ok(transaction) {
                        return false;
                    }
                }
            }
        }
    }
    transactions
        .all()
        .all(|transaction| played[transaction as usize] || !transactions.is_ok(transaction))
}
