//! Every model of one key against trying all orders, at the first event told and at the end.

use super::*;
use crate::cross_check::brute_force;
use crate::timed::{NEVER, Timed};

/// An operation in the words of its history, and its result if it has one.
type Said = (&'static str, Json, Option<Json>);

fn list(state: &Json) -> Vec<Json> {
    state.as_array().cloned().unwrap_or_default()
}

fn with(state: &Json, element: &Json) -> Json {
    let mut elements = list(state);
    elements.push(element.clone());
    Json::Array(elements)
}

fn without(state: &Json, place: usize) -> Json {
    let mut elements = list(state);
    elements.remove(place);
    Json::Array(elements)
}

fn sorted(state: &Json) -> Json {
    let mut elements = list(state);
    elements.sort_by_key(Json::as_u64);
    elements.dedup();
    Json::Array(elements)
}

fn initial(model: ModelName) -> Json {
    match model {
        ModelName::KvAppend => json!(""),
        ModelName::ListAppend | ModelName::Set | ModelName::Queue | ModelName::Bag => json!([]),
        ModelName::Counter | ModelName::Ids => json!(0),
        _ => Json::Null,
    }
}

/// All that an operation can lead to: the result and the state after it.
fn outcomes(model: ModelName, state: &Json, f: &str, argument: &Json) -> Vec<(Json, Json)> {
    let one = |result: Json, state: Json| vec![(result, state)];
    let same = |result: Json| vec![(result, state.clone())];
    let number = || state.as_i64().unwrap();
    let place = list(state).iter().position(|element| element == argument);
    match (model, f) {
        (ModelName::KvAppend, "append") => {
            let text = state.as_str().unwrap().to_owned() + argument.as_str().unwrap();
            one(argument.clone(), json!(text))
        }
        (ModelName::ListAppend, "append") => one(argument.clone(), with(state, argument)),
        (ModelName::Counter, "add") => {
            one(argument.clone(), json!(number() + argument.as_i64().unwrap()))
        }
        (ModelName::Counter, "increment") => one(Json::Null, json!(number() + 1)),
        (_, "fetch-increment") => one(state.clone(), json!(number() + 1)),
        (_, "add") if place.is_some() => same(json!(false)),
        (_, "add") => one(json!(true), sorted(&with(state, argument))),
        (_, "remove") => match place {
            Some(place) => one(json!(true), without(state, place)),
            None => same(json!(false)),
        },
        (_, "contains") => same(json!(place.is_some())),
        (_, "read" | "get") => same(state.clone()),
        (_, "write" | "put") => one(argument.clone(), argument.clone()),
        (_, "delete") => one(Json::Null, Json::Null),
        (_, "cas") if *state == argument[0] => one(argument.clone(), argument[1].clone()),
        (_, "enqueue") => one(argument.clone(), with(state, argument)),
        (_, "dequeue") if list(state).is_empty() => same(Json::Null),
        (ModelName::Bag, "dequeue") => (0..list(state).len())
            .map(|place| (state[place].clone(), without(state, place)))
            .collect(),
        (_, "dequeue") => one(state[0].clone(), without(state, 0)),
        (_, "acquire") if state.is_null() => one(argument.clone(), json!([argument])),
        (_, "release") if *state == json!([argument]) => one(argument.clone(), Json::Null),
        _ => Vec::new(),
    }
}

/// The states after an operation, as all orders are tried.
fn step(model: ModelName, state: &Json, (f, argument, result): &Said) -> Vec<Json> {
    let alike = |found: &Json| match (model, *f, result) {
        (_, _, None) => true,
        (ModelName::Set, "read", Some(result)) => *found == sorted(result),
        // Blind: it says nothing.
        (ModelName::Set, "add" | "remove", Some(result)) if !result.is_boolean() => true,
        (_, _, Some(result)) => found == result,
    };
    let outcomes = outcomes(model, state, f, argument);
    outcomes.into_iter().filter(|(found, _)| alike(found)).map(|(_, state)| state).collect()
}

/// An operation a client may send, with values from a few.
fn invocation(
    model: ModelName,
    random: &mut Random,
    fresh: &mut u64,
    values: Values,
) -> (&'static str, Json) {
    let functions = model.functions();
    let mut f = random.pick(functions);
    if f == "generate" || random.chance(30) && functions.contains(&"read") {
        f = if model == ModelName::Ids { "fetch-increment" } else { "read" };
    }
    *fresh += 1;
    let value = match values {
        Values::Different => *fresh,
        Values::Repeated => 1 + u64::from(random.below(3)),
    };
    let argument = match (model, f) {
        (
            _,
            "read" | "get" | "contains" | "dequeue" | "fetch-increment" | "delete" | "increment",
        ) if f != "contains" => Json::Null,
        (ModelName::KvAppend, _) => json!(format!("{value},")),
        (_, "cas") => {
            let old = random.below(*fresh as u32);
            json!([if old == 0 { Json::Null } else { json!(old) }, value])
        }
        (ModelName::Counter, _) if values == Values::Different => json!(2),
        (ModelName::Set, _) => json!(1 + random.below(2)),
        (ModelName::Mutex, _) if values == Values::Different => Json::Null,
        _ => json!(value),
    };
    (f, argument)
}

/// Which values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Values {
    /// None twice; of counters one amount, of locks no owners.
    Different,
    /// A few.
    Repeated,
}

/// A short history of a few clients on one object, with lies and lost replies.
fn history(model: ModelName, values: Values, random: &mut Random) -> Vec<Event> {
    type Sent = (&'static str, Json, Option<(EventType, Json)>);
    let mut clients: Vec<(u64, Option<Sent>)> = (0..3).map(|client| (client, None)).collect();
    let mut states = vec![initial(model)];
    let (mut state, mut fresh, mut retired, mut begun) = (initial(model), 0, 3, 0);
    let (lies, lost) = (random.pick(&[0, 10, 40]), random.pick(&[0, 10, 30]));
    let blind = random.chance(30);
    let mut events = Vec::new();
    for _ in 0..6 + random.below(24) {
        let (process, sent) = &mut clients[random.below(3) as usize];
        match sent {
            None if begun < 9 => {
                begun += 1;
                let (f, argument) = invocation(model, random, &mut fresh, values);
                events.push(event(*process, EventType::Invoke, f, 0, &argument));
                *sent = Some((f, argument, None));
            }
            None => {}
            Some((f, argument, done @ None)) => {
                let lie = random.chance(lies);
                // A liar tells of a state that was.
                let told = if lie {
                    states[random.below(states.len() as u32) as usize].clone()
                } else {
                    state.clone()
                };
                let outcomes = outcomes(model, &told, f, argument);
                let mut reply = (EventType::Fail, argument.clone());
                if !outcomes.is_empty() {
                    let (result, next) =
                        outcomes[random.below(outcomes.len() as u32) as usize].clone();
                    reply = (EventType::Ok, result);
                    if !lie || random.chance(50) {
                        state = next;
                        states.push(state.clone());
                    }
                } else if lie {
                    reply = (EventType::Ok, argument.clone());
                }
                if blind && model == ModelName::Set && matches!(*f, "add" | "remove") {
                    reply.1 = Json::Null;
                }
                *done = Some(reply);
            }
            Some((f, argument, Some((kind, result)))) => {
                let is_lost = random.chance(lost);
                let kind = if is_lost { EventType::Info } else { *kind };
                let shown = if is_lost { argument } else { result };
                let mut event = event(*process, kind, f, 0, shown);
                // Otherwise it would say something of the value.
                event.error = (kind == EventType::Fail).then(|| "unavailable".into());
                events.push(event);
                *sent = None;
                if is_lost {
                    *process = retired;
                    retired += 1;
                }
            }
        }
    }
    for (index, event) in events.iter_mut().enumerate() {
        event.index = Some(index as u64);
    }
    events
}

fn is_legal(model: ModelName, events: &[Event]) -> bool {
    let mut operations: Vec<(u64, bool, Timed<Said>)> = Vec::new();
    for (position, event) in events.iter().enumerate() {
        let Process::Client(process) = event.process else { continue };
        if event.kind == EventType::Invoke {
            let f = model.functions().iter().find(|f| **f == event.f).unwrap();
            let op = (*f, event.value.clone(), None);
            let invoked = position as u32 + 1;
            operations.push((process, true, Timed { op, invoked, returned: NEVER }));
            continue;
        }
        let open = |(of, open, _): &(u64, bool, Timed<Said>)| *of == process && *open;
        let place = operations.iter().position(open).unwrap();
        operations[place].1 = false;
        match event.kind {
            EventType::Ok => {
                let timed = &mut operations[place].2;
                timed.returned = position as u32 + 1;
                timed.op.2 = Some(event.value.clone());
            }
            EventType::Fail => {
                operations.remove(place);
            }
            EventType::Info | EventType::Invoke => {}
        }
    }
    let operations: Vec<Timed<Said>> = operations.into_iter().map(|(_, _, timed)| timed).collect();
    brute_force(&operations, &initial(model), &|state: &Json, op: &Said| step(model, state, op))
}

fn show(events: &[Event]) -> Vec<String> {
    let line =
        |event: &Event| format!("{:?} {:?} {} {}", event.process, event.kind, event.f, event.value);
    events.iter().map(line).collect()
}

/// Whether a monitor judges the object from its first to its last event.
fn is_exact(model: ModelName, values: Values, events: &[Event]) -> bool {
    let deletes = events.iter().any(|event| event.f == "delete" || event.f == "cas");
    match model {
        ModelName::Register | ModelName::CasRegister | ModelName::Kv => {
            values == Values::Different && !deletes
        }
        ModelName::Counter | ModelName::Mutex => {
            values == Values::Different && !events.iter().any(|event| event.f == "increment")
        }
        ModelName::Ids => true,
        _ => false,
    }
}

/// How many histories were legal, and how many not.
fn judge(model: ModelName, values: Values, count: u32) -> (u32, u32) {
    let mut random = Random::new(model as u64 * 2 + values as u64 + 11);
    let (mut legal, mut violations) = (0, 0);
    for _ in 0..count {
        let events = history(model, values, &mut random);
        let mut builder = HistoryBuilder::default();
        let mut online = OnlineChecker::new(Some(model));
        let told = events.iter().position(|event| {
            let pushed = builder.push(1, event.clone()).unwrap();
            online.observe(builder.history(), pushed).is_some()
        });
        online.finish(builder.history());
        let Some(violation) = online.violation() else {
            let unjudged: Vec<_> = online.unjudged().collect();
            assert!(unjudged.is_empty(), "{model}: {unjudged:?} of {:#?}", show(&events));
            assert!(is_legal(model, &events), "{model}: missed in {:#?}", show(&events));
            legal += 1;
            continue;
        };
        let ended = builder.history().get(violation.operation).completed.unwrap();
        let first = ended.position() as usize;
        assert!(is_legal(model, &events[..first - 1]), "{model}: {first} of {:#?}", show(&events));
        let known = told.map_or(events.len(), |told| told + 1);
        assert!(!is_legal(model, &events[..known]), "{model}: {known} of {:#?}", show(&events));
        if is_exact(model, values, &events) {
            assert_eq!(told, Some(first - 1), "{model}: {:#?}", show(&events));
        }
        violations += 1;
    }
    (legal, violations)
}

/// Both kinds of values of a model.
fn judge_model(model: ModelName) {
    for values in [Values::Different, Values::Repeated] {
        let (legal, violations) = judge(model, values, 10_000);
        println!("{model}, {values:?}: {legal} legal, {violations} violations");
        assert!(legal > 1_000 && violations > 200, "{model}: {legal}, {violations}");
    }
}

macro_rules! models {
    ($($test:ident: $model:ident,)*) => {
        $(#[test]
        fn $test() {
            judge_model(ModelName::$model);
        })*
    };
}

models! {
    registers: Register,
    registers_with_cas: CasRegister,
    maps_by_key: Kv,
    texts: KvAppend,
    lists: ListAppend,
    sets: Set,
    counters: Counter,
    queues: Queue,
    bags: Bag,
    locks: Mutex,
    next_numbers: Ids,
}
