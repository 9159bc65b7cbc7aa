//! Transactions judged while they are recorded: a contradiction is told at one of the next
//! looks, never where there is none, whatever was in flight at a look.

use squall_checker::{
    CheckOptions, check,
    history::{Event, History, HistoryBuilder},
    model::ModelName,
    online::OnlineChecker,
    verdict::Verdict,
};

/// Clients at once.
const CLIENTS: u64 = 7;

/// Read-modify-writes on a few registers by clients whose operations overlap: each begins
/// while others are in flight and takes effect when it ends. Operation `stale` returns what
/// its register held two versions before. Every so often one is indeterminate.
fn events(transactions: u64, stale: Option<u64>, key: Option<&str>) -> Vec<String> {
    let mut state: Vec<Vec<u64>> = vec![Vec::new(); 5];
    let mut lines = Vec::new();
    let mut processes: Vec<u64> = (0..CLIENTS).collect();
    let mut next_process = CLIENTS;
    let key = key.map(|key| format!(r#""key":"{key}","#)).unwrap_or_default();
    let line = |lines: &mut Vec<String>, process: u64, kind: &str, value: &str| {
        let index = lines.len();
        lines.push(format!(
            r#"{{"index":{index},"process":{process},"type":"{kind}","f":"txn",{key}"value":{value}}}"#
        ));
    };
    for number in 0..transactions + CLIENTS {
        if number >= CLIENTS {
            let ending = number - CLIENTS;
            let client = (ending % CLIENTS) as usize;
            let register = (ending * 3 % 5) as usize;
            let held = &mut state[register];
            let old = if stale == Some(ending) {
                held.len().checked_sub(3)
            } else {
                held.len().checked_sub(1)
            };
            let found = old.map_or("null".to_owned(), |at| held[at].to_string());
            let new = ending + 1;
            let asked = format!(r#"[["r","{register}",null],["w","{register}",{new}]]"#);
            let done = format!(r#"[["r","{register}",{found}],["w","{register}",{new}]]"#);
            let lost = ending % 50 == 49;
            if !lost || ending % 100 == 49 {
                held.push(new);
            }
            line(
                &mut lines,
                processes[client],
                if lost { "info" } else { "ok" },
                if lost { &asked } else { &done },
            );
            if lost {
                processes[client] = next_process;
                next_process += 1;
            }
        }
        if number < transactions {
            let client = (number % CLIENTS) as usize;
            let register = number * 3 % 5;
            let new = number + 1;
            let asked = format!(r#"[["r","{register}",null],["w","{register}",{new}]]"#);
            line(&mut lines, processes[client], "invoke", &asked);
        }
    }
    lines
}

/// The operation at which a violation was told, at which event; and the history.
fn observed(lines: &[String], model: ModelName) -> (Option<(u32, usize)>, History) {
    let mut builder = HistoryBuilder::default();
    let mut online = OnlineChecker::new(Some(model));
    let mut told = None;
    for (number, line) in lines.iter().enumerate() {
        let event: Event = serde_json::from_str(line).expect("an event");
        let pushed = builder.push(number + 1, event).expect("a good history");
        if let Some(violation) = online.observe(builder.history(), pushed) {
            told = Some((violation.operation.0, number));
        }
    }
    (told, builder.finish())
}

fn verdict(history: &History, model: ModelName) -> Verdict {
    let options = CheckOptions { model: Some(model), ..CheckOptions::default() };
    check(history, &options).expect("transactions").verdict
}

#[test]
fn nothing_is_told_of_transactions_that_fit_one_order() {
    let (told, history) = observed(&events(4_000, None, None), ModelName::TxnRegister);
    assert_eq!(verdict(&history, ModelName::TxnRegister), Verdict::Linearizable);
    assert_eq!(told, None);
}

#[test]
fn a_stale_read_is_told_at_one_of_the_next_looks() {
    for stale in [300, 1_000, 2_900] {
        let lines = events(4_000, Some(stale), None);
        let (told, history) = observed(&lines, ModelName::TxnRegister);
        assert_eq!(verdict(&history, ModelName::TxnRegister), Verdict::Violation);
        let (operation, event) = told.unwrap_or_else(|| panic!("{stale} is not told"));
        assert!(operation.abs_diff(stale as u32) <= 20, "{stale}: told of {operation}");
        let look = 2 * (stale as usize + 300 + stale as usize / 16);
        assert!(event <= look, "{stale}: told at event {event}, not by {look}");
    }
}

#[test]
fn in_a_mixed_history_each_key_is_an_object_and_elsewhere_keys_end_the_judging() {
    let lines = events(2_000, Some(700), Some("txn-register/bank"));
    let (told, _) = observed(&lines, ModelName::Mixed);
    assert!(told.is_some());
    let (told, _) = observed(&lines, ModelName::TxnRegister);
    assert_eq!(told, None, "transactions with keys are one object, judged at the end");
}
