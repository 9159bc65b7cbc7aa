//! The disposable world of a run: fresh network, mount, process and user namespaces.
//!
//! [`reenter`] clones this process into the namespaces, where the clone becomes their init
//! (`init`) and runs this same executable again as its child. The process that called it only
//! waits and passes signals on. Nothing has to be cleaned up, ever: when the waiting process dies,
//! even by SIGKILL, the kernel kills init, then everything else in the process namespace, and with
//! the last process the mounts, rules, links and namespaces go.
//!
//! The kernel owns all state. What is deliberately absent: nodes and their networks, which
//! [`crate::network`] builds inside; and an image of its own: the sandbox sees the same files as
//! the user does, only `/proc` is its own.

mod init;
mod spawn;

use std::io::{self, Read as _};
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, Uid, getppid, pipe2};

/// Holds the process namespace the sandbox was made with, so that a mark that leaked elsewhere
/// does not convince anybody.
const MARK: &str = "SQUALL_SANDBOX";

/// Why there is no sandbox on this machine, or none from here.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The process has more than one thread, which a clone would leave behind.
    #[error("enter the sandbox from a process of one thread: {0} run")]
    Threads(usize),
    /// The kernel or its policy refused a step.
    #[error("{step}; `--net proxy` does without")]
    Refused {
        /// What was refused.
        step: Step,
        /// The kernel's reason.
        source: io::Error,
    },
    /// The init process ended before it said whether the sandbox stands.
    #[error("set the sandbox up: its init died")]
    InitDied,
}

/// The steps of making a sandbox, as they can be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Count threads, make pipes, block signals.
    Prepare,
    /// Clone into new namespaces.
    Namespaces,
    /// Become root of the user namespace.
    Identity,
    /// Detach the mounts from those of the host.
    Mounts,
    /// Bring the loopback interface up.
    Loopback,
    /// Run this executable again inside.
    Execute,
}

impl Step {
    const ALL: [Self; 6] = [
        Self::Prepare,
        Self::Namespaces,
        Self::Identity,
        Self::Mounts,
        Self::Loopback,
        Self::Execute,
    ];
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Prepare => "prepare a sandbox",
            Self::Namespaces => "create user, network, mount and process namespaces",
            Self::Identity => "become root in a user namespace",
            Self::Mounts => "detach the mounts from those of the host",
            Self::Loopback => "bring the loopback interface of the sandbox up",
            Self::Execute => "run this executable inside the sandbox",
        })
    }
}

/// True when this process was started by the init of a sandbox that [`reenter`] made.
#[must_use]
pub fn inside() -> bool {
    let marked = std::env::var_os(MARK);
    getppid() == Pid::from_raw(1) && marked.is_some() && marked == process_namespace()
}

/// Runs this executable again, with the same arguments, inside a fresh sandbox, and waits for it.
///
/// Call it first thing in `main`, while the process has one thread. Returns the exit code of the
/// inner run, 128 + n when signal n ended it. SIGTERM, SIGINT and SIGHUP are passed on, except
/// those a terminal has already sent to the whole process group; a signal sent to the group by
/// other means may therefore arrive twice.
///
/// Root does without a user namespace where it can; everybody else becomes root in one.
///
/// # Errors
/// The sandbox could not be made, or not be waited for, which no kernel is known to do. Nothing of
/// it runs then, and the caller can go on without.
pub fn reenter() -> Result<i32, SandboxError> {
    let threads = std::fs::read_dir("/proc/self/task").map_err(refused(Step::Prepare))?.count();
    if threads != 1 {
        return Err(SandboxError::Threads(threads));
    }
    let own_world = CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET;
    let signals = passed_on();
    let mut before = SigSet::empty();
    // Blocked before the clone, so that neither side misses one.
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&signals), Some(&mut before))
        .map_err(|errno| refused(Step::Prepare)(errno.into()))?;
    let outcome = if Uid::effective().is_root() {
        // Without a user namespace root may write what belongs to other users, such as a checkout
        // mounted into a container.
        launch(own_world, before).or_else(|_| launch(own_world | CloneFlags::CLONE_NEWUSER, before))
    } else {
        launch(own_world | CloneFlags::CLONE_NEWUSER, before)
    };
    let code = outcome.and_then(|child| {
        // The lifeline must stay open for as long as anybody waits.
        let code = or_end(child.init, wait(child.init, &signals)).map_err(refused(Step::Prepare));
        drop(child.lifeline);
        code
    });
    // An error here would make the caller run a second time what has just run.
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&before), None)
        .expect("a mask that was in place before is valid");
    code
}

/// A sandbox that stands.
struct Launched {
    init: Pid,
    /// Closes when this process ends, which tells an init that is not yet tied to us.
    lifeline: OwnedFd,
}

fn launch(namespaces: CloneFlags, blocked: SigSet) -> Result<Launched, SandboxError> {
    let pipe = || {
        pipe2(nix::fcntl::OFlag::O_CLOEXEC).map_err(|errno| refused(Step::Prepare)(errno.into()))
    };
    let (report, report_to) = pipe()?;
    let (lifeline_of, lifeline) = pipe()?;
    let identity = namespaces.contains(CloneFlags::CLONE_NEWUSER).then(init::Identity::current);
    let spawned =
        spawn::clone_into(namespaces).map_err(|errno| refused(Step::Namespaces)(errno.into()))?;
    let Some(init) = spawned else {
        drop((report, lifeline));
        init::run(init::Setting { identity, blocked }, report_to, lifeline_of);
    };
    drop((report_to, lifeline_of));
    or_end(init, read_report(report))?;
    Ok(Launched { init, lifeline })
}

/// Passes `outcome` on; an error only once `init`, and its sandbox with it, is dead and reaped.
///
/// Whoever is told of an error goes on without the sandbox, which must not go on as well.
fn or_end<T, E>(init: Pid, outcome: Result<T, E>) -> Result<T, E> {
    if outcome.is_err() {
        // It may have ended already, and may have been reaped: both leave nothing to do.
        let _ = kill(init, Signal::SIGKILL);
        while waitpid(init, None) == Err(Errno::EINTR) {}
    }
    outcome
}

/// Reads what init says of the sandbox: one byte when it stands, else the step and its errno.
fn read_report(report: OwnedFd) -> Result<(), SandboxError> {
    let mut said = Vec::new();
    std::fs::File::from(report).read_to_end(&mut said).map_err(refused(Step::Prepare))?;
    match said.as_slice() {
        [init::STANDS] => Ok(()),
        [step, errno @ ..] => {
            let step = Step::ALL.into_iter().find(|known| *known as u8 == *step);
            match (step, errno.try_into().map(i32::from_ne_bytes)) {
                (Some(step), Ok(errno)) => {
                    Err(SandboxError::Refused { step, source: io::Error::from_raw_os_error(errno) })
                }
                _ => Err(SandboxError::InitDied),
            }
        }
        [] => Err(SandboxError::InitDied),
    }
}

/// Waits for `child`, passing signals on to it, and returns how it ended as an exit code.
fn wait(child: Pid, signals: &SigSet) -> io::Result<i32> {
    let arrivals = SignalFd::with_flags(signals, SfdFlags::SFD_CLOEXEC)?;
    loop {
        let Some(arrival) = arrivals.read_signal()? else {
            continue;
        };
        if arrival.ssi_signo == Signal::SIGCHLD as u32 {
            match waitpid(child, Some(nix::sys::wait::WaitPidFlag::WNOHANG))? {
                WaitStatus::Exited(_, code) => return Ok(code),
                WaitStatus::Signaled(_, signal, _) => return Ok(128 + signal as i32),
                _ => {}
            }
        } else {
            pass_on(&arrival, child);
        }
    }
}

/// Sends `arrival` to `child`, unless a terminal has sent it to the child already.
///
/// A key pressed on a terminal reaches the whole foreground group; that the terminal is gone
/// is told to the leader of its session alone.
fn pass_on(arrival: &nix::sys::signalfd::siginfo, child: Pid) {
    let signal =
        i32::try_from(arrival.ssi_signo).map_err(|_| Errno::EINVAL).and_then(Signal::try_from);
    if let Ok(signal) = signal {
        if arrival.ssi_code == nix::libc::SI_KERNEL && signal != Signal::SIGHUP {
            return;
        }
        // It may just have ended, and then there is nobody left to tell.
        let _ = kill(child, signal);
    }
}

fn passed_on() -> SigSet {
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGCHLD].into_iter().collect()
}

fn process_namespace() -> Option<std::ffi::OsString> {
    std::fs::read_link("/proc/self/ns/pid").ok().map(Into::into)
}

fn refused(step: Step) -> impl Fn(io::Error) -> SandboxError {
    move |source| SandboxError::Refused { step, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_leaves_nobody_behind() {
        let mut endless = std::process::Command::new("sleep");
        let mut child = endless.arg("1000").spawn().expect("sleep");
        let pid = Pid::from_raw(child.id().cast_signed());
        let outcome: Result<i32, &str> = or_end(pid, Err("signalfd"));
        assert_eq!(outcome, Err("signalfd"));
        assert_eq!(kill(pid, None), Err(Errno::ESRCH), "it runs on, or nobody reaped it");
        assert!(child.wait().is_err(), "it was reaped already");
    }
}
