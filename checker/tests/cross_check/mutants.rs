//! The teeth of the cross-check: each deliberate fault in the rules of the linear procedure
//! must be caught on the histories the procedure is judged by.

use crate::generate::{Random, Values, history};
use crate::oracle::{Deed, Ending, Small, linearizable};

/// A rule of the procedure, got wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// A read of a value nobody wrote is ignored.
    NeverWrittenIgnored,
    /// A read that ended before its write began is ignored.
    ReadBeforeWriteIgnored,
    /// The sweep takes an end at a beginning for a contradiction.
    TiesContradict,
    /// Clusters at one position come forward before backward.
    ForwardFirst,
    /// Clusters are ranked by first ends alone.
    RankedByFirstEnd,
    /// Writes that failed take part.
    FailedWritesTakePart,
    /// The initial value is a value like others.
    InitialAnyTime,
    /// The sweep remembers only the cluster before.
    ForgetfulSweep,
    /// Reads do not extend their cluster forward.
    ReadsDoNotExtend,
}

const FAULTS: [Fault; 9] = [
    Fault::NeverWrittenIgnored,
    Fault::ReadBeforeWriteIgnored,
    Fault::TiesContradict,
    Fault::ForwardFirst,
    Fault::RankedByFirstEnd,
    Fault::FailedWritesTakePart,
    Fault::InitialAnyTime,
    Fault::ForgetfulSweep,
    Fault::ReadsDoNotExtend,
];

/// The verdict of the procedure with one fault.
fn faulty(operations: &[Small], fault: Fault) -> bool {
    const NEVER: u64 = u64::MAX;
    let end = |small: &Small| match small.ending {
        Ending::Ok(end) | Ending::Fail(end) => end,
        Ending::Never => NEVER,
    };
    let counting: Vec<&Small> = operations.iter().filter(|small| small.counts()).collect();
    let mut values: Vec<u32> = counting
        .iter()
        .map(|small| match small.deed {
            Deed::Read(value) | Deed::Write(value) | Deed::Cas(_, value) => value,
        })
        .collect();
    values.sort_unstable();
    values.dedup();
    let mut clusters = Vec::new();
    for value in values {
        let reads = || counting.iter().filter(move |small| small.deed == Deed::Read(value));
        let takes_part = |small: &&Small| small.counts() || fault == Fault::FailedWritesTakePart;
        let write =
            operations.iter().filter(takes_part).find(|small| small.deed == Deed::Write(value));
        let mut first_end = reads().map(|read| end(read)).min().unwrap_or(NEVER);
        let mut last_beginning = reads().map(|read| read.begin).max().unwrap_or(0);
        if fault == Fault::ReadsDoNotExtend {
            last_beginning = 0;
        }
        match write {
            None if value == 0 && fault != Fault::InitialAnyTime => first_end = 0,
            None if value == 0 || fault == Fault::NeverWrittenIgnored => {}
            None => return false,
            Some(write) => {
                if first_end < write.begin && fault != Fault::ReadBeforeWriteIgnored {
                    return false;
                }
                let unread = reads().count() == 0 && write.ending == Ending::Never;
                if unread {
                    continue;
                }
                first_end = first_end.min(end(write));
                last_beginning = last_beginning.max(write.begin);
            }
        }
        let backward = last_beginning <= first_end;
        let rank = match fault {
            Fault::RankedByFirstEnd => (first_end, false),
            Fault::ForwardFirst => (first_end.min(last_beginning), backward),
            _ => (first_end.min(last_beginning), !backward),
        };
        clusters.push((rank, first_end, last_beginning));
    }
    clusters.sort_unstable();
    let mut latest = 0;
    for (_, first_end, last_beginning) in clusters {
        let tie = fault == Fault::TiesContradict && first_end == latest && latest > 0;
        if first_end < latest || tie {
            return false;
        }
        latest = match fault {
            Fault::ForgetfulSweep => last_beginning,
            _ => latest.max(last_beginning),
        };
    }
    true
}

fn first_disagreement(fault: Fault) -> Option<u64> {
    (0..60_000).find(|&seed| {
        let operations = history(&mut Random::new(seed), Values::Unique, 7);
        faulty(&operations, fault) != linearizable(&operations)
    })
}

#[test]
fn the_rules_as_they_are_survive() {
    assert_eq!(first_disagreement(Fault::None), None);
}

#[test]
fn every_fault_in_the_rules_is_caught() {
    let survivors: Vec<Fault> =
        FAULTS.into_iter().filter(|fault| first_disagreement(*fault).is_none()).collect();
    assert_eq!(survivors, []);
}
