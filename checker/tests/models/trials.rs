//! Random histories of whole stores, brute force, and proofs that are spoilt.

use serde_json::{Value as Json, json};
use squall_checker::certificate::Certificate;
use squall_checker::history::{History, read_jsonl};
use squall_checker::model::ModelName;
use squall_checker::verdict::{Analysis, Conclusion, Contradiction, OperationId, Verdict};
use squall_checker::{CheckOptions, check, verify};

/// Numbers that depend on the seed alone.
pub(crate) struct Random(u64);

impl Random {
    /// Numbers of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }

    /// True in so many of a hundred cases.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Ok,
    Info,
    Fail,
}

/// An operation as the history will have it.
#[derive(Clone, Debug)]
pub(crate) struct Deed {
    pub(crate) f: &'static str,
    pub(crate) key: Option<&'static str>,
    pub(crate) argument: Json,
    pub(crate) result: Json,
    pub(crate) end: End,
    pub(crate) error: Option<&'static str>,
}

impl Deed {
    /// An operation on the whole object that returned.
    pub(crate) fn ok(f: &'static str, argument: Json, result: Json) -> Self {
        Self { f, key: None, argument, result, end: End::Ok, error: None }
    }
}

/// An operation between two events.
#[derive(Clone, Debug)]
pub(crate) struct Played {
    pub(crate) began: usize,
    pub(crate) ended: usize,
    pub(crate) deed: Deed,
}

impl Played {
    /// Whether it must have a place in every order.
    pub(crate) fn is_required(&self) -> bool {
        let refused = self.deed.f == "cas" && matches!(self.deed.error, None | Some("mismatch"));
        self.deed.end == End::Ok || self.deed.end == End::Fail && refused
    }

    /// Whether it may have one: an indeterminate read says nothing.
    pub(crate) fn takes_part(&self) -> bool {
        let only_reads = match &self.deed.argument {
            Json::Array(micros) if self.deed.f == "txn" => micros.iter().all(|it| it[0] == "r"),
            _ => matches!(self.deed.f, "read" | "get"),
        };
        self.deed.end == End::Info && !only_reads || self.is_required()
    }

    fn precedes(&self, other: &Self) -> bool {
        self.deed.end != End::Info && self.ended < other.began
    }
}

/// Overlapping operations, each of which `play` makes at one moment between its events.
pub(crate) fn record(
    random: &mut Random,
    count: usize,
    mut play: impl FnMut(&mut Random) -> Deed,
) -> Vec<Played> {
    let mut played: Vec<Played> = Vec::new();
    let mut made: Vec<Option<Deed>> = Vec::new();
    let (mut fresh, mut due): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
    let mut spans: Vec<(usize, usize)> = Vec::new();
    let mut position = 0;
    while spans.len() < count || !fresh.is_empty() || !due.is_empty() {
        position += 1;
        let open = fresh.len() + due.len();
        match random.below(3) {
            0 if spans.len() < count && open < 4 => {
                fresh.push(spans.len());
                spans.push((position, 0));
                made.push(None);
            }
            1 if !fresh.is_empty() => {
                let index = fresh.swap_remove(random.below(fresh.len()));
                made[index] = Some(play(random));
                due.push(index);
            }
            2 if !due.is_empty() => {
                let index = due.swap_remove(random.below(due.len()));
                spans[index].1 = position;
            }
            _ => {}
        }
    }
    for ((began, ended), deed) in spans.into_iter().zip(made) {
        played.push(Played { began, ended, deed: deed.expect("every operation was played") });
    }
    played
}

/// The operations as a history; they keep their places.
pub(crate) fn history(played: &[Played]) -> History {
    let mut events: Vec<(usize, String)> = Vec::new();
    for (process, Played { began, ended, deed }) in played.iter().enumerate() {
        let node = format!("n{}", process % 3 + 1);
        let mut event = json!({
            "index": began, "time": began * 1_000_000, "process": process, "node": node,
            "type": "invoke", "f": deed.f, "value": deed.argument,
        });
        if let Some(key) = deed.key {
            event["key"] = json!(key);
        }
        events.push((*began, event.to_string()));
        event["index"] = json!(ended);
        event["time"] = json!(ended * 1_000_000);
        event["value"] = deed.result.clone();
        event["type"] = json!(match deed.end {
            End::Ok => "ok",
            End::Info => "info",
            End::Fail => "fail",
        });
        if let Some(error) = deed.error {
            event["error"] = json!(error);
        }
        events.push((*ended, event.to_string()));
    }
    events.sort();
    let lines: String = events.into_iter().map(|(_, line)| line + "\n").collect();
    read_jsonl(lines.as_bytes()).expect("a history as it should be")
}

/// A sequential specification by itself: the state after an operation, if it can happen.
pub(crate) type Step<'a, State> = &'a dyn Fn(&State, &Deed) -> Option<State>;

/// Whether the operations have a legal order.
pub(crate) fn has_order<State: Clone>(
    played: &[Played],
    state: &State,
    step: Step<'_, State>,
) -> bool {
    fn go<State>(played: &[Played], state: &State, step: Step<'_, State>, taken: u32) -> bool {
        let left = |index: &usize| taken & 1 << index == 0 && played[*index].takes_part();
        let all = || (0..played.len()).filter(left);
        if !all().any(|index| played[index].is_required()) {
            return true;
        }
        all().any(|next| {
            let first = all().all(|other| !played[other].precedes(&played[next]));
            let after = if first { step(state, &played[next].deed) } else { None };
            after.is_some_and(|state| go(played, &state, step, taken | 1 << next))
        })
    }
    go(played, state, step, 0)
}

/// Whether an order is a legal one of all operations.
fn is_order<State: Clone>(
    played: &[Played],
    order: &[OperationId],
    state: &State,
    step: Step<'_, State>,
) -> bool {
    let mut state = state.clone();
    for (place, id) in order.iter().enumerate() {
        let one = &played[id.0 as usize];
        let late = order[..place].iter().any(|other| one.precedes(&played[other.0 as usize]));
        if late || order[..place].contains(id) || !one.takes_part() {
            return false;
        }
        match step(&state, &one.deed) {
            Some(after) => state = after,
            None => return false,
        }
    }
    let missing = |(place, one): (usize, &Played)| {
        one.is_required() && !order.contains(&OperationId(place as u32))
    };
    !played.iter().enumerate().any(missing)
}

/// What was seen over many histories.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) linearizable: usize,
    pub(crate) violations: usize,
    pub(crate) procedures: Vec<String>,
    pub(crate) kinds: Vec<Contradiction>,
    pub(crate) longest: String,
    pub(crate) spoilt: usize,
}

/// Checks a history that is one object, compares with brute force, and judges the proof and
/// spoilt ones.
pub(crate) fn examine<State: Clone>(
    played: &[Played],
    model: ModelName,
    state: &State,
    step: Step<'_, State>,
    random: &mut Random,
    tally: &mut Tally,
) {
    let history = history(played);
    let options = CheckOptions { model: Some(model), ..Default::default() };
    let analysis = check(&history, &options).expect("operations of the model");
    let legal = has_order(played, state, step);
    let expected = if legal { Verdict::Linearizable } else { Verdict::Violation };
    assert_eq!(analysis.verdict, expected, "{analysis:#?}\n{played:#?}");
    let Some(key) = analysis.keys.first() else { return };
    if let Err(error) = verify(&history, &Certificate::of(&analysis)) {
        panic!("{error}: {error:?}\n{analysis:#?}\n{played:#?}");
    }
    if !tally.procedures.contains(&key.procedure) {
        tally.procedures.push(key.procedure.clone());
    }
    match key.conclusion.clone() {
        Conclusion::Linearizable { order } => {
            tally.linearizable += 1;
            let spoil = |order: &[OperationId]| {
                let conclusion = Conclusion::Linearizable { order: order.to_vec() };
                (accepted(&history, &analysis, conclusion), is_order(played, order, state, step))
            };
            for spoilt in spoilt_orders(&order, played.len(), random) {
                let (accepted, right) = spoil(&spoilt);
                assert_eq!(accepted, right, "{spoilt:?} for {order:?}\n{played:#?}");
                tally.spoilt += 1;
            }
        }
        Conclusion::Violation(counterexample) => {
            tally.violations += 1;
            if !tally.kinds.contains(&counterexample.kind) {
                tally.kinds.push(counterexample.kind);
            }
            if counterexample.explanation.len() > tally.longest.len() {
                tally.longest.clone_from(&counterexample.explanation);
            }
            // What search reduced is a beginning that ends where it becomes illegal, of which a
            // transaction may be illegal by itself.
            let reduced = counterexample.kind == Contradiction::NoOrder
                && matches!(model, ModelName::TxnAppend | ModelName::TxnRegister);
            let places = if reduced { 0..0 } else { 0..counterexample.operations.len() };
            for place in places {
                let mut fewer = counterexample.clone();
                fewer.operations.remove(place);
                let refused = !accepted(&history, &analysis, Conclusion::Violation(fewer));
                assert!(refused, "without {place}: {counterexample:#?}\n{played:#?}");
                tally.spoilt += 1;
            }
            for kind in [Contradiction::HeldTwice, Contradiction::EmptyNotEmpty] {
                let other = Conclusion::Violation({
                    let mut other = counterexample.clone();
                    other.kind = kind;
                    other
                });
                assert!(!accepted(&history, &analysis, other), "{kind}: {counterexample:#?}");
                tally.spoilt += 1;
            }
        }
        Conclusion::Unknown { reason } => panic!("{reason}"),
    }
}

/// Whether the verifier accepts another conclusion in place of the one found.
pub(crate) fn accepted(history: &History, analysis: &Analysis, conclusion: Conclusion) -> bool {
    let mut other = analysis.clone();
    other.verdict = conclusion.verdict();
    other.keys[0].conclusion = conclusion;
    verify(history, &Certificate::of(&other)).is_ok()
}

/// Orders with an operation dropped, repeated, exchanged or replaced.
fn spoilt_orders(
    order: &[OperationId],
    count: usize,
    random: &mut Random,
) -> Vec<Vec<OperationId>> {
    let mut all = Vec::new();
    if order.is_empty() {
        return all;
    }
    let mut spoil = |with: &dyn Fn(&mut Vec<OperationId>)| {
        let mut spoilt = order.to_vec();
        with(&mut spoilt);
        all.push(spoilt);
    };
    let (one, other) = (random.below(order.len()), random.below(order.len()));
    let any = OperationId(random.below(count) as u32);
    spoil(&|order| {
        order.remove(one);
    });
    spoil(&|order| order.insert(other, order[one]));
    spoil(&|order| order.swap(one, other));
    spoil(&|order| order[one] = any);
    spoil(&|order| order.push(any));
    all
}
