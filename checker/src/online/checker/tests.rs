//! Growing histories, judged event by event and, as a whole, by what knows all of them.

use super::*;
use crate::check::{Budget, CheckOptions, check};
use crate::cross_check::Random;
use crate::history::{Event, EventType, HistoryBuilder, Process};
use crate::verdict::Verdict;
use serde_json::{Value as Json, json};

fn event(process: u64, kind: EventType, f: &'static str, key: usize, value: &Json) -> Event {
    Event {
        index: None,
        time: 0,
        process: Process::Client(process),
        node: None,
        kind,
        f: f.into(),
        key: Some(format!("k{key}").into()),
        value: value.clone(),
        error: None,
        revision: None,
        evidence: Json::Null,
    }
}

/// A few clients on two registers, with stale reads, failures and lost replies.
fn events(random: &mut Random) -> Vec<Event> {
    type Sent = (&'static str, usize, Json, Option<(EventType, Json)>);
    let mut clients: Vec<(u64, Option<Sent>)> = (0..4).map(|client| (client, None)).collect();
    let (mut states, mut fresh, mut retired) = ([0; 2], [0; 2], 4);
    let lies = random.pick(&[0, 10, 20]);
    let mut events = Vec::new();
    let value = |value: u32| if value == 0 { Json::Null } else { json!(value) };
    for _ in 0..20 + random.below(60) {
        let client = random.below(4) as usize;
        let (process, sent) = &mut clients[client];
        match sent {
            None => {
                let key = random.below(2) as usize;
                let (f, argument) = match random.below(5) {
                    0..3 => ("read", Json::Null),
                    kind => {
                        fresh[key] += 1;
                        let new = fresh[key];
                        match kind {
                            3 => ("write", json!(new)),
                            _ => ("cas", json!([value(states[key]), new])),
                        }
                    }
                };
                events.push(event(*process, EventType::Invoke, f, key, &argument));
                *sent = Some((f, key, argument, None));
            }
            Some((f, key, argument, done @ None)) => {
                let state = &mut states[*key];
                let old = value(random.below(fresh[*key] + 1));
                let lie = random.chance(lies);
                let reply = match *f {
                    "read" if lie => (EventType::Ok, old),
                    "read" => (EventType::Ok, value(*state)),
                    "write" => {
                        *state = argument.as_u64().unwrap() as u32;
                        (EventType::Ok, argument.clone())
                    }
                    _ if argument[0] == value(*state) || lie => {
                        *state = argument[1].as_u64().unwrap() as u32;
                        (EventType::Ok, argument.clone())
                    }
                    _ => (EventType::Fail, argument.clone()),
                };
                *done = Some(reply);
            }
            Some((f, key, argument, Some((kind, result)))) => {
                let lost = random.chance(5);
                let kind = if lost { EventType::Info } else { *kind };
                let shown = if lost { argument } else { result };
                events.push(event(*process, kind, f, *key, shown));
                *sent = None;
                if lost {
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

fn verdict(events: &[Event]) -> Verdict {
    let history = History::from_events(None, events.iter().cloned()).unwrap();
    let options = CheckOptions { model: None, budget: Budget::default() };
    check(&history, &options).unwrap().verdict
}

#[test]
fn the_first_violation_is_where_checking_prefixes_finds_it() {
    let mut random = Random::new(5);
    let (mut violations, mut others) = (0, 0);
    for _ in 0..1_500 {
        let events = events(&mut random);
        let mut builder = HistoryBuilder::default();
        let mut online = OnlineChecker::new(None);
        let first = events.iter().position(|event| {
            let pushed = builder.push(1, event.clone()).unwrap();
            online.observe(builder.history(), pushed).is_some()
        });
        // Nobody knows what is read before the first write.
        assert!(online.unjudged().all(|(_, why)| why.contains("several models")));
        match first {
            None => {
                assert_ne!(verdict(&events), Verdict::Violation);
                others += 1;
            }
            Some(first) => {
                assert_eq!(verdict(&events[..=first]), Verdict::Violation);
                assert_ne!(verdict(&events[..first]), Verdict::Violation);
                violations += 1;
            }
        }
    }
    assert!(violations > 200 && others > 200, "{violations}, {others}");
}

mod models;
