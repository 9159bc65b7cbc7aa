//! The init of a sandbox: sets it up, runs the executable in it, and reaps what is orphaned.
//!
//! It lives in a clone of the process that called [`super::reenter`] and never returns to that
//! caller. Process 1 is a process of its own rather than the run itself, so that reaping orphans
//! can never steal the exit status of a child the run waits for.

use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::SockProtocol;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Gid, Pid, Uid};

use super::spawn::{block_only, exit_now};
use super::{MARK, Step, pass_on, passed_on, process_namespace};
use crate::netlink;

/// What init writes when the sandbox stands and the executable runs in it.
pub(super) const STANDS: u8 = u8::MAX;

/// The user and group outside that become root inside.
#[derive(Clone, Copy)]
pub(super) struct Identity {
    uid: Uid,
    gid: Gid,
}

impl Identity {
    pub(super) fn current() -> Self {
        Self { uid: Uid::effective(), gid: Gid::effective() }
    }
}

/// What init takes over from the process that waits outside.
#[derive(Clone, Copy)]
pub(super) struct Setting {
    /// Whom to map to root; nobody without a user namespace of our own.
    pub(super) identity: Option<Identity>,
    /// The signals that process blocked before it made the sandbox.
    pub(super) blocked: SigSet,
}

/// Runs as process 1 of the new namespaces until the executable ends.
///
/// `report` learns whether the sandbox stands; `lifeline` is at its end when the process that
/// waits outside has died.
pub(super) fn run(setting: Setting, report: OwnedFd, lifeline: OwnedFd) -> ! {
    // A panic must not unwind into the caller of `reenter`, which now exists twice.
    let outcome = std::panic::catch_unwind(move || {
        let mut report = std::fs::File::from(report);
        match set_up(setting, lifeline) {
            Ok(child) => {
                let _ = report.write_all(&[STANDS]);
                drop(report);
                reap_until_ended(child)
            }
            Err((step, error)) => {
                let errno = error.raw_os_error().unwrap_or(nix::libc::EIO);
                let mut said = vec![step as u8];
                said.extend(errno.to_ne_bytes());
                let _ = report.write_all(&said);
                1
            }
        }
    });
    exit_now(outcome.unwrap_or(101))
}

fn set_up(setting: Setting, lifeline: OwnedFd) -> Result<Pid, (Step, io::Error)> {
    let at = |step| move |error| (step, error);
    tie_to_parent(&lifeline).map_err(at(Step::Prepare))?;
    drop(lifeline);
    if let Some(identity) = setting.identity {
        become_root(identity).map_err(at(Step::Identity))?;
    }
    arrange_mounts().map_err(at(Step::Mounts))?;
    raise_loopback().map_err(at(Step::Loopback))?;
    execute(setting.blocked).map_err(at(Step::Execute))
}

/// Makes this process, and so the sandbox, end with the process that waits outside.
fn tie_to_parent(lifeline: &OwnedFd) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    // The parent may have died before that took effect. Its process id cannot tell: from in here
    // every parent outside is process 0.
    let mut watched = [PollFd::new(lifeline.as_fd(), PollFlags::POLLIN)];
    if poll(&mut watched, PollTimeout::ZERO)? > 0 {
        exit_now(1);
    }
    Ok(())
}

fn become_root(Identity { uid, gid }: Identity) -> io::Result<()> {
    // An unprivileged user may map a group only after giving up on changing groups.
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
    std::fs::write("/proc/self/gid_map", format!("0 {gid} 1"))
}

fn arrange_mounts() -> io::Result<()> {
    const NOTHING: Option<&str> = None;
    mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NOTHING)?;
    // Refused where a container masks parts of /proc. The old one then shows the numbers of the
    // namespace outside, which `crate::process` can live with.
    let _ = mount(
        Some("proc"),
        "/proc",
        Some("proc"),
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC,
        NOTHING,
    );
    Ok(())
}

fn raise_loopback() -> io::Result<()> {
    let mut socket = netlink::Socket::open(SockProtocol::NetlinkRoute)?;
    let mut batch = netlink::Batch::default();
    batch.push(netlink::raise_loopback());
    socket.transact(batch)
}

fn execute(blocked: SigSet) -> io::Result<Pid> {
    let mut arguments = std::env::args_os();
    let mut command = Command::new("/proc/self/exe");
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    let namespace = process_namespace().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    command.args(arguments).env(MARK, namespace);
    block_only(&mut command, blocked);
    // Reaped by number along with the orphans, so the handle is of no further use.
    let child = command.spawn()?;
    let id = i32::try_from(child.id()).expect("process ids fit in pid_t");
    Ok(Pid::from_raw(id))
}

/// Reaps every child and passes signals on, until `child` ends; returns its exit code.
fn reap_until_ended(child: Pid) -> i32 {
    let arrivals = SignalFd::with_flags(&passed_on(), SfdFlags::SFD_CLOEXEC);
    let Ok(arrivals) = arrivals else {
        return 1;
    };
    loop {
        // One SIGCHLD may stand for several children.
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            match status {
                WaitStatus::Exited(pid, code) if pid == child => return code,
                WaitStatus::Signaled(pid, signal, _) if pid == child => return 128 + signal as i32,
                WaitStatus::StillAlive => break,
                _ => {}
            }
        }
        if let Ok(Some(arrival)) = arrivals.read_signal()
            && arrival.ssi_signo != Signal::SIGCHLD as u32
        {
            pass_on(&arrival, child);
        }
    }
}
