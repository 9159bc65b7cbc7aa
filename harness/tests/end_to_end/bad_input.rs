//! Bad input names the thing that is wrong, and loses nothing.

use std::os::unix::fs::PermissionsExt;

use crate::squall::{Place, finish, squall};

fn refused(place: &Place, args: &str, code: i32, words: &[&str]) {
    let command = if args.starts_with("test") { place.with_store(args) } else { squall(args) };
    let (found, said) = finish(command);
    assert_eq!(found, code, "{args}: {said}");
    for word in words {
        assert!(said.contains(word), "{args}: `{word}` is not in: {said}");
    }
}

#[test]
fn arguments_that_make_no_sense() {
    let place = Place::new();
    let missing = place.path().join("missing");
    let missing = missing.display();
    for (args, words) in [
        ("test --workload regsiter", &["failed to run the workload `regsiter`", "register"][..]),
        ("test --nodes 0", &["nodes", "0", "1"]),
        ("test --nodes 1000", &["nodes", "1000"]),
        ("test --nodes five", &["--nodes", "five"]),
        ("test --keys 0", &["keys", "0"]),
        ("test --nemesis kil", &["`kil`", "kill"]),
        ("test --system etdc", &["failed to test the system `etdc`", "node"]),
        ("test --bug stale-raed", &["stale-raed", "stale-read"]),
        ("test --rate 0", &["--rate", "0"]),
        ("test --time 0s", &["time", "0s"]),
        ("test --time 1s", &["fit any of the faults", "--nemesis none"]),
        ("test --time soon", &["--time", "soon"]),
        ("test --check log=warn", &["`log`", "logs, errors"]),
        ("test --check logs=loud", &["`loud`", "off, warn, fail"]),
        ("test --check logs", &["`logs`", "logs=warn"]),
        ("test --net tcp", &["`tcp`", "sandbox"]),
        ("test --name ../up", &["name", "../up"]),
        ("tset", &["tset", "test"]),
    ] {
        refused(&place, args, 2, words);
    }
    refused(&place, &format!("test --plan {missing}"), 2, &["missing"]);
    refused(&place, &format!("check {missing}"), 2, &["missing"]);
    refused(&place, &format!("verify {missing} {missing}"), 2, &["missing"]);
    refused(&place, &format!("report {missing}"), 2, &["missing"]);
    refused(&place, &format!("suite {missing}"), 2, &["missing"]);
    assert!(!place.store().exists(), "nothing was run, so nothing is stored");
}

#[test]
fn plan_and_suite_files_that_are_none() {
    let place = Place::new();
    let plan = place.file("plan.toml", "nodes = 5\nnods = 3\n");
    refused(&place, &format!("test --plan {plan}"), 2, &["plan.toml", "nods"]);
    let suite = place.file(
        "suite.toml",
        "name = 's'\n[[cell]]\nname = 'c'\nexpect = 'linearizable'\nplan = { nodes = 0 }\n",
    );
    refused(&place, &format!("suite {suite}"), 2, &["`c`", "nodes"]);
    let suite = place.file(
        "bug.toml",
        "name = 's'\n[[cell]]\nname = 'c'\nexpect = 'violation'\nplan = { bug = 'nope' }\n",
    );
    refused(&place, &format!("suite {suite}"), 2, &["`nope`", "stale-read"]);
    let suite = place.file("up.toml", "name = '../up'\n");
    refused(&place, &format!("suite {suite}"), 2, &["../up", "letters"]);
    let plan = place.file("checks.toml", "checks = { log = 'warn' }\n");
    refused(&place, &format!("test --plan {plan}"), 2, &["`log`", "`logs`", "`set-full`"]);
    let plan = place.file("rate.toml", "rate = -1\n");
    refused(&place, &format!("test --plan {plan}"), 2, &["unlimited"]);
}

#[test]
fn a_store_that_cannot_be_written() {
    let place = Place::new();
    // A file in its place stops everyone, the superuser too.
    std::fs::write(place.store(), "not a folder").expect("a writable folder");
    refused(&place, "test --nodes 1 --time 5s", 12, &["store"]);
    std::fs::remove_file(place.store()).expect("it was there");
    std::fs::create_dir(place.store()).expect("a writable folder");
    let read_only = std::fs::Permissions::from_mode(0o555);
    std::fs::set_permissions(place.store(), read_only).expect("our own folder");
    if nix::unistd::geteuid().is_root() {
        return;
    }
    refused(&place, "test --nodes 1 --time 5s", 12, &["store"]);
}

const HEADER: &str = r#"{"squall":1,"type":"header","system":"x","workload":"register","model":"register","nodes":["n1"],"seed":1,"plan":{}}"#;
const INVOKE: &str =
    r#"{"index":0,"time":1,"process":0,"type":"invoke","f":"write","key":"1","value":5}"#;
const OK: &str = r#"{"index":1,"time":2,"process":0,"type":"ok","f":"write","key":"1","value":5}"#;

#[test]
fn a_torn_last_line_is_dropped_and_said() {
    let place = Place::new();
    let torn = place.file("torn.jsonl", &format!("{HEADER}\n{INVOKE}\n{OK}\n{}", &OK[..30]));
    let (code, said) = finish(squall(&format!("check {torn}")));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("torn.jsonl") && said.contains("ends inside a line"), "{said}");
}

#[test]
fn histories_that_are_none_name_the_line() {
    let place = Place::new();
    for (name, text, words) in [
        ("orphan.jsonl", format!("{HEADER}\n{OK}\n"), &["orphan.jsonl", "line 2", "invo"][..]),
        ("garbage.jsonl", format!("{HEADER}\nhello\n{INVOKE}\n"), &["garbage.jsonl", "line 2"]),
        (
            "twice.jsonl",
            format!("{HEADER}\n{INVOKE}\n{}\n", INVOKE.replace("0,\"time", "1,\"time")),
            &["twice.jsonl", "line 3"],
        ),
        (
            "back.jsonl",
            format!("{HEADER}\n{}\n{OK}\n", INVOKE.replace("\"index\":0", "\"index\":9")),
            &["back.jsonl", "line 3", "index"],
        ),
    ] {
        let file = place.file(name, &text);
        refused(&place, &format!("check {file}"), 2, words);
    }
}

#[test]
fn a_history_without_success_proves_nothing() {
    let place = Place::new();
    for (name, text) in [
        ("empty.jsonl", String::new()),
        ("header.jsonl", format!("{HEADER}\n")),
        ("pending.jsonl", format!("{HEADER}\n{INVOKE}\n")),
    ] {
        let file = place.file(name, &text);
        refused(&place, &format!("check {file}"), 11, &["inconclusive"]);
    }
    let empty = place.file("empty.jsonl", "");
    let proof = r#"{"squall":1,"type":"certificate","model":"register","verdict":"linearizable","keys":[]}"#;
    let proof = place.file("proof.json", proof);
    refused(&place, &format!("verify {empty} {proof}"), 11, &["nothing to verify"]);
}

#[test]
fn a_certificate_of_another_history_is_refused() {
    let place = Place::new();
    let history = place.file("h.jsonl", &format!("{HEADER}\n{INVOKE}\n{OK}\n"));
    let proof = place.path().join("proof.json");
    let proof = proof.display();
    let (code, said) = finish(squall(&format!("check {history} --certificate {proof}")));
    assert_eq!(code, 0, "{said}");
    let other = INVOKE.replace("\"key\":\"1\"", "\"key\":\"2\"");
    let other_ok = OK.replace("\"key\":\"1\"", "\"key\":\"2\"");
    let other = place.file("other.jsonl", &format!("{HEADER}\n{other}\n{other_ok}\n"));
    let (code, said) = finish(squall(&format!("verify {other} {proof}")));
    assert_eq!(code, 10, "{said}");
    assert!(said.contains("does not hold"), "{said}");
    let (code, said) = finish(squall(&format!("check {history} --certificate {history}")));
    assert_eq!(code, 2, "a proof must not replace its history: {said}");
    assert!(std::fs::read(&history).is_ok_and(|bytes| bytes.starts_with(HEADER.as_bytes())));
    let garbage = place.file("garbage.json", "{}");
    refused(&place, &format!("verify {history} {garbage}"), 2, &["garbage.json"]);
}
