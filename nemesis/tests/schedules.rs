//! What every drawn schedule keeps to, whatever the seed.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use squall_nemesis::fault::{Fault, FaultKind, FaultSet, Shape, Target};
use squall_nemesis::schedule::{Repeat, STEPS_MAX, Schedule, ScheduleError, Step};

fn any_faults() -> impl Strategy<Value = FaultSet> {
    prop::collection::vec(prop::sample::select(FaultKind::ALL.to_vec()), 0..4)
        .prop_map(|kinds| kinds.into_iter().collect())
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

proptest! {
    #[test]
    fn steps_rise_never_overlap_and_end_before_the_run(
        seed: u64,
        faults in any_faults(),
        nodes in 0_usize..9,
        run_ms in 0_u64..200_000,
    ) {
        let run = Duration::from_millis(run_ms);
        let schedule = Schedule::random(seed, &faults, nodes, run);
        let mut free_at = Duration::ZERO;
        for step in &schedule.steps {
            prop_assert!(step.at >= free_at);
            prop_assert!(step.lasts >= Duration::from_millis(500));
            prop_assert!(step.lasts <= Duration::from_millis(3_500));
            prop_assert!(step.seed <= u64::from(u32::MAX));
            prop_assert!(faults.contains(step.fault.kind()));
            free_at = step.at + step.lasts + Duration::from_millis(500);
        }
        if let Some(last) = schedule.steps.last() {
            let tail = s(1).min(Duration::from_millis(run_ms / 4));
            prop_assert!(last.at + last.lasts + tail <= run);
        }
    }

    #[test]
    fn half_a_minute_meets_every_kind_and_the_leader_early(seed: u64, nodes in 3_usize..8) {
        let basic: FaultSet = "kill,pause,partition".parse().expect("three kinds");
        let schedule = Schedule::random(seed, &basic, nodes, s(30));
        prop_assert!((6..=14).contains(&schedule.steps.len()), "{}", schedule.steps.len());
        let first = &schedule.steps[0];
        prop_assert!(first.at >= Duration::from_millis(1_500) && first.at <= s(2));
        prop_assert!(schedule.steps[..3].iter().all(|step| step.fault.strikes_leader()));
        for kind in basic.kinds() {
            let of_kind: Vec<Fault> = schedule
                .steps
                .iter()
                .map(|step| step.fault.clone())
                .filter(|fault| fault.kind() == kind)
                .collect();
            prop_assert!(of_kind.len() >= 2);
            // A deck is not dealt again before it is through.
            let distinct: BTreeSet<String> = of_kind.iter().map(Fault::to_string).collect();
            prop_assert_eq!(distinct.len(), of_kind.len());
        }
    }

    #[test]
    fn a_minute_has_about_twice_the_faults_of_half_a_minute(seed: u64) {
        let count = |run| Schedule::random(seed, &FaultSet::all(), 5, run).steps.len();
        prop_assert!(count(s(600)) >= 15 * count(s(30)));
        prop_assert!(count(s(600)) <= 30 * count(s(30)));
    }

    #[test]
    fn five_seconds_have_a_fault(seed: u64, nodes in 1_usize..8) {
        prop_assert!(!Schedule::random(seed, &FaultSet::all(), nodes, s(5)).steps.is_empty());
    }

    #[test]
    fn the_seed_decides_everything(seed: u64, faults in any_faults(), nodes in 1_usize..8) {
        let draw = |seed| Schedule::random(seed, &faults, nodes, s(60));
        prop_assert_eq!(draw(seed), draw(seed));
        let meaningful = faults.kinds().any(|kind| match kind {
            FaultKind::Partition => nodes > 1,
            FaultKind::Membership => nodes > 2,
            FaultKind::Kill | FaultKind::Pause | FaultKind::Admin => true,
        });
        prop_assert_eq!(draw(seed) != draw(seed.wrapping_add(1)), meaningful);
    }

    #[test]
    fn toml_and_json_bring_a_schedule_back(seed: u64, nodes in 1_usize..8) {
        let schedule = Schedule::random(seed, &FaultSet::all(), nodes, s(30));
        let toml = toml::to_string(&schedule).expect("TOML holds every schedule");
        prop_assert_eq!(&toml::from_str::<Schedule>(&toml).expect("its own TOML"), &schedule);
        let json = serde_json::to_string(&schedule).expect("JSON holds every schedule");
        prop_assert_eq!(serde_json::from_str::<Schedule>(&json).expect("its own JSON"), schedule);
    }
}

#[test]
fn lonely_nodes_are_not_partitioned() {
    let only = |kind: FaultKind| [kind].into_iter().collect::<FaultSet>();
    let partitions = only(FaultKind::Partition);
    assert!(Schedule::random(1, &partitions, 1, s(30)).steps.is_empty());
    for step in Schedule::random(1, &partitions, 2, s(300)).steps {
        let Fault::Partition { shape } = step.fault else {
            panic!("only partitions were asked for");
        };
        assert!(!matches!(shape, Shape::Bridge | Shape::MajoritiesRing), "{shape:?}");
    }
    let alone = Fault::Kill { target: Target::One };
    let kills = Schedule::random(1, &only(FaultKind::Kill), 1, s(30));
    assert!(kills.steps.iter().all(|step| step.fault == alone));
}

#[test]
fn a_step_reads_well_in_a_plan() {
    let plan = "
        [[steps]]
        at_ms = 1500
        lasts_ms = 2000
        seed = 7
        fault = { kind = \"partition\", shape = \"isolate-leader\" }
        [[steps]]
        at_ms = 5000
        lasts_ms = 1000
        seed = 8
        fault = { kind = \"kill\", target = \"minority\" }
    ";
    let schedule: Schedule = toml::from_str(plan).expect("a plan by hand");
    let faults: Vec<String> = schedule.steps.iter().map(|step| step.fault.to_string()).collect();
    assert_eq!(faults, ["isolate-leader", "kill-minority"]);
    assert_eq!(schedule.steps[1].at, s(5));
}

#[test]
fn fault_sets_are_named_as_on_the_command_line() {
    let parse = |text: &str| text.parse::<FaultSet>();
    assert_eq!(parse("all"), Ok(FaultSet::all()));
    assert_eq!(parse("none"), Ok(FaultSet::none()));
    assert_eq!(parse("partition, kill,kill").expect("known").to_string(), "kill,partition");
    let error = parse("kill,meteor").expect_err("no such fault").to_string();
    assert_eq!(
        error,
        "recognize fault `meteor`: the faults are `kill`, `pause`, `partition`, \
         `membership`, `admin`, or `all`, or `none`"
    );
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn names(nodes: usize) -> Vec<String> {
    (1..=nodes).map(|number| format!("n{number}")).collect()
}

/// The schedule of a directed plan: one node is killed again and again while a cut leaves only
/// that one to see both others.
const DIRECTED: &str = "
    [[steps]]
    at_ms = 1000
    lasts_ms = 9000
    fault = { kind = \"partition\", shape = { groups = [[\"n1\"], [\"n2\"]] } }

    [[repeat]]
    from_ms = 1500
    until_ms = 10000
    every_ms = 300
    jitter_ms = 20
    steps = [
        { at_ms = 0, lasts_ms = 20, fault = { kind = \"kill\", target = { nodes = [\"n3\"] } } },
    ]

    [[repeat]]
    from_ms = 2000
    until_ms = 10000
    every_ms = 1000
    steps = [
        { at_ms = 0, lasts_ms = 500, seed = 9, fault = { kind = \"partition\", shape = { one-way-between = { from = [\"leader\", \"other\"], to = [\"rest\"] } } } },
    ]
";

#[test]
fn a_directed_plan_reads_well_and_comes_back() {
    let schedule: Schedule = toml::from_str(DIRECTED).expect("a plan by hand");
    assert_eq!(schedule.check(&names(3)), Ok(()));
    let steps = schedule.unrolled();
    let of = |name: &str| steps.iter().filter(|step| step.fault.to_string() == name).count();
    assert_eq!(of("groups n1|n2"), 1);
    assert!((28..=29).contains(&of("kill-n3")), "{}", of("kill-n3"));
    assert_eq!(of("one-way leader+other>rest"), 8);
    let toml = toml::to_string(&schedule).expect("TOML holds every schedule");
    assert_eq!(toml::from_str::<Schedule>(&toml).expect("its own TOML"), schedule, "{toml}");
}

proptest! {
    #[test]
    fn repetitions_keep_to_their_time_and_choose_anew(
        from_ms in 0_u64..5_000,
        length_ms in 0_u64..5_000,
        every_ms in 20_u64..1_000,
        jitter_ms in 0_u64..200,
        seed: u32,
    ) {
        let pattern = vec![
            Step { at: ms(0), lasts: ms(20), fault: Fault::Kill { target: Target::One }, seed: seed.into() },
            Step { at: ms(10), lasts: ms(50), fault: Fault::Pause { target: Target::leader_and(1) }, seed: 0 },
        ];
        let until = ms(from_ms + length_ms);
        let mut schedule = Schedule::repeat(pattern, ms(every_ms), ms(from_ms)..until);
        schedule.repeat[0].jitter = ms(jitter_ms);
        prop_assert_eq!(schedule.check(&names(3)), Ok(()));
        let steps = schedule.unrolled();
        prop_assert_eq!(&steps, &schedule.unrolled());
        prop_assert!(steps.is_sorted_by_key(|step| step.at));
        prop_assert!(steps.iter().all(|step| step.at >= ms(from_ms) && step.end() <= until));
        let whole = length_ms.saturating_sub(60 + jitter_ms) / every_ms;
        prop_assert!(steps.len() as u64 >= 2 * whole, "{} of {whole}", steps.len());
        let seeds: BTreeSet<u64> =
            steps.iter().filter(|step| step.lasts == ms(20)).map(|step| step.seed).collect();
        let kills = steps.iter().filter(|step| step.lasts == ms(20)).count();
        prop_assert_eq!(seeds.len(), kills);
    }
}

#[test]
fn what_cannot_be_carried_out_is_said() {
    let one = |fault: Fault, lasts| Schedule {
        steps: vec![Step { at: ms(0), lasts, fault, seed: 0 }],
        ..Schedule::default()
    };
    let kill = |target| Fault::Kill { target };
    let refused = |schedule: Schedule| schedule.check(&names(3)).expect_err("refused").to_string();
    assert_eq!(
        refused(one(kill(Target::node("n4")), ms(50))),
        "carry out `kill-n4`: there is no node `n4`"
    );
    assert!(refused(one(kill(Target::Nodes(vec![])), ms(50))).contains("it names nobody"));
    let twice = |member: &str| Target::Nodes(vec![member.into(), member.into()]);
    assert!(refused(one(kill(twice("leader")), ms(50))).contains("twice"));
    assert_eq!(one(kill(twice("other")), ms(50)).check(&names(3)), Ok(()));
    assert!(refused(one(kill(Target::One), ms(19))).contains("at least 20 ms"));
    let again = |every, until| {
        let step = Step { at: ms(0), lasts: ms(20), fault: kill(Target::One), seed: 0 };
        Schedule::repeat(vec![step], every, ms(0)..until)
    };
    assert_eq!(again(ms(0), s(1)).check(&names(3)), Err(ScheduleError::TooOften { every: ms(0) }));
    let endless = again(ms(20), s(1_000_000));
    assert_eq!(endless.check(&names(3)), Err(ScheduleError::TooMany));
    assert_eq!(endless.unrolled().len(), STEPS_MAX);
    let both = again(ms(100), s(1)).beside(one(kill(Target::All), ms(20)));
    assert_eq!((both.unrolled().len(), both.is_empty()), (11, false));
    let nothing = Schedule {
        repeat: vec![Repeat { steps: vec![], ..both.repeat[0].clone() }],
        ..Schedule::default()
    };
    assert!(nothing.is_empty());
}
