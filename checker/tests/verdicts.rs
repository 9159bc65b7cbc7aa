//! Verdicts on whole histories: explanations as people read them, several keys, the choice
//! of the model, budgets, and what cannot be checked.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use expect_test::expect;
use squall_checker::certificate::Certificate;
use squall_checker::history::{History, read_jsonl};
use squall_checker::model::ModelName;
use squall_checker::verdict::{Analysis, Conclusion, Verdict};
use squall_checker::{Budget, CheckOptions, VerifyError, check, verify};

/// A history from lines `process type f value [key]`, a millisecond apart.
fn history(text: &str) -> History {
    let mut lines = String::new();
    for (index, line) in text.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
        let mut words = line.split_whitespace();
        let mut word = || words.next().unwrap_or("k");
        let (process, kind, f, value, key) = (word(), word(), word(), word(), word());
        let node = process.parse::<u64>().expect("a number") % 3 + 1;
        lines += &format!(
            r#"{{"index":{index},"time":{}000000,"process":{process},"node":"n{node}","type":"{kind}","f":"{f}","key":"{key}","value":{value}}}"#,
            index + 1,
        );
        lines.push('\n');
    }
    read_jsonl(lines.as_bytes()).expect("a good history")
}

fn checked(history: &History) -> Analysis {
    let analysis = check(history, &CheckOptions::default()).expect("a register");
    if analysis.verdict != Verdict::Unknown {
        let verified = verify(history, &Certificate::of(&analysis)).expect("a good certificate");
        assert_eq!(verified.verdict, analysis.verdict);
    }
    analysis
}

/// Operations and explanation of the first violated key.
fn violation(text: &str) -> String {
    let keys = checked(&history(text)).keys;
    let found = keys.into_iter().find_map(|key| match key.conclusion {
        Conclusion::Violation(counterexample) => {
            let ids: Vec<u32> = counterexample.operations.iter().map(|id| id.0).collect();
            Some(format!("{ids:?} {:?}: {}\n", counterexample.kind, counterexample.explanation))
        }
        Conclusion::Linearizable { .. } | Conclusion::Unknown { .. } => None,
    });
    found.expect("a violation")
}

#[test]
fn a_stale_read_is_explained() {
    let said = violation(
        "0 invoke write 31\n0 ok write 31\n1 invoke write 44\n1 ok write 44\n\
         2 invoke read null\n2 ok read 44\n0 invoke read null\n0 ok read 31",
    );
    expect![[r#"
        [0, 1, 3] ValueReturned: key k: n1 returned 31 to a read that began 3.00 ms after the write of 44 was acknowledged, and 44 had replaced 31: the write of 31 was acknowledged, 1.00 ms before the write of 44 began
    "#]].assert_eq(&said);
}

#[test]
fn values_that_alternate_are_explained() {
    // Both writes overlap everything, so only the reads tell.
    let said = violation(
        "0 invoke write 1\n1 invoke write 2\n2 invoke read null\n2 ok read 1\n\
         2 invoke read null\n2 ok read 2\n2 invoke read null\n2 ok read 1\n\
         0 ok write 1\n1 ok write 2",
    );
    expect![[r#"
        [0, 1, 2, 3, 4] ValueReturned: key k: n3 returned 1 to a read that began 1.00 ms after n3 had returned 2, and 2 had replaced 1: n3 had returned 1, 1.00 ms before the read of 2 by n3 began
    "#]].assert_eq(&said);
}

#[test]
fn a_lost_write_is_explained() {
    let said = violation("0 invoke write 1\n0 ok write 1\n1 invoke read null\n1 ok read null");
    expect![[r#"
        [0, 1] ValueReturned: key k: n2 returned null to a read that began 1.00 ms after the write of 1 was acknowledged, and null is only the initial value
    "#]].assert_eq(&said);
}

#[test]
fn a_read_before_its_write_is_explained() {
    let said = violation("1 invoke read null\n1 ok read 5\n0 invoke write 5\n0 info write 5");
    expect![[r#"
        [0, 1] ReadBeforeWrite: key k: n2 returned 5 to a read that ended 1.00 ms before the write of 5 on n1 began
    "#]].assert_eq(&said);
}

#[test]
fn a_value_out_of_nowhere_is_explained() {
    let said = violation("0 invoke write 4\n0 ok write 4\n1 invoke read null\n1 ok read 5");
    expect![[r#"
        [1] NeverWritten: key k: n2 returned 5 to a read, but nobody ever wrote 5
    "#]]
    .assert_eq(&said);
}

#[test]
fn the_value_of_a_failed_write_is_explained() {
    let said = violation(
        r#"0 invoke write "five"
           0 fail write "five"
           1 invoke read null
           1 ok read "five""#,
    );
    expect![[r#"
        [1] NeverWritten: key k: n2 returned "five" to a read, though every write of "five" had failed, the first on n1
    "#]].assert_eq(&said);
}

#[test]
fn a_lost_write_among_repeated_values_is_explained() {
    // Repeated values elsewhere in the key send it to the search.
    let repeated = "0 invoke write 7\n0 ok write 7\n0 invoke write 7\n0 ok write 7\n";
    let lost = "0 invoke write 5\n0 ok write 5\n1 invoke read null\n1 ok read null\n";
    let said = violation(&(lost.to_owned() + repeated));
    expect![[r#"
        [0, 1] ValueReturned: key k: n2 returned null to a read that began 1.00 ms after the write of 5 was acknowledged, and null is only the initial value
    "#]].assert_eq(&said);
}

#[test]
fn a_read_before_every_write_of_its_value_is_explained() {
    let said = violation(
        "1 invoke read null\n1 ok read 5\n0 invoke write 5\n0 ok write 5\n\
         0 invoke write 5\n0 ok write 5",
    );
    expect![[r#"
        [0, 1] ReadBeforeWrite: key k: n2 returned 5 to a read that ended 1.00 ms before the write of 5 on n1 began
    "#]].assert_eq(&said);
}

#[test]
fn a_written_initial_value_is_not_told_as_one_that_cannot_return() {
    let said = violation(
        "0 invoke write null\n0 ok write null\n0 invoke write 5\n0 ok write 5\n\
         1 invoke read null\n1 ok read null",
    );
    expect![[r#"
        [0, 1, 2] NoOrder: key k: no order of 3 operations is legal: n1 wrote null at +0 ns; n1 wrote 5 at +2.00 ms; n2 read null at +4.00 ms
    "#]].assert_eq(&said);
}

#[test]
fn a_compare_and_set_from_a_value_out_of_nowhere_is_explained() {
    let said = violation("0 invoke cas [4,5]\n0 ok cas [4,5]");
    expect![[r#"
        [0] NeverWritten: key k: n1 found 4 in a compare-and-set, but nobody ever wrote 4
    "#]]
    .assert_eq(&said);
}

#[test]
fn two_compare_and_sets_from_one_value_are_explained() {
    let said = violation(
        "0 invoke write 1\n0 ok write 1\n1 invoke cas [1,2]\n2 invoke cas [1,3]\n\
         1 ok cas [1,2]\n2 ok cas [1,3]\n0 invoke read null\n0 ok read 3",
    );
    expect![[r#"
        [0, 1, 2] ReplacedTwice: key k: n2 replaced 1 by 2 and n3 replaced it by 3, though it had been written only once
    "#]].assert_eq(&said);
}

#[test]
fn a_stale_read_among_repeated_values_stays_small() {
    // Many rounds of the same two values, then a read of the one overwritten.
    let round = "0 invoke write 1\n0 ok write 1\n1 invoke write 2\n1 ok write 2\n\
                 2 invoke read null\n2 ok read 2\n";
    let text = round.repeat(200) + "2 invoke read null\n2 ok read 1\n" + &round.repeat(50);
    let said = violation(&text);
    expect![[r#"
        [597, 598, 600] ValueReturned: key k: n3 returned 1 to a read that began 3.00 ms after the write of 2 was acknowledged, and 2 had replaced 1: the write of 1 was acknowledged, 1.00 ms before the write of 2 began
    "#]].assert_eq(&said);
}

#[test]
fn a_chain_of_compare_and_sets_stays_out_of_the_counterexample() {
    let mut text = "0 invoke write 0\n0 ok write 0\n".to_owned();
    for value in 0..100 {
        let next = value + 1;
        text += &format!("1 invoke cas [{value},{next}]\n1 ok cas [{value},{next}]\n");
    }
    text += "2 invoke read null\n2 ok read 99\n";
    let said = violation(&text);
    expect![[r#"
        [99, 100, 101] ChainInverted: key k: n3 returned 99 to a read that began 1.00 ms after the write of 100 was acknowledged, though 99 had been replaced on the way to 100
    "#]].assert_eq(&said);
}

/// A key of thirty concurrent writes of a few values, then two reads in a row that no one
/// last write can explain both: hard.
fn hard(key: &str) -> String {
    let begin = |process: u64| format!("{process} invoke write {} {key}\n", process % 7);
    let end = |process: u64| format!("{process} ok write {} {key}\n", process % 7);
    let mut text: String = (100..130).map(begin).collect();
    text.extend((100..130).map(end));
    let read = |value: u64| format!("99 invoke read null {key}\n99 ok read {value} {key}\n");
    text + &read(1) + &read(2)
}

#[test]
fn a_violation_outweighs_an_undecided_key_which_outweighs_the_rest() {
    let good = "0 invoke write 1 a\n0 ok write 1 a\n";
    let bad = "1 invoke write 1 b\n1 ok write 1 b\n1 invoke read null b\n1 ok read null b\n";
    let budget = Budget { configurations: 1000, ..Budget::default() };
    let options = CheckOptions { budget, ..CheckOptions::default() };

    let undecided = history(&(good.to_owned() + &hard("c")));
    let analysis = check(&undecided, &options).expect("a register");
    assert_eq!(analysis.verdict, Verdict::Unknown);
    let Conclusion::Unknown { reason } = &analysis.keys[1].conclusion else { panic!("unknown") };
    expect!["the search was ended after 1000 configurations; the longest legal order found has 31 of the 32 operations that ended, and none gets past the end of operation 32, at position 66 in the order of events; more configurations may decide it; a search was needed because a value was stored twice"].assert_eq(reason);
    let certificate = Certificate::of(&analysis);
    assert_eq!(verify(&undecided, &certificate), Err(VerifyError::Unknown));

    let violated = history(&(good.to_owned() + &hard("c") + bad));
    let analysis = check(&violated, &options).expect("a register");
    let verdicts: Vec<Verdict> = analysis.keys.iter().map(|key| key.conclusion.verdict()).collect();
    assert_eq!(verdicts, [Verdict::Linearizable, Verdict::Unknown, Verdict::Violation]);
    assert_eq!(analysis.verdict, Verdict::Violation);
    verify(&violated, &Certificate::of(&analysis)).expect("one violation is proof enough");
}

#[test]
fn a_stopped_check_ends_unknown() {
    let stop = AtomicBool::new(true);
    let budget = Budget { stop: Some(&stop), ..Budget::default() };
    let options = CheckOptions { budget, ..CheckOptions::default() };
    let analysis = check(&history(&hard("k")), &options).expect("a register");
    assert_eq!(analysis.verdict, Verdict::Unknown);
}

/// How long a check under `configurations` takes to return after a stop.
fn time_to_stop(history: &History, configurations: u64) -> Duration {
    let stop = AtomicBool::new(false);
    let (ended, clock) = mpsc::channel();
    thread::scope(|scope| {
        let strike = &stop;
        let timer = scope.spawn(move || {
            let timeout = clock.recv_timeout(Duration::from_secs(1));
            strike.store(true, Ordering::Relaxed);
            (timeout, Instant::now())
        });
        let budget = Budget { configurations, stop: Some(&stop), ..Budget::default() };
        let options = CheckOptions { budget, ..CheckOptions::default() };
        let analysis = check(history, &options).expect("a register");
        let returned = Instant::now();
        // The timer is gone if it struck.
        let _ = ended.send(());
        let (timeout, stopped) = timer.join().expect("the timer only waits");
        if timeout.is_ok() {
            assert_eq!(configurations, Budget::CONFIGURATIONS_DEFAULT, "it should not end");
        } else {
            assert_ne!(analysis.verdict, Verdict::Linearizable);
        }
        returned.saturating_duration_since(stopped)
    })
}

#[test]
fn a_stop_is_honoured_at_once_however_hard_the_search() {
    let writes = |kind: &str| {
        (0..24_u64).fold(String::new(), |text, process| {
            text + &format!("{process} {kind} write {}\n", process % 7)
        })
    };
    let reads = "99 invoke read null\n99 ok read 1\n99 invoke read null\n99 ok read 2\n";
    let concurrent = history(&(writes("invoke") + &writes("ok") + reads));
    for configurations in [Budget::CONFIGURATIONS_DEFAULT, u64::MAX] {
        let late = time_to_stop(&concurrent, configurations);
        assert!(late < Duration::from_millis(500), "{late:?} of {configurations}");
    }
}

#[test]
fn the_functions_seen_decide_the_model_and_an_empty_history_is_linearizable() {
    let empty = checked(&History::default());
    assert_eq!((empty.verdict, empty.model.as_str()), (Verdict::Linearizable, "register"));
    let analysis = checked(&history("0 invoke cas [null,1]\n0 ok cas [null,1]"));
    assert_eq!(analysis.model, "cas-register");
    assert_eq!(analysis.keys[0].procedure, "unique-register");
    let failed = checked(&history("0 invoke cas [4,1]\n0 fail cas [4,1]"));
    assert_eq!(failed.keys[0].procedure, "unique-register");
}

#[test]
fn repeated_values_are_never_taken_for_unique_ones() {
    for repeated in [
        "0 invoke write 1\n0 ok write 1\n0 invoke write 1\n0 ok write 1",
        "0 invoke write 1\n0 ok write 1\n1 invoke write 1\n1 info write 1",
        "0 invoke write null\n0 ok write null",
    ] {
        assert_eq!(checked(&history(repeated)).keys[0].procedure, "search", "{repeated}");
    }
}

/// An error with its sources, as a program prints it.
fn chain(error: &dyn Error) -> String {
    let sources = std::iter::successors(Some(error), |error| (*error).source());
    let said: Vec<String> = sources.map(ToString::to_string).collect();
    format!("failed to {}\n", said.join(": "))
}

#[test]
fn what_no_model_knows_is_refused() {
    let refusal = |text: &str, model| {
        let options = CheckOptions { model, ..CheckOptions::default() };
        chain(&check(&history(text), &options).expect_err("not a register"))
    };
    let cas = "0 invoke cas [1,2]\n0 ok cas [1,2]";
    let mut said = refusal(cas, Some(ModelName::Register));
    said += &refusal("0 invoke read null\n1 invoke enqueue 1", None);
    said += &refusal("0 invoke cas 5\n0 fail cas 5", None);
    let mut strange = history(cas);
    let header = r#"{"squall":1,"type":"header","system":"s","workload":"w","model":"stack","nodes":[],"seed":1}"#;
    strange.header = read_jsonl(header.as_bytes()).expect("a header").header;
    let error = check(&strange, &CheckOptions::default()).expect_err("no such model");
    said += &chain(&error);
    expect![[r#"
        failed to judge operation 0 (process 0): it invokes `cas`, but model `register` knows only read, write, delete; choose another model
        failed to judge operation 1 (process 1): no model knows its function `enqueue` together with the others of the history; known: register (read, write, delete); cas-register (read, write, cas, delete); kv-append (get, put, append); list-append (append, read); set (add, remove, contains, read); counter (add, increment, read); queue (enqueue, dequeue); bag (enqueue, dequeue); mutex (acquire, release); ids (generate, fetch-increment); kv (read, write, cas, delete); bank (transfer, read); txn-append (txn); txn-register (txn)
        failed to judge operation 0 (process 0): it invokes `cas` with value 5, expected [expected, new]
        failed to use the model that the header names; choose one explicitly: no model is called `stack`; known models: register, cas-register, kv-append, list-append, set, counter, queue, bag, mutex, ids, kv, bank, txn-append, txn-register, mixed
    "#]].assert_eq(&said);
}
