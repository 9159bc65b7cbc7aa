//! Several models in one history, each key judged by the model it names: nothing of one key may
//! bear on another.
//!
//! What is expected is what each key by itself gets under its own model, which the other
//! modules compare with brute force.

use expect_test::expect;
use serde_json::{Value as Json, json};
use squall_checker::certificate::{Certificate, KeyCertificate};
use squall_checker::formats::{Keys, ReadOptions, Written, read, write};
use squall_checker::history::{Event, History, HistoryBuilder, Outcome};
use squall_checker::model::ModelName;
use squall_checker::online::OnlineChecker;
use squall_checker::verdict::{Conclusion, KeyAnalysis, OperationId, Verdict};
use squall_checker::{Budget, CheckError, CheckOptions, Flaw, VerifyError, check, verify};

use crate::set::Offer;
use crate::trials::{Played, Random, history};
use crate::{bank, bench, counter, ids, list, map, mutex, queue, set, small, text, transactions};

/// The events of one key by themselves.
struct Part {
    model: ModelName,
    key: String,
    events: Vec<Json>,
}

/// A mixed history and the parts it is made of.
struct Mixture {
    parts: Vec<Part>,
    /// By event, the part it is of and its place there.
    origins: Vec<(usize, usize)>,
}

/// The models of one key and those of a whole history, each by a run of its own.
pub(crate) fn generated(model: ModelName, random: &mut Random) -> History {
    let seed = random.below(1 << 30) as u64;
    let mut small = small::Random::new(seed);
    let mut bench = bench::Random::new(seed);
    match model {
        ModelName::Register => history(&one_key(random, |f| f != "cas")),
        ModelName::CasRegister | ModelName::Kv => history(&one_key(random, |_| true)),
        ModelName::KvAppend => history(&text::generate(random)),
        ModelName::ListAppend => bench::as_history(&list::generate(&mut bench)),
        ModelName::Set => {
            let offer = Offer { reads: 30, removes: true, silent: 50 };
            small::recorded(&set::generate(&mut small, offer))
        }
        ModelName::Counter => bench::as_history(&counter::generate(&mut bench)),
        ModelName::Queue | ModelName::Bag => small::recorded(&queue::generate(&mut small, 20)),
        ModelName::Mutex => small::recorded(&mutex::generate(&mut small, seed.is_multiple_of(2))),
        ModelName::Ids => bench::as_history(&ids::generate(&mut bench)),
        ModelName::Bank => history(&bank::generate(random)),
        ModelName::TxnAppend => history(&transactions::generate(random, "append")),
        _ => history(&transactions::generate(random, "w")),
    }
}

/// What a map's operations did to one of its keys.
fn one_key(random: &mut Random, takes: impl Fn(&str) -> bool) -> Vec<Played> {
    let mut played = map::generate(random);
    played.retain(|one| one.deed.key == Some("a") && takes(one.deed.f));
    played
}

/// The events of a history, without keys and indices.
fn events(history: &History) -> Vec<Json> {
    let mut text = Vec::new();
    write(history, Written::Jsonl, &mut text).expect("a history that can be numbered");
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let mut event: Json = serde_json::from_slice(line).expect("an event");
            let fields = event.as_object_mut().expect("an event is a map");
            fields.remove("key");
            fields.remove("index");
            fields.remove("time");
            event
        })
        .collect()
}

/// A history of these events in this order.
fn numbered<'a>(events: impl Iterator<Item = (&'a Json, Option<&'a str>, u64)>) -> Vec<Event> {
    let numbered = (0_u64..).zip(events).map(|(index, (event, key, process))| {
        let mut event = event.clone();
        event["index"] = json!(index);
        event["time"] = json!(index * 1_000_000);
        event["process"] = json!(process);
        if let Some(key) = key {
            event["key"] = json!(key);
        }
        serde_json::from_str(&event.to_string()).expect("an event")
    });
    numbered.collect()
}

fn process(event: &Json) -> u64 {
    event["process"].as_u64().expect("a number")
}

impl Part {
    /// Its history by itself, whose key is its own or, for models of a whole history, none.
    fn alone(&self) -> Vec<Event> {
        let key = match self.model {
            ModelName::Bank | ModelName::TxnAppend | ModelName::TxnRegister => None,
            _ => Some("k"),
        };
        numbered(self.events.iter().map(|event| (event, key, process(event))))
    }
}

impl Mixture {
    /// A few parts, of which several may be of one model, whose events are shuffled into each
    /// other.
    fn generate(random: &mut Random) -> Self {
        let single: Vec<ModelName> =
            ModelName::ALL.iter().copied().filter(|model| *model != ModelName::Mixed).collect();
        let mut parts = Vec::new();
        for number in 0..2 + random.below(3) {
            let model = match (parts.last(), random.below(3)) {
                (Some(Part { model, .. }), 0) => *model,
                _ => single[random.below(single.len())],
            };
            let rest = ["", "17", "a/b", "x y", "0"][random.below(5)];
            let key = format!("{model}/{number}{rest}");
            parts.push(Part { model, key, events: events(&generated(model, random)) });
        }
        parts.retain(|part| !part.events.is_empty());
        let mut next = vec![0; parts.len()];
        let mut origins = Vec::new();
        loop {
            let left: Vec<usize> =
                (0..parts.len()).filter(|part| next[*part] < parts[*part].events.len()).collect();
            let Some(&part) = left.get(random.below(left.len().max(1))) else { break };
            // Bursts let parts precede one another, not only interleave.
            for _ in 0..=random.below(4) {
                if next[part] < parts[part].events.len() {
                    origins.push((part, next[part]));
                    next[part] += 1;
                }
            }
        }
        Self { parts, origins }
    }

    fn together(&self) -> Vec<Event> {
        let count = self.parts.len() as u64;
        numbered(self.origins.iter().map(|&(part, place)| {
            let Part { key, events, .. } = &self.parts[part];
            let event = &events[place];
            (event, Some(&**key), process(event) * count + part as u64)
        }))
    }

    /// By part, the operations of the mixed history that its own operations are.
    fn operations(&self) -> Vec<Vec<OperationId>> {
        let mut operations = vec![Vec::new(); self.parts.len()];
        let mut id = 0;
        for &(part, place) in &self.origins {
            if self.parts[part].events[place]["type"] == "invoke" {
                operations[part].push(OperationId(id));
                id += 1;
            }
        }
        operations
    }

    /// Where in the mixed history an event of a part is.
    fn position(&self, part: usize, place: usize) -> usize {
        let found = self.origins.iter().position(|origin| *origin == (part, place));
        found.expect("every event of a part has a place")
    }
}

fn of(events: &[Event]) -> History {
    History::from_events(None, events.iter().cloned()).expect("a good history")
}

fn options(model: ModelName) -> CheckOptions<'static> {
    CheckOptions { model: Some(model), ..Default::default() }
}

/// The conclusion with other names for its operations, and nothing said in words.
fn renamed(conclusion: &Conclusion, names: &[OperationId]) -> Conclusion {
    let rename = |id: &OperationId| names[id.0 as usize];
    let mut conclusion = conclusion.clone();
    match &mut conclusion {
        Conclusion::Linearizable { order } => *order = order.iter().map(rename).collect(),
        Conclusion::Unknown { .. } => {}
        Conclusion::Violation(found) => {
            found.operations = found.operations.iter().map(rename).collect();
            found.explanation.clear();
            for edge in &mut found.edges {
                (edge.from, edge.to) = (rename(&edge.from), rename(&edge.to));
            }
        }
    }
    conclusion
}

fn accepted(history: &History, certificate: &Certificate, conclusion: Conclusion) -> bool {
    let mut certificate = certificate.clone();
    certificate.verdict = conclusion.verdict();
    certificate.keys[0].conclusion = conclusion;
    verify(history, &certificate).is_ok()
}

/// The certificate with the proof of one key alone, be it of few.
fn lone(certificate: &Certificate, place: usize) -> Certificate {
    let keys = vec![certificate.keys[place].clone()];
    Certificate { verdict: Verdict::Violation, keys, ..certificate.clone() }
}

/// A conclusion with an operation dropped, added, exchanged or repeated, or of another kind.
fn spoilt(conclusion: &Conclusion, count: usize, random: &mut Random) -> Conclusion {
    let mut conclusion = conclusion.clone();
    let (operations, kind) = match &mut conclusion {
        Conclusion::Linearizable { order } => (order, None),
        Conclusion::Violation(found) => (&mut found.operations, Some(&mut found.kind)),
        Conclusion::Unknown { .. } => return conclusion,
    };
    let any = OperationId(random.below(count) as u32);
    let place = random.below(operations.len().max(1));
    match (random.below(5), kind) {
        (0, Some(kind)) => *kind = squall_checker::verdict::Contradiction::NoOrder,
        (0 | 1, _) if !operations.is_empty() => drop(operations.remove(place)),
        (2, _) if !operations.is_empty() => operations[place] = any,
        (3, _) if !operations.is_empty() => operations.swap(0, place),
        _ => operations.push(any),
    }
    conclusion
}

#[derive(Debug, Default)]
struct Tally {
    linearizable: usize,
    violations: usize,
    /// Conclusions spoilt that are refused, and that still hold.
    refused: usize,
    still_right: usize,
    foreign: usize,
}

/// Every key gets what it gets by itself, and so does every proof of it, spoilt or not.
fn judge(mixture: &Mixture, random: &mut Random, tally: &mut Tally) {
    let history = of(&mixture.together());
    let analysis = check(&history, &options(ModelName::Mixed)).expect("operations of the models");
    let certificate = Certificate::of(&analysis);
    verify(&history, &certificate).unwrap_or_else(|error| panic!("{error:?}\n{analysis:#?}"));
    assert_eq!(analysis.model, "mixed");
    let mut first_seen: Vec<usize> = Vec::new();
    for &(part, _) in &mixture.origins {
        if !first_seen.contains(&part) {
            first_seen.push(part);
        }
    }
    let keys: Vec<Option<&str>> = analysis.keys.iter().map(|key| key.key.as_deref()).collect();
    let expected: Vec<Option<&str>> =
        first_seen.iter().map(|part| Some(&*mixture.parts[*part].key)).collect();
    assert_eq!(keys, expected);
    let operations = mixture.operations();
    let mut worst = Verdict::Linearizable;
    for (place, (&part, found)) in first_seen.iter().zip(&analysis.keys).enumerate() {
        let (model, names) = (mixture.parts[part].model, &operations[part]);
        let own = of(&mixture.parts[part].alone());
        let alone = check(&own, &options(model)).expect("operations of the model");
        worst = worst.max(alone.verdict);
        same(&alone.keys[0], found, names);
        let own_certificate = Certificate::of(&alone);
        // The proof of another key by itself must fall short of this one's.
        let of_key = lone(&certificate, place);
        for _ in 0..4 {
            let conclusion = spoilt(&alone.keys[0].conclusion, names.len(), random);
            let right = accepted(&own, &own_certificate, conclusion.clone());
            let conclusion = renamed(&conclusion, names);
            let right_here = match conclusion.verdict() {
                // Which of them does not hold is told of every key.
                Verdict::Linearizable => {
                    let mut all = certificate.clone();
                    all.keys[place].conclusion = conclusion;
                    verify(&history, &all).is_ok()
                }
                _ => accepted(&history, &of_key, conclusion),
            };
            assert_eq!(right, right_here, "{model}: {analysis:#?}");
            tally.refused += usize::from(!right);
            tally.still_right += usize::from(right);
        }
        names_others(mixture, &history, &certificate, (place, part), random, tally);
    }
    assert_eq!(analysis.verdict, worst);
    match worst {
        Verdict::Violation => tally.violations += 1,
        _ => tally.linearizable += 1,
    }
}

fn same(alone: &KeyAnalysis, found: &KeyAnalysis, names: &[OperationId]) {
    assert_eq!(alone.operations, found.operations, "{alone:#?} {found:#?}");
    assert_eq!(alone.procedure, found.procedure, "{alone:#?} {found:#?}");
    let there: Vec<OperationId> = (0..1 << 12).map(OperationId).collect();
    let here = renamed(&found.conclusion, &there);
    assert_eq!(renamed(&alone.conclusion, names), here, "{found:#?}");
}

/// A proof that names an operation of another key is refused, whatever else it says.
fn names_others(
    mixture: &Mixture,
    history: &History,
    certificate: &Certificate,
    (place, part): (usize, usize),
    random: &mut Random,
    tally: &mut Tally,
) {
    let others: Vec<OperationId> = mixture
        .operations()
        .into_iter()
        .enumerate()
        .filter(|(other, _)| *other != part)
        .flat_map(|(_, operations)| operations)
        .collect();
    if others.is_empty() {
        return;
    }
    let stranger = others[random.below(others.len())];
    let mut strange = certificate.clone();
    match &mut strange.keys[place].conclusion {
        Conclusion::Linearizable { order } => order.push(stranger),
        Conclusion::Violation(found) => found.operations.push(stranger),
        Conclusion::Unknown { .. } => return,
    }
    let Err(VerifyError::Key { flaw, .. }) = verify(history, &strange) else {
        panic!("{stranger:?} is accepted at {place}: {strange:#?}");
    };
    assert_eq!(flaw, Flaw::OtherKey(stranger));
    // The proof of another key altogether.
    let mut exchanged = certificate.clone();
    let next = (place + 1) % exchanged.keys.len();
    let conclusion = exchanged.keys[next].conclusion.clone();
    let is_empty = matches!(&conclusion, Conclusion::Linearizable { order } if order.is_empty());
    exchanged.keys[place] = KeyCertificate { conclusion, ..exchanged.keys[place].clone() };
    let verdicts = exchanged.keys.iter().map(|key| key.conclusion.verdict());
    exchanged.verdict = verdicts.max().expect("a key");
    if next != place && !is_empty {
        assert!(verify(history, &exchanged).is_err(), "{exchanged:#?}");
    }
    tally.foreign += 1;
}

#[test]
fn every_key_is_judged_as_it_is_by_itself() {
    let mut random = Random::new(71);
    let mut tally = Tally::default();
    for _ in 0..8_000 {
        let mixture = Mixture::generate(&mut random);
        judge(&mixture, &mut random, &mut tally);
    }
    assert!(tally.linearizable > 1_000 && tally.violations > 2_000, "{tally:?}");
    assert!(tally.refused > 20_000 && tally.still_right > 4_000, "{tally:?}");
    assert!(tally.foreign > 8_000, "{tally:?}");
}

/// The event at which the first violation is told, with its operation; none of no event at the
/// end.
fn first_violation(events: &[Event], model: ModelName) -> Option<(Option<usize>, OperationId)> {
    let mut builder = HistoryBuilder::default();
    let mut online = OnlineChecker::new(Some(model));
    for (place, event) in events.iter().enumerate() {
        let pushed = builder.push(place + 1, event.clone()).expect("a good history");
        if let Some(found) = online.observe(builder.history(), pushed) {
            return Some((Some(place), found.operation));
        }
    }
    let found = online.finish(builder.history())?;
    Some((None, found.operation))
}

#[test]
fn the_first_violation_told_is_that_of_the_part_that_has_it_first() {
    let mut random = Random::new(72);
    let (mut told, mut at_the_end, mut none) = (0, 0, 0);
    for _ in 0..8_000 {
        let mixture = Mixture::generate(&mut random);
        let operations = mixture.operations();
        let mut expected: Vec<(usize, OperationId)> = Vec::new();
        for (number, part) in mixture.parts.iter().enumerate() {
            let found = first_violation(&part.alone(), part.model);
            expected.extend(found.map(|(place, operation)| {
                let event = place.map_or(usize::MAX, |place| mixture.position(number, place));
                (event, operations[number][operation.0 as usize])
            }));
        }
        let first = expected.iter().map(|(event, _)| *event).min();
        let found = first_violation(&mixture.together(), ModelName::Mixed);
        match (found, first) {
            (None, None) => none += 1,
            (Some((place, operation)), Some(event)) => {
                let place = place.unwrap_or(usize::MAX);
                assert_eq!(place, event);
                assert!(expected.contains(&(place, operation)), "{expected:?}");
                if event == usize::MAX { at_the_end += 1 } else { told += 1 }
            }
            (found, _) => panic!("{found:?}, expected {expected:?}"),
        }
    }
    assert!(told > 2_000 && at_the_end > 20 && none > 2_000, "{told} {at_the_end} {none}");
}

#[test]
fn what_is_judged_only_as_a_whole_is_named_by_key() {
    let lines = [
        r#"{"index":0,"process":0,"type":"invoke","f":"txn","key":"txn-append/a","value":[]}"#,
        r#"{"index":1,"process":1,"type":"invoke","f":"enqueue","key":"queue/a","value":1}"#,
        r#"{"index":2,"process":2,"type":"invoke","f":"read","key":"bank/a","value":null}"#,
        r#"{"index":3,"process":3,"type":"invoke","f":"read","key":"counter/a","value":null}"#,
    ];
    let mut builder = HistoryBuilder::default();
    let mut online = OnlineChecker::new(Some(ModelName::Mixed));
    for (number, line) in (1..).zip(lines) {
        let pushed = builder.push(number, serde_json::from_str(line).expect("an event"));
        online.observe(builder.history(), pushed.expect("a good history"));
    }
    let names = &builder.history().names;
    let unjudged: Vec<&str> =
        online.unjudged().filter_map(|(key, _)| Some(names.get(key?))).collect();
    assert_eq!(unjudged, ["bank/a"]);
}

/// A history of one successful operation for each of these keys.
fn on_keys(operations: &[(&str, &str)]) -> History {
    let mut events = Vec::new();
    for (f, key) in operations {
        for kind in ["invoke", "ok"] {
            events.push(json!({"process": 0, "type": kind, "f": f, "value": 1, "key": key}));
        }
    }
    of(&numbered(events.iter().map(|event| (event, None, 0))))
}

#[test]
fn a_key_that_names_no_model_is_an_error() {
    let errors = ["register", "Register/1", "/1", "mixed/1", ":register/1", ""].map(|key| {
        let history = on_keys(&[("write", "register/1"), ("write", key)]);
        let error = check(&history, &options(ModelName::Mixed)).expect_err("a bad key");
        let empty = Certificate {
            model: "mixed".into(),
            ..Certificate::of(
                &check(&history, &options(ModelName::Register)).expect("writes of registers"),
            )
        };
        let refused = verify(&history, &empty).expect_err("a bad key");
        assert!(matches!(refused, VerifyError::KeyNamesNoModel { operation: OperationId(1), .. }));
        format!("{error}\n{refused}\n")
    });
    expect![[r#"
        judge operation 1 (process 0): it invokes `write` on key `register`, expected a key MODEL/REST such as `register/17`, whose model judges it; known: register, cas-register, kv-append, list-append, set, counter, queue, bag, mutex, ids, kv, bank, txn-append, txn-register
        tell what judges operation 1: the history is mixed, and its key register names no model
    "#]]
    .assert_eq(&errors[0]);
    let mut keyless = on_keys(&[("write", "register/1")]);
    keyless.operations[0].key = None;
    let error = check(&keyless, &options(ModelName::Mixed)).expect_err("no key");
    assert!(matches!(&error, CheckError::KeyNamesNoModel { key: None, .. }));
    assert!(error.to_string().contains("it invokes `write` without a key, expected"), "{error}");
}

#[test]
fn a_function_is_judged_by_the_model_of_its_key() {
    let history = on_keys(&[("write", "register/1"), ("enqueue", "register/1")]);
    let error = check(&history, &options(ModelName::Mixed)).expect_err("no function of a register");
    assert!(matches!(
        error,
        CheckError::UnknownFunction { operation: OperationId(1), model: ModelName::Register, .. }
    ));
}

#[test]
fn nothing_but_a_name_makes_a_history_mixed() {
    let history = on_keys(&[("write", "register/1"), ("write", "register/2")]);
    let analysis = check(&history, &CheckOptions::default()).expect("writes of registers");
    assert_eq!(analysis.model, "register");
    let history = on_keys(&[("write", "register/1"), ("enqueue", "queue/2")]);
    let error = check(&history, &CheckOptions::default()).expect_err("two models");
    assert!(matches!(error, CheckError::NoModel { .. }));
}

#[test]
fn a_hard_key_keeps_no_other_from_being_judged() {
    let mut random = Random::new(73);
    let budget = Budget { configurations: 1, ..Budget::default() };
    let mut unknown = 0;
    for _ in 0..500 {
        let mixture = Mixture::generate(&mut random);
        let options = CheckOptions { model: Some(ModelName::Mixed), budget };
        let analysis = check(&of(&mixture.together()), &options).expect("operations of the models");
        for key in &analysis.keys {
            let is_unknown = matches!(key.conclusion, Conclusion::Unknown { .. });
            assert!(key.procedure == "search" || !is_unknown, "{key:#?}");
            unknown += usize::from(is_unknown);
        }
    }
    assert!(unknown > 100, "{unknown}");
}

#[test]
fn edn_keeps_a_mixed_history() {
    let mut random = Random::new(74);
    for _ in 0..300 {
        let history = of(&Mixture::generate(&mut random).together());
        let mut text = Vec::new();
        write(&history, Written::JepsenEdn, &mut text).expect("every operation has a key");
        let told = ReadOptions { keys: Keys::Tuples, ..ReadOptions::default() };
        let back = read(&text[..], told).expect("what was written");
        let check = |history: &History| check(history, &options(ModelName::Mixed));
        assert_eq!(check(&history), check(&back));
        let reads = history
            .iter()
            .any(|(_, operation)| operation.f() == "read" && operation.outcome != Outcome::Fail);
        if reads {
            let detected = read(&text[..], ReadOptions::default()).expect("keys are seen");
            assert_eq!(check(&detected), check(&back));
        }
    }
}
