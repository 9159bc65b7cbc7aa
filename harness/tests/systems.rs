//! Systems defined by files: what is wrong with one is said, and what is right finds what it
//! should.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

use futures_util::future::join_all;
use squall::{
    system::System,
    systems::{BUILT_IN, Choice, Defined},
    trial::{self, Grade, Remark},
};

/// The file that the guide ends with, for the `squall` that was built.
fn of_the_guide() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join("docs/your-own-system.md")).expect("the guide");
    let file = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    let file = file.expect("the guide has a file");
    changed(file, "\"./squall\"", &format!("{:?}", env!("CARGO_BIN_EXE_squall")))
}

/// `text` with `from`, which it must have, replaced by `to`.
fn changed(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "there is no {from} in\n{text}");
    text.replace(from, to)
}

struct Scratch {
    folder: tempfile::TempDir,
}

impl Scratch {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a directory") }
    }

    fn file(&self, text: &str) -> PathBuf {
        let path = self.folder.path().join("mykv.toml");
        fs::write(&path, text).expect("written");
        path
    }

    fn squall(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
        command.args(words).current_dir(self.folder.path()).output().expect("it runs")
    }
}

fn load(text: &str) -> Result<Defined, String> {
    let scratch = Scratch::new();
    Defined::from_file(&scratch.file(text), &Choice::default()).map_err(|error| {
        let text = error.to_string();
        text.replace(&scratch.folder.path().display().to_string(), "")
    })
}

async fn examined(text: &str) -> Vec<Remark> {
    let scratch = Scratch::new();
    let system = Defined::from_file(&scratch.file(text), &Choice::default());
    let system: Arc<dyn System> = Arc::new(system.expect("a definition"));
    trial::examine(system, 3, &scratch.folder.path().join("trial"), &|_| {}).await
}

fn wrong(remarks: &[Remark]) -> Vec<&str> {
    let wrong = remarks.iter().filter(|remark| remark.grade == Grade::Wrong);
    wrong.map(|remark| remark.words.as_str()).collect()
}

#[tokio::test]
async fn the_file_of_the_guide_is_right() {
    let remarks = examined(&of_the_guide()).await;
    assert!(remarks.iter().all(|remark| remark.grade == Grade::Good), "{remarks:#?}");
    assert!(remarks.len() >= 10, "{remarks:#?}");
}

#[tokio::test]
async fn what_is_wrong_with_an_adapter_is_said_in_words() {
    let right = of_the_guide();
    let value = "status = 200, value = \"/value\"";
    let mismatch = "{ is = \"mismatch\", status = 409, value = \"/actual\" }";
    let cases = [
        (changed(&right, value, "status = 200, value = \"/val\""), "there is no `/val` in it"),
        (
            changed(&right, value, "status = 200, value = \".value | tostring\""),
            "values come back as strings",
        ),
        (changed(&right, value, "status = 200, value = \"null\""), "reads it as null"),
        (
            changed(&right, mismatch, "{ is = \"fail\", status = 409 }"),
            "say `is = \"mismatch\"` for that reply",
        ),
        (
            changed(&right, mismatch, &mismatch.replace("/actual", ".actual | tostring")),
            "what does `value` take out of the reply",
        ),
        (
            changed(&right, "value = \"/value\" },", "value = \"/value\", revision = \"5\" },")
                .replace("nodes = 3\n", "nodes = 3\nrevisions_are_of_values = true\n")
                .replace(
                    "reply = [{ is = \"ok\", status = 200 }]",
                    "reply = [{ is = \"ok\", status = 200, revision = \"/revision\" }]",
                ),
            "do not claim `revisions_are_of_values`",
        ),
        (
            changed(
                &right,
                "{ is = \"ok\", status = 200 }]",
                "{ is = \"fail\", status = 200, when = \"($value % 5) == 0\" }, { is = \"ok\", status = 200 }]",
            ),
            "took effect all the same",
        ),
        (
            changed(&right, "\"expect\":{expected}", "\"expect\":{expected|string}"),
            "expects what the key holds is told as mismatch",
        ),
        (
            changed(&right, mismatch, "{ is = \"ok\", status = 409 }"),
            "which the key does not hold, is told as ok",
        ),
        (
            changed(&right, "status = 404, when", "status = 418, when"),
            "never written is told as info",
        ),
        (changed(&right, "\"--id\"", "\"--idd\""), "unexpected argument '--idd'"),
    ];
    // Side by side, as they mostly wait.
    let all = join_all(cases.iter().map(|(text, _)| examined(text))).await;
    for ((_, expected), remarks) in cases.into_iter().zip(all) {
        let wrong = wrong(&remarks);
        assert!(wrong.iter().any(|words| words.contains(expected)), "{expected}: {wrong:#?}");
    }
}

#[test]
fn what_makes_no_sense_is_named_with_its_line() {
    let right = of_the_guide();
    let line_of = |text: &str| {
        let at = right.find(text).unwrap_or_else(|| panic!("there is no {text}"));
        right[..at].matches('\n').count() + 1
    };
    let cases = [
        ("/kv/{key}/cas", "/kv/{kee}/cas", "`operation.cas.request`: there is no variable `{kee}`"),
        ("{value}}'\nreply = [{ is", "{value|b64}}'\nreply = [{ is", "`{value|b64}`: write it as"),
        ("\"PUT /kv/{key}\"", "\"/kv/{key}\"", "no method such as GET"),
        ("\"PUT /kv/{key}\"", "\"PUT kv\"", "say `METHOD /path`"),
        ("status = 503", "status = 5033", "there is no status 5033"),
        ("status = \"5xx\"", "status = \"9xx\"", "no class of statuses"),
        ("'has(\"value\")'", "'has('", "the jq program cannot be read"),
        ("'has(\"value\")'", "'hsa(\"value\")'", "there is no"),
        ("[operation.write]", "[operation.put]", "use the function `put`"),
        ("role = \"/role\"", "role = \"frob\"", "there is no"),
        (
            "words = [\"--peer\", \"{name}",
            "words = [\"--peer\", \"{data}",
            "there is no variable `{data}`",
        ),
        (
            "status = 200, value = \"/value\" }",
            "status = 200 }",
            "say in `value` what `read` returns",
        ),
    ];
    for (from, to, expected) in cases {
        let error =
            load(&changed(&right, from, to)).err().unwrap_or_else(|| panic!("{to} is used"));
        assert!(error.contains(expected), "{to}: {error}");
        // The line of the field, which a table's name or the end of a body may stand beside.
        let near = (line_of(from).saturating_sub(1)..=line_of(from) + 1)
            .any(|line| error.contains(&format!("line {line}")));
        assert!(near, "{to}, line {}: {error}", line_of(from));
    }
    let unknown =
        load(&changed(&right, "port = 8080", "prot = 8080")).err().expect("no such field");
    assert!(unknown.contains("unknown field `prot`") && unknown.contains("`port`"), "{unknown}");
}

#[test]
fn the_scaffold_is_a_definition() {
    let scratch = Scratch::new();
    let made = scratch.squall(&["init", "mykv"]);
    assert!(made.status.success(), "{made:?}");
    let path = scratch.folder.path().join("mykv.toml");
    let defined = Defined::from_file(&path, &Choice::default()).expect("a definition");
    assert_eq!(defined.name(), "mykv");
    let again = scratch.squall(&["init", "mykv"]);
    assert_eq!(again.status.code(), Some(2), "{again:?}");
    assert!(String::from_utf8_lossy(&again.stderr).contains("it is there already"), "{again:?}");
    // The program it names is not there.
    let run = scratch.squall(&["test", "--system", "./mykv.toml"]);
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    assert_eq!(run.status.code(), Some(12), "{told}");
    assert!(told.contains("there is no program") && told.contains("--binary PATH"), "{told}");
}

#[test]
fn every_built_in_definition_is_one_and_says_how_to_get_its_program() {
    for built_in in BUILT_IN {
        let system = built_in.define(&Choice::default()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(system.name(), built_in.name);
        assert!(!system.about().is_empty() && !system.install().is_empty(), "{}", built_in.name);
    }
}

#[test]
fn a_defined_system_is_judged_as_any_other() {
    let scratch = Scratch::new();
    scratch.file(&of_the_guide());
    let plain = ["test", "--system", "./mykv.toml", "--time", "6s", "--rate", "400"];
    let plain = [&plain[..], &["--seed", "3", "--workload", "register=1,cas-register=1"]].concat();
    let right = scratch.squall(&plain);
    let told = String::from_utf8_lossy(&right.stdout).into_owned();
    assert_eq!(right.status.code(), Some(0), "{told}");
    assert!(told.contains("on mykv, 3 nodes"), "{told}");
    let run = scratch.folder.path().join("store/latest/system.toml");
    assert!(run.is_file(), "the definition is kept with the run");
    let bug = ["--node-flag=--bug follower-read", "--fail-fast", "--name", "bug"];
    let wrong = scratch.squall(&[&plain[..], &bug].concat());
    let told = String::from_utf8_lossy(&wrong.stdout).into_owned();
    assert_eq!(wrong.status.code(), Some(10), "{told}");
}

#[test]
fn etcd_is_linearizable_and_its_serializable_reads_are_not() {
    let scratch = Scratch::new();
    let here = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .any(|folder| folder.join("etcd").is_file());
    if !here {
        assert!(std::env::var_os("SQUALL_NO_SKIPS").is_none(), "install etcd");
        println!("skipped: no etcd");
        return;
    }
    let plain = ["test", "--system", "etcd", "--rate", "300", "--seed", "5", "--time"];
    let right = scratch.squall(&[&plain[..], &["12s"]].concat());
    let told = String::from_utf8_lossy(&right.stdout).into_owned();
    let stale = ["30s", "--set", "reads=serializable", "--workload", "register", "--fail-fast"];
    if sandboxed() {
        assert_eq!(right.status.code(), Some(0), "{told}");
        let wrong = scratch.squall(&[&plain[..], &stale].concat());
        let told = String::from_utf8_lossy(&wrong.stdout).into_owned();
        assert_eq!(wrong.status.code(), Some(10), "{told}");
    } else {
        let why = String::from_utf8_lossy(&right.stderr).into_owned();
        assert_eq!(right.status.code(), Some(12), "{why}");
    }
}

/// Whether this machine can have a sandbox, as the tests of the nemesis find out.
fn sandboxed() -> bool {
    Command::new("unshare").args(["--user", "--net", "true"]).status().is_ok_and(|it| it.success())
}
