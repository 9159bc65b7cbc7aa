//! Clients of a store that is correct, one step at a time, and what they recorded.

use serde_json::Value as Json;
use squall_checker::history::{Event, EventType, History, Process};

use crate::random::Random;

/// What a client sends.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) f: &'static str,
    pub(crate) value: Json,
}

/// What became of it in the store.
#[derive(Clone, Debug)]
pub(crate) enum Done {
    Ok(Json),
    /// It had no effect, and the client is told so.
    Refused,
}

/// A correct store, and what its clients want of it.
pub(crate) trait Store {
    /// What the client on this slot sends next.
    fn send(&mut self, slot: usize, random: &mut Random) -> Sent;

    /// Carries it out at once.
    fn carry_out(&mut self, sent: &Sent) -> Done;

    /// Tells the client on this slot how it ended, if anybody knows.
    fn learn(&mut self, _slot: usize, _sent: &Sent, _done: Option<&Done>) {}
}

/// How much of what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) operations: usize,
    pub(crate) clients: usize,
    /// Of a hundred operations, how many replies are lost.
    pub(crate) lost_percent: usize,
}

struct Client {
    process: u64,
    flight: Option<(Sent, Option<Done>, bool)>,
}

/// The history of some clients on one key, or on none.
///
/// Of operations whose reply is lost half take effect: most of them at once, some late, when
/// their client has gone on for long.
pub(crate) fn run(
    store: &mut impl Store,
    load: Load,
    random: &mut Random,
    key: Option<&str>,
) -> History {
    let mut clients: Vec<Client> =
        (0..load.clients as u64).map(|process| Client { process, flight: None }).collect();
    let mut retired = load.clients as u64;
    let mut late: Vec<(usize, Sent)> = Vec::new();
    let mut events: Vec<Event> = Vec::with_capacity(2 * load.operations);
    let mut begun = 0;
    let mut idle = false;
    for step in 0.. {
        if begun >= load.operations && idle {
            break;
        }
        while let Some(at) = late.iter().position(|(due, _)| *due <= step) {
            let (_, sent) = late.swap_remove(at);
            store.carry_out(&sent);
        }
        let slot = random.below(clients.len());
        idle = clients.iter().all(|client| client.flight.is_none());
        let client = &mut clients[slot];
        let mut record = |kind, sent: &Sent, value: Json, process| {
            events.push(Event {
                index: Some(events.len() as u64),
                time: 100_000 * events.len() as u64,
                process: Process::Client(process),
                node: None,
                kind,
                f: sent.f.into(),
                key: key.map(|key| key.to_owned().into()),
                value,
                error: None,
                revision: None,
                evidence: Json::Null,
            });
        };
        match client.flight.take() {
            None if begun < load.operations => {
                begun += 1;
                let sent = store.send(slot, random);
                record(EventType::Invoke, &sent, sent.value.clone(), client.process);
                client.flight = Some((sent, None, random.percent(load.lost_percent)));
            }
            None => {}
            Some((sent, None, is_lost)) => {
                let done = match (is_lost, random.below(4)) {
                    (true, 0 | 1) => Done::Refused,
                    (true, 2) => {
                        let delay = *random.pick(&[10, 100, 1_000, 5_000]);
                        late.push((step + random.below(delay), sent.clone()));
                        Done::Refused
                    }
                    _ => store.carry_out(&sent),
                };
                client.flight = Some((sent, Some(done), is_lost));
            }
            Some((sent, Some(_), true)) => {
                store.learn(slot, &sent, None);
                record(EventType::Info, &sent, Json::Null, client.process);
                client.process = retired;
                retired += 1;
            }
            Some((sent, Some(done), false)) => {
                store.learn(slot, &sent, Some(&done));
                match done {
                    Done::Ok(value) => record(EventType::Ok, &sent, value, client.process),
                    Done::Refused => record(EventType::Fail, &sent, Json::Null, client.process),
                }
            }
        }
    }
    History::from_events(None, events).expect("a good history")
}
