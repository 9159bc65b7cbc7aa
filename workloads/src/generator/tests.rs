//! Combinators by themselves, in time that the tests hand in.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{operation::Address, workload::Client};

const MS: Duration = Duration::from_millis(1);

/// A stream of reads of `key` without an end.
fn reads(key: &'static str) -> Box<dyn Generator> {
    Box::new(Endless(move || Invocation::read(key)))
}

fn one(of: usize) -> Client {
    Client::new(0, of, 3)
}

/// The keys asked for by a client whose operations take `takes`, with their times, until the
/// stream ends or `until` has come.
fn go(stream: &mut dyn Generator, takes: Duration, until: Duration) -> Vec<(Duration, Invocation)> {
    let (mut now, mut done) = (Duration::ZERO, Vec::new());
    while now < until {
        match stream.next(now) {
            Step::Done => break,
            Step::Wait(at) => {
                assert!(at > now, "to wait until {at:?} at {now:?} is not to wait");
                now = at;
            }
            Step::Invoke(invocation) => {
                let began = now;
                now += takes;
                stream.observe(&invocation, Ending::Ok(&serde_json::Value::Null), now);
                done.push((began, invocation));
            }
        }
    }
    done
}

fn of_key(done: &[(Duration, Invocation)], key: &str) -> usize {
    done.iter().filter(|(_, invocation)| invocation.key() == key).count()
}

#[test]
fn a_limit_ends_a_stream_by_number_or_by_time() {
    let mut few = Limit::operations(reads("a"), 3);
    assert_eq!(go(&mut few, MS, 100 * MS).len(), 3);
    let mut short = Limit::until(reads("a"), 10 * MS);
    assert_eq!(go(&mut short, MS, 100 * MS).len(), 10);
    assert_eq!(short.next(10 * MS), Step::Done);
}

#[test]
fn a_sequence_goes_on_with_the_next_when_one_has_ended() {
    let first = Box::new(Limit::operations(reads("a"), 2));
    let mut both = Sequence::new([first as Box<dyn Generator>, reads("b")]);
    let done = go(&mut both, MS, 5 * MS);
    assert_eq!((of_key(&done, "a"), of_key(&done, "b")), (2, 3));
    assert_eq!(done[1].1.key(), "a");
}

#[test]
fn no_client_passes_a_barrier_before_all_have_come_to_it() {
    let barrier = Barrier::new(2);
    let phase = |operations| {
        let before = Box::new(Limit::operations(reads("before"), operations));
        Phase::new(before, barrier.clone(), reads("after"))
    };
    let (mut quick, mut slow) = (phase(1), phase(3));
    assert_eq!(go(&mut quick, MS, 10 * MS).len(), 1, "waits for the slow one");
    let done = go(&mut slow, MS, 10 * MS);
    assert_eq!((of_key(&done, "before"), of_key(&done, "after")), (3, 7));
    assert_eq!(of_key(&go(&mut quick, MS, 10 * MS), "before"), 0, "and then goes on");
}

#[test]
fn an_operation_is_tried_until_it_succeeds() {
    let mut number = 0;
    let writes = Endless(move || {
        number += 1;
        Invocation::write("a", number)
    });
    let mut stream = UntilOk::new(writes, crate::operation::Function::Write);
    let mut tried = Vec::new();
    for ending in [Ending::Info, Ending::Fail, Ending::Ok(&serde_json::Value::Null), Ending::Info] {
        let Step::Invoke(invocation) = stream.next(MS) else { panic!("never rests") };
        tried.push(invocation.value.clone());
        stream.observe(&invocation, ending, MS);
    }
    assert_eq!(tried, [1, 1, 1, 2]);
}

#[test]
fn bursts_and_thinking_leave_pauses() {
    let mut bursts = Bursts::new(reads("a"), 5, 10 * MS);
    let times: Vec<_> = go(&mut bursts, MS, 30 * MS).into_iter().map(|(at, _)| at).collect();
    assert_eq!(times[..6], [0, 1, 2, 3, 4, 15].map(|ms| ms * MS));
    let mut thinking = Think::new(reads("a"), 1, one(1), 4 * MS);
    let done = go(&mut thinking, MS, 5_000 * MS).len();
    assert!((900..1_100).contains(&done), "{done} operations of 1 ms, with 4 ms between");
}

#[test]
fn clients_are_set_apart_in_their_order_and_the_rest_keeps_one() {
    let keys = |clients: usize| -> Vec<String> {
        let plan = Reserve::new(|_| reads("rest"))
            .set_apart(2, |client| {
                assert!(client.number < client.of, "{client:?}");
                reads("two")
            })
            .set_apart(1, |_| reads("one"));
        (0..clients)
            .map(|number| {
                let mut stream = plan.stream(Client::new(number, clients, 3));
                let Step::Invoke(invocation) = stream.next(MS) else { panic!("never rests") };
                invocation.key().to_owned()
            })
            .collect()
    };
    assert_eq!(keys(5), ["two", "two", "one", "rest", "rest"]);
    assert_eq!(keys(3), ["two", "two", "rest"]);
    assert_eq!(keys(1), ["rest"]);
}

#[test]
fn a_session_moves_on_and_leaves_what_is_addressed_alone() {
    let mut moving = Moving::new(reads("a"), Client::new(4, 8, 3), 2);
    let addresses: Vec<_> =
        go(&mut moving, MS, 6 * MS).into_iter().map(|(_, invocation)| invocation.to).collect();
    assert_eq!(addresses, [1, 1, 2, 2, 0, 0].map(Address::Node));
    let to_leader = Endless(|| Invocation::read("a").sent_to(Address::Leader));
    let mut moving = Moving::new(to_leader, one(1), 1);
    assert!(go(&mut moving, MS, 3 * MS).iter().all(|(_, op)| op.to == Address::Leader));
}

#[test]
fn no_burst_follows_an_operation_that_hung_in_a_closed_loop() {
    let schedule = Schedule::new(100, Arrivals::Closed, 1);
    let mut paced = schedule.pace(reads("a"), one(1));
    go(&mut paced, 5_000 * MS, MS);
    let due = |step| match step {
        Step::Invoke(invocation) => invocation.due,
        _ => None,
    };
    let after: Vec<_> = (0..3).map_while(|_| due(paced.next(5_000 * MS))).collect();
    assert_eq!(after, [10, 4_990, 5_000].map(|ms| ms * MS), "one is late, a few are made up for");
    assert_eq!(paced.next(5_000 * MS), Step::Wait(5_010 * MS), "the others are gone");
}

#[test]
fn a_closed_loop_makes_up_for_turns_that_came_late_by_themselves() {
    let schedule = Schedule::new(1_000, Arrivals::Closed, 1);
    let mut paced = schedule.pace(reads("a"), one(1));
    go(&mut paced, Duration::ZERO, 100 * MS);
    // Nobody asked for 300 turns, though the client was free.
    let mut taken = Vec::new();
    while let Step::Invoke(invocation) = paced.next(400 * MS) {
        taken.push(invocation.due.expect("there is a rate"));
        paced.observe(&invocation, Ending::Fail, 400 * MS);
    }
    assert!((300..=301).contains(&taken.len()), "{} turns", taken.len());
    assert!(taken.iter().all(|due| (100 * MS..=400 * MS).contains(due)));
    // An hour later all but the last half second is gone.
    let mut taken = 0;
    while let Step::Invoke(invocation) = paced.next(3_600_000 * MS) {
        taken += 1;
        paced.observe(&invocation, Ending::Fail, 3_600_000 * MS);
    }
    assert!((500..=525).contains(&taken), "{taken} turns");
}

#[test]
fn a_closed_loop_with_too_few_clients_does_not_fall_behind_more_and_more() {
    let schedule = Schedule::new(100, Arrivals::Closed, 1);
    let mut paced = schedule.pace(reads("a"), one(1));
    for (began, invocation) in go(&mut paced, 50 * MS, 10_000 * MS) {
        let due = invocation.due.expect("there is a rate");
        // The wait for one reply, and what is made up for.
        assert!(began - due <= 70 * MS, "due at {due:?}, begun at {began:?}");
    }
}

#[test]
fn an_open_loop_makes_up_for_what_it_missed_and_says_when_it_was_due() {
    let schedule = Schedule::new(100, Arrivals::Open, 1);
    let mut paced = schedule.pace(reads("a"), one(1));
    let first = go(&mut paced, 1_000 * MS, MS);
    assert_eq!(first[0].1.due, Some(Duration::ZERO));
    let late: Vec<_> = (0..50)
        .map_while(|_| match paced.next(1_000 * MS) {
            Step::Invoke(invocation) => invocation.due,
            _ => None,
        })
        .collect();
    assert_eq!(late.len(), 50);
    assert_eq!(late[..2], [10 * MS, 20 * MS]);
}

proptest! {
    #[test]
    fn a_mix_keeps_its_weights(seed: u64, weights in prop::collection::vec(0u32..10, 1..6)) {
        prop_assume!(weights.iter().sum::<u32>() > 0);
        const KEYS: [&str; 6] = ["0", "1", "2", "3", "4", "5"];
        let parts = weights.iter().zip(KEYS).map(|(weight, key)| (*weight, reads(key)));
        let mut mix = Mix::new(seed, one(1), parts);
        let done = go(&mut mix, MS, 4_000 * MS);
        let total: u32 = weights.iter().sum();
        for (weight, key) in weights.iter().zip(KEYS) {
            let share = of_key(&done, key) as f64 / 4_000.0;
            let wanted = f64::from(*weight) / f64::from(total);
            prop_assert!((share - wanted).abs() < 0.05, "{key}: {share} of {wanted}");
        }
    }

    /// A rate is held while operations are quick, and never exceeded.
    #[test]
    fn a_rate_is_held_and_never_exceeded(
        seed: u64,
        rate in 5u32..3_000,
        clients in 1usize..20,
        open: bool,
    ) {
        let arrivals = if open { Arrivals::Open } else { Arrivals::Closed };
        let schedule = Schedule::new(rate, arrivals, seed);
        let mut streams: Vec<_> = (0..clients)
            .map(|number| schedule.pace(reads("a"), Client::new(number, clients, 3)))
            .collect();
        let time = Duration::from_secs(2);
        let done: usize = streams.iter_mut().map(|stream| {
            go(stream, Duration::from_nanos(1), time).len()
        }).sum();
        let wanted = 2 * rate as usize;
        prop_assert!(done.abs_diff(wanted) <= 1 + wanted / 100, "{done} of {wanted}");
    }

    #[test]
    fn random_arrivals_come_at_the_rate(seed: u64) {
        let schedule = Schedule::new(1_000, Arrivals::Random, seed);
        let mut paced = schedule.pace(reads("a"), one(1));
        let done = go(&mut paced, Duration::ZERO, Duration::from_secs(10)).len();
        prop_assert!((9_500..10_500).contains(&done), "{done} of 10,000");
    }

    #[test]
    fn the_hotter_keys_come_first(seed: u64, exponent in 0.5f64..1.5) {
        use rand::SeedableRng;
        let choice = crate::keys::KeyChoice::zipf(10, exponent);
        let mut rng = rand::rngs::ChaCha8Rng::seed_from_u64(seed);
        let mut counts = [0u32; 10];
        for _ in 0..5_000 {
            counts[choice.draw(&mut rng)] += 1;
        }
        prop_assert!(counts[0] > counts[4] && counts[1] > counts[9], "{counts:?}");
        prop_assert!(counts.iter().all(|count| *count > 0));
    }
}

/// Clients that all do something, wait for each other, and do something else.
struct TwoPhases {
    operations: Vec<u64>,
    barrier: Barrier,
}

impl crate::workload::Workload for TwoPhases {
    fn name(&self) -> &'static str {
        "two-phases"
    }

    fn model(&self) -> squall_checker::model::ModelName {
        squall_checker::model::ModelName::Register
    }

    fn functions(&self) -> Vec<crate::operation::Function> {
        vec![crate::operation::Function::Read]
    }

    fn generator(&self, client: Client) -> Box<dyn Generator> {
        let before = Limit::operations(reads("before"), self.operations[client.number]);
        Box::new(Phase::new(Box::new(before), self.barrier.clone(), reads("after")))
    }

    fn final_reads(&self) -> Vec<Invocation> {
        Vec::new()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever becomes of operations, none of the second phase begins before all of the first
    /// have ended; and none of the first is left out.
    #[test]
    fn a_barrier_holds_under_all_conditions(
        seed: u64,
        operations in prop::collection::vec(0u64..20, 1..10),
        refused in 0u32..300,
        lost in 0u32..300,
    ) {
        use crate::rehearsal::{Conditions, rehearse};
        let clients = operations.len();
        let workload = TwoPhases { barrier: Barrier::new(clients), operations };
        let conditions = Conditions { seed, clients, refused, lost, ..Conditions::default() };
        let performed = rehearse(&workload, conditions).expect("a history").performed;
        let of = |key| performed.iter().filter(move |op| op.invocation.key() == key);
        let ended = of("before").map(|op| op.completed).max().unwrap_or_default();
        let began = of("after").map(|op| op.invoked).min();
        prop_assert!(began.is_some_and(|began| began >= ended), "{began:?} before {ended:?}");
        prop_assert_eq!(of("before").count() as u64, workload.operations.iter().sum::<u64>());
    }
}
