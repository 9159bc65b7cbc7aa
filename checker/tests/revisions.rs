//! Registers with revisions, from the history on: against brute force on values alone and on
//! values with revisions.

use std::collections::BTreeSet;

use squall_checker::certificate::Certificate;
use squall_checker::history::{History, read_jsonl};
use squall_checker::verdict::{Conclusion, RevisionConclusion, Verdict};
use squall_checker::{CheckOptions, check, verify};

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) % bound
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Read,
    Write(u64),
    Delete,
    Cas(u64, u64),
}

/// An operation as it ran, with what it told; 0 is null.
#[derive(Clone, Copy, Debug)]
struct Ran {
    deed: Deed,
    process: u64,
    invoked: u64,
    /// None for indeterminate.
    returned: Option<u64>,
    seen: u64,
    revision: Option<u64>,
}

/// What may be in a history.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Reads and writes, all of them with revisions.
    Plain,
    /// Deletes and compare-and-sets too, and some tell no revision.
    Mixed,
}

/// A run of one register, and then perhaps a lie.
fn generate(random: &mut Random, kind: Kind) -> Vec<Ran> {
    let count = 2 + random.below(6);
    let (mut clock, mut open) = (0, Vec::new());
    let mut done: Vec<Ran> = Vec::new();
    let (mut value, mut revision, mut next) = (0, 0, 0);
    let mut begun = 0;
    let mut process = 0;
    while begun < count || !open.is_empty() {
        clock += 1;
        if begun < count && (open.is_empty() || random.chance(50)) {
            begun += 1;
            process += 1;
            let deed = match (random.below(10), kind) {
                (0..5, _) => Deed::Read,
                (5, Kind::Mixed) => Deed::Delete,
                (6..8, Kind::Mixed) => Deed::Cas(1 + random.below(2), 1 + random.below(2)),
                _ => Deed::Write(1 + random.below(2)),
            };
            let ran =
                Ran { deed, process, invoked: clock, returned: None, seen: 0, revision: None };
            open.push((ran, random.chance(20)));
            continue;
        }
        let (mut ran, crashed) = open.swap_remove(random.below(open.len() as u64) as usize);
        // It takes effect now, or it crashed and perhaps never does.
        let happens = !crashed || random.chance(50);
        match ran.deed {
            Deed::Cas(expected, _) if expected != value => continue,
            Deed::Read => {
                if crashed {
                    continue;
                }
                (ran.seen, ran.revision) = (value, Some(revision));
            }
            Deed::Write(new) | Deed::Cas(_, new) if happens => {
                next += 1 + random.below(2);
                (value, revision) = (new, next);
                ran.revision = Some(revision);
            }
            Deed::Delete if happens => {
                next += 1;
                (value, revision) = (0, next);
                ran.revision = Some(revision);
            }
            _ => {}
        }
        if crashed {
            ran.revision = None;
        } else {
            ran.returned = Some(clock);
            if kind == Kind::Mixed && random.chance(10) {
                ran.revision = None;
            }
        }
        done.push(ran);
    }
    if random.chance(60) && !done.is_empty() {
        let index = random.below(done.len() as u64) as usize;
        let lie = &mut done[index];
        match (lie.revision, lie.deed) {
            (Some(told), Deed::Read) if random.chance(50) => {
                (lie.seen, lie.revision) = (random.below(3), Some(told));
            }
            (Some(_), _) => lie.revision = Some(1 + random.below(5)),
            _ => {}
        }
    }
    done.sort_by_key(|ran| ran.invoked);
    done
}

/// One event a line: an operation's beginning or its end.
fn history(operations: &[Ran]) -> History {
    let mut lines: Vec<(u64, String)> = Vec::new();
    for ran in operations {
        let (f, value) = match ran.deed {
            Deed::Read => ("read", "null".to_owned()),
            Deed::Write(new) => ("write", new.to_string()),
            Deed::Delete => ("delete", "null".to_owned()),
            Deed::Cas(expected, new) => ("cas", format!("[{expected},{new}]")),
        };
        let process = ran.process;
        let line = |kind: &str, value: &str, more: &str| {
            format!(
                "\"process\":{process},\"type\":\"{kind}\",\"f\":\"{f}\",\"value\":{value}{more}}}\n"
            )
        };
        lines.push((ran.invoked, line("invoke", &value, "")));
        if let Some(returned) = ran.returned {
            let seen = if ran.seen == 0 { "null".to_owned() } else { ran.seen.to_string() };
            let result = if ran.deed == Deed::Read { seen } else { value };
            let told = ran.revision.map_or(String::new(), |told| format!(",\"revision\":{told}"));
            lines.push((returned, line("ok", &result, &told)));
        }
    }
    lines.sort();
    let text: String =
        lines.iter().map(|(index, line)| format!("{{\"index\":{index},{line}")).collect();
    read_jsonl(text.as_bytes()).expect("a history")
}

/// Whether there is a legal order, with revisions or of values alone.
///
/// Revisions are doubled, so that an indeterminate write fits between any two that were told.
fn legal(operations: &[Ran], with_revisions: bool) -> bool {
    let top = operations.iter().filter_map(|ran| ran.revision).max().unwrap_or(0);
    let mut seen = BTreeSet::new();
    // The initial revision is whatever it is.
    let initial = if with_revisions { 0..=2 * top } else { 0..=0 };
    initial
        .into_iter()
        .any(|first| go(operations, with_revisions, 2 * top + 20, 0, (0, first), &mut seen))
}

fn go(
    operations: &[Ran],
    rich: bool,
    top: u64,
    taken: u32,
    (value, revision): (u64, u64),
    seen: &mut BTreeSet<(u32, u64, u64)>,
) -> bool {
    let is_taken = |index: usize| taken >> index & 1 == 1;
    let left = || operations.iter().enumerate().filter(|(index, _)| !is_taken(*index));
    let Some(frontier) = left().filter_map(|(_, ran)| ran.returned).min() else { return true };
    if !seen.insert((taken, value, revision)) {
        return false;
    }
    let may = left().filter(|(_, ran)| ran.invoked < frontier);
    may.map(|(index, ran)| (index, *ran)).collect::<Vec<_>>().into_iter().any(|(index, ran)| {
        let taken = taken | 1 << index;
        let new = match ran.deed {
            Deed::Read => {
                let told = ran.revision.is_none_or(|told| !rich || 2 * told == revision);
                return ran.seen == value
                    && told
                    && go(operations, rich, top, taken, (value, revision), seen);
            }
            Deed::Cas(expected, _) if expected != value => return false,
            Deed::Write(new) | Deed::Cas(_, new) => new,
            Deed::Delete => 0,
        };
        let may_be = match ran.revision {
            _ if !rich => 0..=0,
            Some(told) if 2 * told <= revision => return false,
            Some(told) => 2 * told..=2 * told,
            None => revision + 1..=top,
        };
        may_be.into_iter().any(|revision| go(operations, rich, top, taken, (new, revision), seen))
    })
}

#[derive(Debug, Default)]
struct Tally {
    fit: u32,
    violated: u32,
    only_revisions: u32,
    silent: u32,
    decided_by_revisions: u32,
    violations: u32,
}

fn compare(kind: Kind, count: u32, seed: u64) -> Tally {
    let mut random = Random(seed);
    let mut tally = Tally::default();
    for _ in 0..count {
        let operations = generate(&mut random, kind);
        if !operations.iter().any(|ran| ran.returned.is_some()) {
            continue;
        }
        let history = history(&operations);
        let analysis = check(&history, &CheckOptions::default()).expect("a register");
        let plain = legal(&operations, false);
        let expected = if plain { Verdict::Linearizable } else { Verdict::Violation };
        assert_eq!(analysis.verdict, expected, "{operations:#?}");
        verify(&history, &Certificate::of(&analysis)).unwrap_or_else(|error| {
            panic!("{error}: {analysis:#?} of {operations:#?}");
        });
        let key = &analysis.keys[0];
        tally.violations += u32::from(!plain);
        tally.decided_by_revisions += u32::from(key.procedure == "revisions");
        match &key.revisions {
            Some(RevisionConclusion::Linearizable) => {
                assert!(legal(&operations, true), "no order with revisions: {operations:#?}");
                tally.fit += 1;
            }
            Some(RevisionConclusion::Violation(found)) => {
                assert!(!legal(&operations, true), "false {found:?} in {operations:#?}");
                assert!(found.explanation.len() < 300, "{}", found.explanation);
                tally.violated += 1;
                tally.only_revisions += u32::from(plain);
            }
            None => {
                let told = operations.iter().any(|ran| ran.revision.is_some());
                assert!(kind == Kind::Mixed || !told, "nothing said of {operations:#?}");
                tally.silent += 1;
            }
        }
    }
    tally
}

#[test]
fn reads_and_writes_with_revisions_are_decided_exactly() {
    let tally = compare(Kind::Plain, 15_000, 7);
    assert!(tally.fit > 3_000 && tally.violated > 3_000, "{tally:?}");
    assert!(tally.only_revisions > 1_000 && tally.violations > 500, "{tally:?}");
    assert!(tally.decided_by_revisions > 1_000, "{tally:?}");
}

#[test]
fn with_deletes_and_compare_and_sets_what_is_said_holds() {
    let tally = compare(Kind::Mixed, 15_000, 11);
    assert!(tally.fit > 2_000 && tally.violated > 1_000, "{tally:?}");
    assert!(tally.only_revisions > 500 && tally.decided_by_revisions > 500, "{tally:?}");
    assert!(tally.silent < 10_000, "{tally:?}");
}

fn told(lines: &[&str]) -> (Verdict, String, Option<RevisionConclusion>) {
    let text: String = lines
        .iter()
        .enumerate()
        .map(|(index, line)| {
            let time = (index + 1) * 1_000_000;
            format!("{{\"index\":{index},\"time\":{time},\"node\":\"n1\",{line}}}\n")
        })
        .collect();
    let history = read_jsonl(text.as_bytes()).expect("a history");
    let mut analysis = check(&history, &CheckOptions::default()).expect("a register");
    verify(&history, &Certificate::of(&analysis)).expect("a proof that holds");
    let key = analysis.keys.remove(0);
    assert!(matches!(key.conclusion, Conclusion::Linearizable { .. }));
    (analysis.verdict, key.procedure, key.revisions)
}

#[test]
fn values_that_repeat_need_no_search_where_revisions_are_told() {
    let (verdict, procedure, revisions) = told(&[
        r#""process":0,"type":"invoke","f":"write","value":5"#,
        r#""process":0,"type":"ok","f":"write","value":5,"revision":12"#,
        r#""process":0,"type":"invoke","f":"delete""#,
        r#""process":0,"type":"ok","f":"delete","revision":14"#,
        r#""process":0,"type":"invoke","f":"write","value":5"#,
        r#""process":0,"type":"ok","f":"write","value":5,"revision":19"#,
    ]);
    assert_eq!((verdict, procedure.as_str()), (Verdict::Linearizable, "revisions"));
    assert_eq!(revisions, Some(RevisionConclusion::Linearizable));
}

#[test]
fn revisions_that_go_back_are_told_apart_from_the_verdict() {
    let (verdict, procedure, revisions) = told(&[
        r#""process":0,"type":"invoke","f":"write","value":5"#,
        r#""process":0,"type":"ok","f":"write","value":5,"revision":12"#,
        r#""process":0,"type":"invoke","f":"write","value":6"#,
        r#""process":0,"type":"ok","f":"write","value":6,"revision":11"#,
    ]);
    assert_eq!((verdict, procedure.as_str()), (Verdict::Linearizable, "unique-register"));
    let Some(RevisionConclusion::Violation(found)) = revisions else { panic!("{revisions:?}") };
    assert_eq!(
        found.explanation,
        "the write of 5 on n1 (operation 0) told revision 12 and had ended before the write of \
         6 on n1 (operation 1) began, which told revision 11"
    );
}
