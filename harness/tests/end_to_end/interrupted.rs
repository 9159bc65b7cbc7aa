//! Runs that do not end by themselves: Ctrl-C is judged all the same, and `kill -9` leaves
//! nothing behind but a readable history.

use std::{path::Path, process::Child, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::squall::{Place, eventually, finish, processes_naming, results, squall, start};

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id fits in an i32"));
    kill(pid, signal).expect("the child is there to be signalled");
}

/// Waits until clients have recorded something.
fn storming(run: &Path) {
    eventually("the clients record operations", Duration::from_secs(30), || {
        std::fs::metadata(run.join("history.jsonl")).is_ok_and(|file| file.len() > 200_000)
    });
}

fn mounts_and_links() -> (String, Vec<String>) {
    let mounts = std::fs::read_to_string("/proc/self/mounts").expect("/proc is mounted");
    let links = std::fs::read_dir("/sys/class/net").expect("/sys is mounted");
    let mut links: Vec<_> =
        links.flatten().map(|link| link.file_name().to_string_lossy().into_owned()).collect();
    links.sort();
    (mounts, links)
}

fn nothing_is_left_after_kill_9(net: &str) {
    let before = mounts_and_links();
    let place = Place::new();
    let args = format!("test --nodes 3 --time 60s --seed 3 --net {net}");
    let mut child = start(place.with_store(&args));
    storming(&place.latest());
    assert!(processes_naming(place.path()).len() >= 4, "the harness and three nodes run");
    signal(&child, Signal::SIGKILL);
    child.wait().expect("it was killed");
    eventually("every process is gone", Duration::from_secs(10), || {
        processes_naming(place.path()).is_empty()
    });
    assert_eq!(mounts_and_links(), before, "mounts and network links are as before");

    let history = place.latest().join("history.jsonl");
    let (code, said) = finish(squall(&format!("check {}", history.display())));
    assert_eq!(code, 0, "what was recorded is readable and linearizable: {said}");
    let (code, said) = finish(squall(&format!("report {}", place.latest().display())));
    // Nobody saw whether it would have recovered, so it is no pass.
    assert_eq!(code, 11, "{said}");
    assert!(said.contains("not looked for") && !said.contains("did not serve"), "{said}");
    assert!(place.latest().join("report.html").exists());
}

#[test]
fn kill_9_of_a_sandboxed_run_leaves_nothing() {
    nothing_is_left_after_kill_9("auto");
}

#[test]
fn kill_9_of_a_run_over_proxies_leaves_nothing() {
    nothing_is_left_after_kill_9("proxy");
}

#[test]
fn kill_9_of_a_suite_leaves_nothing() {
    let place = Place::new();
    let suite = place.file(
        "suite.toml",
        "name = 'long'\n[[cell]]\nname = 'c'\nexpect = 'linearizable'\n\
         plan = { nodes = 3, time = '60s', seed = 1 }\n",
    );
    let mut child = start(place.with_store(&format!("suite {suite}")));
    eventually("a run of the suite is under way", Duration::from_secs(30), || {
        processes_naming(place.path()).len() >= 5
    });
    signal(&child, Signal::SIGKILL);
    child.wait().expect("it was killed");
    eventually("every process is gone", Duration::from_secs(10), || {
        processes_naming(place.path()).is_empty()
    });
}

#[test]
fn ctrl_c_ends_early_with_a_verdict() {
    let place = Place::new();
    let mut child = start(place.with_store("test --nodes 3 --time 60s --seed 3 --nemesis none"));
    storming(&place.latest());
    signal(&child, Signal::SIGINT);
    let status = child.wait().expect("it ends");
    // What there is was judged, but the plan was not carried out.
    assert_eq!(status.code(), Some(11));
    let results = results(&place.latest());
    assert_eq!(results["facts"]["interrupted"], true);
    assert_eq!(results["check"]["verdict"], "linearizable");
    assert!(processes_naming(place.path()).is_empty());
}
