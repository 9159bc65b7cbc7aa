//! Verdicts agree with brute force, proofs verify, counterexamples are minimal.

use squall_checker::certificate::Certificate;
use squall_checker::history::History;
use squall_checker::model::Register;
use squall_checker::search::{Searched, search};
use squall_checker::verdict::{
    Analysis, Conclusion, Contradiction, Counterexample, OperationId, Precedence, Verdict,
};
use squall_checker::{Budget, CheckOptions, check, verify};

use crate::generate::{Random, Values, as_history, as_timed, history};
use crate::oracle::{Small, is_linearization, linearizable};

/// Histories per kind of values.
const UNIQUE: u64 = 80_000;
const REPEATED: u64 = 30_000;
const WITH_CAS: u64 = 30_000;

#[test]
fn unique_values_agree_with_brute_force() {
    let violations = sweep(Values::Unique, UNIQUE);
    assert!(violations * 5 > UNIQUE, "only {violations} violations");
}

#[test]
fn repeated_values_agree_with_brute_force() {
    let violations = sweep(Values::Repeated, REPEATED);
    assert!(violations * 8 > REPEATED, "only {violations} violations");
}

#[test]
fn compare_and_sets_agree_with_brute_force() {
    let violations = sweep(Values::WithCas, WITH_CAS);
    assert!(violations * 8 > WITH_CAS, "only {violations} violations");
}

fn sweep(values: Values, count: u64) -> u64 {
    let mut violations = 0;
    for seed in 0..count {
        let operations = history(&mut Random::new(seed), values, 7);
        match disagreement(&operations) {
            Ok(Verdict::Violation) => violations += 1,
            Ok(_) => {}
            Err(what) => panic!("{values:?} seed {seed}: {what}\n{operations:#?}"),
        }
    }
    violations
}

/// Checks everything that must hold of a small history; the verdict, or what does not hold.
pub(crate) fn disagreement(operations: &[Small]) -> Result<Verdict, String> {
    let truth = linearizable(operations);
    let (timed, positions) = as_timed(operations);
    match search(&Register, &timed, &Budget::default()) {
        Searched::Linearizable(order) => {
            let order: Vec<usize> = order.iter().map(|&at| positions[at as usize]).collect();
            ensure(is_linearization(operations, &order), "the search found a wrong order")?;
        }
        Searched::Violation { .. } => ensure(!truth, "the search missed the orders there are")?,
        Searched::Exhausted(_) => return Err("the search gave up".to_owned()),
    }
    let history = as_history(operations);
    let analysis = check(&history, &CheckOptions::default()).map_err(|error| error.to_string())?;
    let certificate = Certificate::of(&analysis);
    let verified = verify(&history, &certificate).map_err(|error| error.to_string())?;
    ensure(verified.verdict == analysis.verdict, "another verdict was verified")?;
    match &analysis.keys[0].conclusion {
        Conclusion::Unknown { reason } => return Err(reason.clone()),
        Conclusion::Linearizable { order } => {
            let order: Vec<usize> = order.iter().map(|id| id.0 as usize).collect();
            ensure(is_linearization(operations, &order), "the order is wrong")?;
        }
        Conclusion::Violation(counterexample) => {
            ensure(!truth, "a violation where there is none")?;
            judge(&history, &analysis, counterexample)?;
        }
    }
    Ok(analysis.verdict)
}

/// What must hold of a counterexample that verifies.
fn judge(
    history: &History,
    analysis: &Analysis,
    counterexample: &Counterexample,
) -> Result<(), String> {
    let operations = &counterexample.operations;
    for left_out in operations {
        let fewer = operations.iter().copied().filter(|id| id != left_out).collect();
        ensure(
            !condemns(history, analysis, fewer),
            &format!("operation {} can go from {operations:?}", left_out.0),
        )?;
    }
    let with_cas = operations.iter().any(|id| history.get(*id).f() == "cas");
    if analysis.keys[0].procedure == "unique-register" && !with_cas {
        let size = match counterexample.kind {
            Contradiction::NeverWritten => 1..=1,
            Contradiction::ReadBeforeWrite => 2..=2,
            Contradiction::ValueReturned => 2..=6,
            _ => return Err("the kind is lost".to_owned()),
        };
        ensure(size.contains(&operations.len()), "an unfitting number of operations")?;
        judge_cycle(history, counterexample)?;
    } else if !counterexample.edges.is_empty() {
        judge_cycle(history, counterexample)?;
    }
    ensure(counterexample.explanation.starts_with("key k: "), &counterexample.explanation)?;
    ensure(counterexample.explanation.len() < 400, &counterexample.explanation)
}

/// Whether the verifier accepts these operations as a counterexample.
pub(crate) fn condemns(
    history: &History,
    analysis: &Analysis,
    operations: Vec<OperationId>,
) -> bool {
    let mut certificate = Certificate::of(analysis);
    certificate.verdict = Verdict::Violation;
    certificate.keys[0].conclusion = Conclusion::Violation(Counterexample {
        kind: Contradiction::NoOrder,
        operations,
        explanation: String::new(),
        edges: Vec::new(),
    });
    verify(history, &certificate).is_ok()
}

fn judge_cycle(history: &History, counterexample: &Counterexample) -> Result<(), String> {
    let edges = &counterexample.edges;
    if counterexample.kind == Contradiction::NeverWritten {
        return ensure(edges.is_empty(), "a cycle of one");
    }
    ensure(edges.len() >= 2, "no cycle")?;
    for (position, edge) in edges.iter().enumerate() {
        let next = edges[(position + 1) % edges.len()];
        ensure(edge.to == next.from, "the cycle is broken")?;
        let (from, to) = (history.get(edge.from), history.get(edge.to));
        let holds = match edge.why {
            Precedence::RealTime => {
                from.completed.is_some_and(|end| end.position() < to.invoked.position())
            }
            Precedence::ReadsFrom => from.f() == "write" && from.argument == to.result,
            Precedence::SameValue => from.f() == "read" || to.f() == "read",
            Precedence::InitialValue => from.result.is_null() && to.f() == "write",
            Precedence::WriteWrite | Precedence::ReadWrite => false,
        };
        ensure(holds, &format!("{edge:?} does not hold"))?;
    }
    Ok(())
}

fn ensure(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}
