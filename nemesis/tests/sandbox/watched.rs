//! The tests, as watched from outside the sandboxes they play in.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};

use crate::scenarios::FOLDER;
use crate::{Outcome, REFUSED};

const PATIENCE: Duration = Duration::from_secs(20);
/// In the environment of everything a test starts.
const TAG: &str = "SQUALL_TEST_TAG";
const NOBODY: u32 = 65_534;

type Test = fn() -> Outcome;

/// All tests by name.
pub(crate) const TESTS: &[(&str, Test)] = &[
    ("nft_by_netlink_cuts_exactly_every_shape", || plays("nft")),
    ("the_nft_program_cuts_exactly_every_shape", || needs("nft", "nft-program")),
    ("iptables_cuts_exactly_every_shape", || needs("iptables-restore", "iptables")),
    ("iptables_takes_no_lock_of_the_host", old_iptables),
    ("what_is_written_below_run_stays", below_run),
    ("connections_fall_silent_and_resume", || plays("connections")),
    ("every_fault_leaves_evidence", || plays("faults")),
    ("orphans_are_reaped_and_children_are_not_stolen", || plays("orphans")),
    ("timings", || plays("timings")),
    ("two_sandboxes_stand_side_by_side", side_by_side),
    ("an_ordinary_user_needs_no_root", rootless),
    ("a_masked_proc_does_not_matter", masked_proc),
    ("exit_codes_and_signals_pass_through", exit_codes),
    ("nothing_is_left_after_kill_9", no_orphans),
];

fn scenario(name: &str) -> Command {
    let mut command = Command::new(executable());
    command.args(["--scenario", name]);
    command
}

fn executable() -> PathBuf {
    std::env::current_exe().expect("this executable has a path")
}

fn plays(name: &str) -> Outcome {
    judge(&mut scenario(name))
}

/// Plays `name` where `program` is installed.
fn needs(program: &str, name: &str) -> Outcome {
    match Command::new(program).arg("--version").output() {
        Ok(_) => plays(name),
        Err(error) => Outcome::Skipped(format!("{program}: {error}")),
    }
}

/// Plays the scenario with the iptables that takes a lock, which the newer one does not.
fn old_iptables() -> Outcome {
    const LEGACY: &str = "iptables-legacy-restore";
    let found = Command::new("sh").args(["-c", &format!("command -v {LEGACY}")]).output();
    let found = String::from_utf8(found.expect("a shell").stdout).expect("a path");
    if found.trim().is_empty() {
        return Outcome::Skipped(format!("{LEGACY}: not installed"));
    }
    let programs = Scratch::below("/tmp").expect("a folder for everybody");
    std::os::unix::fs::symlink(found.trim(), programs.0.join("iptables-restore")).expect("a link");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = scenario("iptables");
    command.env("PATH", format!("{}:{path}", programs.0.display()));
    // Nobody but root may take the lock of the host.
    match as_ordinary_user(&mut command) {
        Ok(()) => judge(&mut command),
        Err(why) => Outcome::Skipped(why),
    }
}

fn below_run() -> Outcome {
    let own = std::env::var("XDG_RUNTIME_DIR").unwrap_or_default();
    let Some(folder) = ["/run", own.as_str()].into_iter().find_map(Scratch::below) else {
        return Outcome::Skipped("no folder below /run may be written to".to_owned());
    };
    let outcome = judge(scenario("leave-a-file").env(FOLDER, &folder.0));
    if let Outcome::Passed = outcome {
        let left = std::fs::read_to_string(folder.0.join("left"));
        assert_eq!(left.expect("it outlives the sandbox"), "by the sandbox");
    }
    outcome
}

/// A folder of one test, removed with all that is in it.
struct Scratch(PathBuf);

impl Scratch {
    /// A new folder in `parent`; none where it may not be made.
    fn below(parent: &str) -> Option<Self> {
        let path = PathBuf::from(parent).join(format!("squall-test-{}", std::process::id()));
        std::fs::create_dir(&path).is_ok().then_some(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is only untidy.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn judge(command: &mut Command) -> Outcome {
    let output = command.output().expect("this executable");
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.code() == Some(REFUSED) {
        return Outcome::Skipped(said.trim().to_owned());
    }
    if !said.is_empty() {
        println!("{}", said.trim());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {complaint}", output.status);
    Outcome::Passed
}

fn side_by_side() -> Outcome {
    let spawn = || scenario("nft").stdout(Stdio::null()).spawn().expect("this executable");
    let both = [spawn(), spawn()];
    let codes = both.map(|mut child| child.wait().expect("a child is waited for once").code());
    if codes.contains(&Some(REFUSED)) {
        return Outcome::Skipped("no sandbox here".to_owned());
    }
    assert_eq!(codes, [Some(0), Some(0)]);
    Outcome::Passed
}

fn rootless() -> Outcome {
    if !Uid::effective().is_root() {
        return Outcome::Skipped("nobody is root here, so all other tests show it".to_owned());
    }
    for name in ["nft", "faults"] {
        let mut command = scenario(name);
        if let Err(why) = as_ordinary_user(&mut command) {
            return Outcome::Skipped(why);
        }
        if let skipped @ Outcome::Skipped(_) = judge(&mut command) {
            return skipped;
        }
    }
    Outcome::Passed
}

/// Makes root run `command` as nobody; says why not, if nobody may run this executable.
fn as_ordinary_user(command: &mut Command) -> Result<(), String> {
    if !Uid::effective().is_root() {
        return Ok(());
    }
    let as_nobody = |command: &mut Command| {
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
    };
    let mut list = Command::new(executable());
    as_nobody(list.arg("--list"));
    list.output().map_err(|error| format!("an ordinary user may not run the test: {error}"))?;
    as_nobody(command);
    Ok(())
}

/// Containers cover parts of /proc, and then a sandbox may not mount one of its own.
fn masked_proc() -> Outcome {
    if !Uid::effective().is_root() {
        return Outcome::Skipped("only root can cover a part of /proc".to_owned());
    }
    let as_nobody = format!("setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups");
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c"])
        .arg(format!("mount -t tmpfs none /proc/fs && exec {as_nobody} \"$0\" --scenario masked"))
        .arg(executable())
        .current_dir("/");
    judge(&mut command)
}

fn exit_codes() -> Outcome {
    let died = scenario("die").stdout(Stdio::null()).status().expect("this executable");
    if died.code() == Some(REFUSED) {
        return Outcome::Skipped("no sandbox here".to_owned());
    }
    assert_eq!(died.code(), Some(128 + 9));

    let mut child = standing(&mut scenario("await-term"));
    kill(pid_of(&child), Signal::SIGTERM).expect("it runs");
    let status = ended(&mut child);
    assert_eq!(status.code(), Some(42), "the signal was passed on");
    Outcome::Passed
}

fn no_orphans() -> Outcome {
    let tag = format!("{}-{}", std::process::id(), "linger");
    if let skipped @ Outcome::Skipped(_) = plays("orphans") {
        return skipped;
    }
    let own = namespaces_of(Pid::this());
    let mut outer = Doomed(standing(scenario("linger").env(TAG, &tag)));
    // The outer one, init, the scenario, and on each node a shell, a child and a daemon, which
    // the shells start in their own time.
    let deadline = Instant::now() + PATIENCE;
    let mut processes = tagged(&tag);
    while processes.len() < 3 + 3 * 3 {
        assert!(Instant::now() < deadline, "{processes:?}");
        std::thread::sleep(Duration::from_millis(5));
        processes = tagged(&tag);
    }
    let namespaces: BTreeSet<String> =
        processes.iter().flat_map(|&process| namespaces_of(process)).collect();
    let theirs: BTreeSet<&String> = namespaces.difference(&own).collect();
    // Mount and process namespaces, and a network for the bridge and each node.
    assert!(theirs.len() >= 2 + 4, "{theirs:?}");

    outer.0.kill().expect("it runs");
    let _: ExitStatus = outer.0.wait().expect("a child is waited for once");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = tagged(&tag);
        let held: Vec<String> = everybody()
            .into_iter()
            .flat_map(namespaces_of)
            .filter(|namespace| theirs.contains(namespace))
            .collect();
        if left.is_empty() && held.is_empty() {
            break;
        }
        assert!(Instant::now() < deadline, "left: {left:?} {held:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("proc");
    assert!(!mounts.contains("nsfs"), "a namespace is kept by a mount");
    assert!(!std::path::Path::new("/sys/class/net/squall").exists());
    Outcome::Passed
}

/// A child that does not outlive a test that fails.
struct Doomed(Child);

impl Drop for Doomed {
    fn drop(&mut self) {
        // It may have ended already, as it should.
        if self.0.kill().is_ok() {
            let _ = self.0.wait();
        }
    }
}

/// Spawns `command` and waits until it says that it stands.
fn standing(command: &mut Command) -> Child {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("this executable");
    let mut said = String::new();
    let output = child.stdout.take().expect("it is piped");
    BufReader::new(output).read_line(&mut said).expect("a pipe");
    assert_eq!(said.trim(), "standing");
    child
}

/// Waits for `child`, but not for ever.
fn ended(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().expect("a child of ours") {
            return status;
        }
        if Instant::now() > deadline {
            child.kill().expect("it runs");
            panic!("it did not end within {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("process ids fit in pid_t"))
}

fn everybody() -> Vec<Pid> {
    let entries = std::fs::read_dir("/proc").expect("proc");
    let number = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.ok()?.file_name().to_str()?.parse().ok().map(Pid::from_raw)
    };
    entries.filter_map(number).collect()
}

/// The processes that have `tag` in their environment, dead ones not among them.
fn tagged(tag: &str) -> Vec<Pid> {
    let wanted = format!("{TAG}={tag}");
    let has_tag = |process: &Pid| {
        let environment = std::fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
    };
    everybody().into_iter().filter(has_tag).collect()
}

/// The namespaces a process is in, as far as we may see them.
fn namespaces_of(process: Pid) -> BTreeSet<String> {
    ["net", "pid", "mnt", "user"]
        .into_iter()
        .filter_map(|kind| std::fs::read_link(format!("/proc/{process}/ns/{kind}")).ok())
        .map(|link| link.display().to_string())
        .collect()
}
