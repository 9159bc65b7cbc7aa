//! Histories of other tools: checked, proven, and written in another format.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use crate::squall::{Place, code, finish, said, squall};

/// A stale read, as Jepsen keeps it.
const EDN: &str = "\
{:type :invoke, :f :write, :value [7 3], :process 0, :time 1000000, :index 0}
{:type :ok, :f :write, :value [7 3], :process 0, :time 2500000, :index 1}
{:type :invoke, :f :read, :value [7 nil], :process 1, :time 3000000, :index 2}
{:type :ok, :f :read, :value [7 nil], :process 1, :time 4000000, :index 3}
";

/// A legal history, as Jepsen prints it.
const LOG: &str = "\
INFO  jepsen.util - 0\t:invoke\t:write\t3
INFO  jepsen.util - 0\t:info\t:write\t:timed-out
INFO  jepsen.util - 1\t:invoke\t:cas\t[3 4]
INFO  jepsen.util - 1\t:ok\t:cas\t[3 4]
INFO  jepsen.util - 2\t:invoke\t:read\tnil
INFO  jepsen.util - 2\t:ok\t:read\t4
";

fn fed(args: &str, input: &str) -> (i32, String) {
    let mut command: Command = squall(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("squall reads its standard input");
    drop(stdin);
    let output = child.wait_with_output().expect("the binary runs");
    (code(&output), said(&output))
}

#[test]
fn every_format_is_told_by_its_beginning_and_proven() {
    let place = Place::new();
    let proof = place.path().join("proof.json");
    let proof = proof.display();
    for (name, text, verdict) in [("stale.edn", EDN, 10), ("legal.log", LOG, 0)] {
        let history = place.file(name, text);
        let (code, said) = finish(squall(&format!("check {history} --certificate {proof}")));
        assert_eq!(code, verdict, "{said}");
        let (code, said) = finish(squall(&format!("verify {history} {proof}")));
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("verified"), "{said}");
    }
}

#[test]
fn a_counterexample_is_told_operation_by_operation() {
    let place = Place::new();
    let history = place.file("stale.edn", EDN);
    let (code, said) = finish(squall(&format!("check {history}")));
    assert_eq!(code, 10, "{said}");
    assert!(said.contains("operation 0: process 0: write 3 -> ok, +0.000 to +1.500 ms"), "{said}");
    assert!(said.contains("operation 1: process 1: read -> null, +2.000 to +3.000 ms"), "{said}");
}

#[test]
fn standard_input_is_a_history_too() {
    let (code, said) = fed("check -", LOG);
    assert_eq!(code, 0, "{said}");
    let (code, said) = fed("check - --format jepsen-edn --keys tuples", EDN);
    assert_eq!(code, 10, "{said}");
    let (code, said) = fed("check - --follow", LOG);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("standard input") && said.contains("JSONL"), "{said}");
}

#[test]
fn a_format_that_is_stated_is_not_guessed() {
    let place = Place::new();
    let history = place.file("legal.log", LOG);
    let (code, said) = finish(squall(&format!("check {history} --format jsonl")));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("legal.log") && said.contains("line 1"), "{said}");
    let (code, said) = finish(squall(&format!("check {history} --format xml")));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("jepsen-edn") && said.contains("porcupine-kv"), "{said}");
}

#[test]
fn errors_name_the_file_the_line_and_what_was_expected() {
    let place = Place::new();
    for (name, text, words) in [
        ("prose.txt", "Dear Sir,\n", &["prose.txt", "find an event on line 1"][..]),
        ("bad.edn", &EDN.replace(":ok, :f :write", ":okay, :f :write"), &["line 2", "`:ok`"]),
        (
            "torn.log",
            &LOG.replace(":cas\t[3 4]\nINFO  jepsen.util - 1\t:ok", ":cas\t[3\n"),
            &["line 3"],
        ),
        (
            "vague.edn",
            "{:process 0, :type :invoke, :f :write, :value [3 4]}\n",
            &["line 1", "tuple of key and value"],
        ),
    ] {
        let history = place.file(name, text);
        let (code, said) = finish(squall(&format!("check {history}")));
        assert_eq!(code, 2, "{name}: {said}");
        for word in words {
            assert!(said.contains(word), "{name}: `{word}` is not in: {said}");
        }
    }
}

#[test]
fn a_history_is_converted_there_and_back() {
    let place = Place::new();
    let path = |name: &str| place.path().join(name).display().to_string();
    let log = place.file("legal.log", LOG);
    for (from, to) in [
        (log.clone(), path("one.jsonl")),
        (path("one.jsonl"), path("two.edn")),
        (path("two.edn"), path("three.jsonl")),
    ] {
        let (code, said) = finish(squall(&format!("convert {from} {to}")));
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("3 operations written to"), "{said}");
        let (code, said) = finish(squall(&format!("check {to}")));
        assert_eq!(code, 0, "{said}");
    }
    let read = |name| std::fs::read_to_string(path(name)).expect("it was written");
    assert_eq!(read("one.jsonl"), read("three.jsonl"));
    assert!(read("two.edn").contains(":type :info, :f :write"), "{}", read("two.edn"));
}

#[test]
fn a_conversion_that_would_lose_something_is_refused() {
    let place = Place::new();
    let log = place.file("legal.log", LOG);
    let copy = place.path().join("copy.txt").display().to_string();
    for (args, words) in [
        (format!("convert {log} {copy}"), &["copy.txt", "--to"][..]),
        (format!("convert {log} {log} --to jsonl"), &["legal.log", "the history itself"]),
        (format!("convert {log} {copy} --to csv"), &["csv", "jepsen-edn"]),
        (format!("convert {copy} {log} --to jsonl"), &["copy.txt"]),
    ] {
        let (code, said) = finish(squall(&args));
        assert_eq!(code, 2, "{args}: {said}");
        for word in words {
            assert!(said.contains(word), "{args}: `{word}` is not in: {said}");
        }
    }
    assert_eq!(std::fs::read_to_string(&log).ok().as_deref(), Some(LOG));
    let away = place.path().join("away/out.jsonl").display().to_string();
    let (code, said) = finish(squall(&format!("convert {log} {away}")));
    assert_eq!(code, 12, "{said}");
}

#[test]
fn a_budget_is_time_memory_or_both() {
    let place = Place::new();
    let log = place.file("legal.log", LOG);
    for budget in ["5s", "64MiB", "5s,64MiB"] {
        let (code, said) = finish(squall(&format!("check {log} --budget {budget}")));
        assert_eq!(code, 0, "{said}");
    }
    for budget in ["5", "much", "5s,6s", "0MiB"] {
        let (code, said) = finish(squall(&format!("check {log} --budget {budget}")));
        assert_eq!(code, 2, "{said}");
        assert!(said.contains("`60s,2GiB`"), "{said}");
    }
}

#[test]
fn help_lists_every_model_with_what_it_is() {
    let (code, said) = finish(squall("check --help"));
    assert_eq!(code, 0, "{said}");
    for word in ["cas-register", "txn-append", "enqueue and dequeue, first in, first out"] {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
    let (code, said) = finish(squall("check h --model lock"));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("`lock`") || said.contains("'lock'"), "{said}");
    assert!(said.contains("mutex"), "{said}");
}

/// One value written again and again by writes that overlap, and reads of it after none: no
/// near-linear procedure applies, and there is much to search.
fn hard(key: &str, processes: u64) -> String {
    let mut text = String::new();
    let mut index = 0;
    let mut event = |process: u64, kind: &str, f: &str, value: String| {
        text.push_str(&format!(
            "{{\"index\":{index},\"time\":{index},\"process\":{process},\"type\":\"{kind}\",\
             \"f\":\"{f}\",\"key\":\"{key}\",\"value\":{value}}}\n"
        ));
        index += 1;
    };
    for process in 0..processes {
        event(process, "invoke", "cas", format!("[{},{}]", process % 3 + 1, process % 5 + 1));
    }
    event(processes, "invoke", "write", "1".to_owned());
    event(processes, "ok", "write", "1".to_owned());
    event(processes, "invoke", "read", "null".to_owned());
    for process in 0..processes {
        event(process, "ok", "cas", format!("[{},{}]", process % 3 + 1, process % 5 + 1));
    }
    event(processes, "ok", "read", "5".to_owned());
    text
}

#[test]
fn unknown_tells_how_far_why_and_what_would_decide() {
    let place = Place::new();
    let history = place.file("hard.jsonl", &hard("a", 40));
    let (code, said) = finish(squall(&format!("check {history} --budget 200ms,64KiB")));
    assert_eq!(code, 11, "{said}");
    for word in [
        "key a: unknown, 42 operations: ",
        "of the 42 operations that ended",
        "past the end of operation",
        "a search was needed because",
        "may decide it",
    ] {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
}

#[test]
fn of_many_unknown_keys_the_first_are_told() {
    let place = Place::new();
    let mut lines: Vec<String> = Vec::new();
    for key in 0..8_u64 {
        // Indices and processes of each key after those of the one before.
        for line in hard(&key.to_string(), 40).lines() {
            let mut event: serde_json::Value = serde_json::from_str(line).expect("JSON");
            event["index"] = lines.len().into();
            event["process"] = (event["process"].as_u64().expect("a number") + 100 * key).into();
            lines.push(event.to_string());
        }
    }
    let history = place.file("hard.jsonl", &lines.join("\n"));
    let (code, said) = finish(squall(&format!("check {history} --budget 200ms,64KiB")));
    assert_eq!(code, 11, "{said}");
    assert_eq!(said.matches("unknown, 42 operations").count(), 5, "{said}");
    assert!(said.contains("and 3 more keys unknown; --json names them"), "{said}");
}

#[test]
fn revisions_that_go_back_are_told_on_their_own_line() {
    let place = Place::new();
    let mut text = String::new();
    for (index, (kind, value, more)) in [
        ("invoke", 5, ""),
        ("ok", 5, ",\"revision\":12"),
        ("invoke", 6, ""),
        ("ok", 6, ",\"revision\":11"),
    ]
    .into_iter()
    .enumerate()
    {
        text.push_str(&format!(
            "{{\"index\":{index},\"process\":0,\"type\":\"{kind}\",\"f\":\"write\",\
             \"value\":{value}{more}}}\n"
        ));
    }
    let history = place.file("back.jsonl", &text);
    let (code, said) = finish(squall(&format!("check {history}")));
    assert_eq!(code, 0, "{said}");
    let line = "the history: revisions: violated, though values alone are linearizable: ";
    assert!(said.contains(line) && said.contains("told revision 12"), "{said}");
    let (_, said) = finish(squall(&format!("check {history} --json")));
    assert!(said.contains("\"revisions\": {") && said.contains("\"out-of-order\""), "{said}");
}
