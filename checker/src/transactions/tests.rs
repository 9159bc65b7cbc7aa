//! Situations worth a name of their own.

use super::{ElementId, Judgement, KeyId, Names, Objects, Outcome, Transactions, decide, explain};
use crate::verdict::{Contradiction, Precedence};

const X: KeyId = KeyId(0);
const Y: KeyId = KeyId(1);

/// A transaction: its beginning, how it ended, what it wrote and read.
type Given<'a> = (u32, Outcome, &'a [(KeyId, Did<'a>)]);

#[derive(Clone, Copy)]
enum Did<'a> {
    Write(u32),
    Read(&'a [u32]),
}
use Did::{Read, Write};

fn judge(objects: Objects, given: &[Given<'_>]) -> Judgement {
    decide(&numbered(objects, given))
}

fn numbered(objects: Objects, given: &[Given<'_>]) -> Transactions {
    let mut transactions = Transactions::new(objects);
    for (invoked, outcome, accesses) in given {
        transactions.begin(*invoked, *outcome);
        for (key, did) in *accesses {
            match did {
                Write(element) => transactions.write(*key, ElementId(*element)),
                Read(list) => {
                    let list: Vec<ElementId> = list.iter().copied().map(ElementId).collect();
                    transactions.read(*key, &list);
                }
            }
        }
    }
    transactions
}

fn ok(returned: u32) -> Outcome {
    Outcome::Ok { returned }
}

#[track_caller]
fn assert_kind(judgement: &Judgement, kind: Contradiction, named: &[u32]) {
    let Judgement::Violation(anomaly) = judgement else { panic!("no violation: {judgement:?}") };
    assert_eq!((anomaly.conflict.kind, anomaly.conflict.operations.as_slice()), (kind, named));
}

#[test]
fn nothing_happened_in_order() {
    assert_eq!(judge(Objects::Lists, &[]), Judgement::Serializable(Vec::new()));
    let unread = judge(Objects::Lists, &[(1, Outcome::Info, &[(X, Write(0))])]);
    assert_eq!(unread, Judgement::Serializable(Vec::new()));
}

#[test]
fn an_indeterminate_transaction_that_was_seen_took_part_as_a_whole() {
    let both: &[_] = &[(X, Write(0)), (Y, Write(1))];
    let seen: &[_] = &[(X, Read(&[0])), (Y, Read(&[1]))];
    let half: &[_] = &[(X, Read(&[0])), (Y, Read(&[]))];
    let history = |reads| judge(Objects::Lists, &[(1, Outcome::Info, both), (2, ok(3), reads)]);
    assert_eq!(history(seen), Judgement::Serializable(vec![0, 1]));
    assert_kind(&history(half), Contradiction::GSingle, &[0, 1]);
}

#[test]
fn a_transaction_reads_its_own_appends() {
    let own: &[_] = &[(X, Write(0)), (X, Read(&[0])), (X, Write(1)), (X, Read(&[0, 1]))];
    assert_eq!(judge(Objects::Lists, &[(1, ok(2), own)]), Judgement::Serializable(vec![0]));
    let lost: &[_] = &[(X, Write(0)), (X, Read(&[]))];
    assert_kind(&judge(Objects::Lists, &[(1, ok(2), lost)]), Contradiction::Internal, &[0]);
    let early: &[_] = &[(X, Read(&[0])), (X, Write(0))];
    assert_kind(&judge(Objects::Lists, &[(1, ok(2), early)]), Contradiction::Internal, &[0]);
}

#[test]
fn a_failed_append_that_was_read_is_an_aborted_read() {
    let history: &[Given<'_>] =
        &[(1, Outcome::Fail, &[(X, Write(0))]), (2, ok(3), &[(X, Read(&[0]))])];
    assert_kind(&judge(Objects::Lists, history), Contradiction::G1a, &[0, 1]);
}

#[test]
fn two_who_append_to_what_both_saw_lose_an_update() {
    let history: &[Given<'_>] = &[
        (1, ok(4), &[(X, Read(&[])), (X, Write(0))]),
        (1, ok(4), &[(X, Read(&[])), (X, Write(1))]),
    ];
    assert_kind(&judge(Objects::Lists, history), Contradiction::LostUpdate, &[0, 1]);
}

#[test]
fn two_who_each_miss_what_the_other_wrote_are_skewed() {
    let history: &[Given<'_>] = &[
        (1, ok(4), &[(X, Read(&[])), (Y, Write(0))]),
        (1, ok(4), &[(Y, Read(&[])), (X, Write(1))]),
    ];
    assert_kind(&judge(Objects::Lists, history), Contradiction::G2, &[0, 1]);
}

#[test]
fn equal_positions_are_concurrent_and_later_ones_are_not() {
    let at = |began| {
        let reads: &[_] = &[(X, Read(&[]))];
        judge(Objects::Lists, &[(1, ok(2), &[(X, Write(0))]), (began, ok(9), reads)])
    };
    assert_eq!(at(2), Judgement::Serializable(vec![1, 0]));
    assert_kind(&at(3), Contradiction::GSingle, &[0, 1]);
    let Judgement::Violation(anomaly) = at(3) else { panic!("no violation") };
    let why: Vec<Precedence> = anomaly.edges.iter().map(|edge| edge.why).collect();
    assert_eq!(why, [Precedence::ReadWrite, Precedence::RealTime]);
}

#[test]
fn a_long_cycle_is_told_by_its_few_needed_transactions() {
    // A thousand appends one after the other, and a reader at the end that stopped at ten.
    let elements: Vec<u32> = (0..1000).collect();
    let mut transactions = Transactions::new(Objects::Lists);
    for &element in &elements {
        transactions.begin(2 * element + 1, ok(2 * element + 2));
        transactions.write(X, ElementId(element));
    }
    let list: Vec<ElementId> = elements.iter().copied().map(ElementId).collect();
    let all = transactions.begin(3000, ok(3001));
    transactions.read(X, &list);
    let stale = transactions.begin(3002, ok(3003));
    transactions.read(X, &list[..10]);
    let judgement = decide(&transactions);
    let Judgement::Violation(anomaly) = &judgement else { panic!("no violation") };
    assert_eq!(anomaly.edges.len(), 2, "{anomaly:?}");
    assert!(anomaly.conflict.operations.contains(&stale));
    assert!(!anomaly.conflict.operations.contains(&all), "a write missed needs no witness");
}

#[test]
fn preconditions_are_tested() {
    let twice: &[Given<'_>] = &[(1, ok(2), &[(X, Write(0)), (X, Write(0))])];
    let unordered: &[Given<'_>] = &[(2, ok(3), &[]), (1, ok(2), &[])];
    for history in [twice, unordered] {
        let judgement = judge(Objects::Lists, history);
        assert!(matches!(judgement, Judgement::NotApplicable(_)), "{judgement:?}");
    }
}

struct Plain;

impl Names for Plain {
    fn transaction(&self, transaction: u32) -> String {
        format!("T{transaction} (n{}, process {transaction})", transaction % 3 + 1)
    }

    fn key(&self, key: KeyId) -> String {
        if key == X { "x".to_owned() } else { "y".to_owned() }
    }

    fn element(&self, element: ElementId) -> String {
        element.0.to_string()
    }

    fn gap(&self, _ended: u32, _began: u32) -> String {
        "12 ms".to_owned()
    }
}

#[test]
fn words_say_who_missed_what_and_why_it_was_there() {
    let told = |objects, given: &[Given<'_>]| {
        let transactions = numbered(objects, given);
        let Judgement::Violation(anomaly) = decide(&transactions) else { panic!("no violation") };
        explain(&transactions, &anomaly, &Plain)
    };
    let stale: &[Given<'_>] = &[(1, ok(2), &[(X, Write(3))]), (3, ok(4), &[(X, Read(&[]))])];
    assert_eq!(
        told(Objects::Lists, stale),
        "T1 (n2, process 1) read [] of key x, so it missed 3, which T0 (n1, process 0) wrote, \
         and T0 (n1, process 0) was acknowledged 12 ms before T1 (n2, process 1) began: each \
         would have to come before the next"
    );
    let aborted: &[Given<'_>] =
        &[(1, Outcome::Fail, &[(X, Write(3))]), (3, ok(4), &[(X, Read(&[3]))])];
    assert_eq!(
        told(Objects::Registers, aborted),
        "T1 (n2, process 1) read 3 of key x, so it saw 3, which T0 (n1, process 0) had written \
         and which failed"
    );
    let lost: &[Given<'_>] = &[
        (1, ok(4), &[(X, Read(&[])), (X, Write(0))]),
        (1, ok(4), &[(X, Read(&[])), (X, Write(1))]),
    ];
    assert_eq!(
        told(Objects::Registers, lost),
        "T0 (n1, process 0) and T1 (n2, process 1) read the same state of key x and both \
         replaced it, so one of the two updates is lost"
    );
}

#[test]
fn a_register_that_goes_back_in_time_is_stale() {
    let history: &[Given<'_>] = &[
        (1, ok(2), &[(X, Write(0)), (Y, Write(1))]),
        (3, ok(4), &[(X, Write(2))]),
        (5, ok(6), &[(X, Read(&[0])), (Y, Read(&[1]))]),
    ];
    assert_kind(&judge(Objects::Registers, history), Contradiction::ValueReturned, &[0, 1, 2]);
    let kept = judge(Objects::Registers, &history[..2]);
    assert_eq!(kept, Judgement::Serializable(vec![0, 1]));
}
