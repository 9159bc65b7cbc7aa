//! What happens in a child between fork and exec, so that it wakes up in the right world.
//!
//! The one place of this module tree with `unsafe`: nothing but system calls may happen there,
//! since other threads of the parent may have held any lock at the time of the fork.

#![expect(unsafe_code, reason = "code between fork and exec must only make system calls")]

use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::Arc;

use nix::sched::{CloneFlags, setns};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::getppid;

/// Makes the child the leader of a new process group.
pub(super) fn lead_process_group(command: &mut Command) {
    command.process_group(0);
}

/// Makes the child start in the network namespace `namespace`.
pub(super) fn namespace(command: &mut Command, namespace: &Arc<OwnedFd>) {
    let namespace = Arc::clone(namespace);
    // SAFETY: the closure makes one system call and allocates nothing.
    unsafe {
        command.pre_exec(move || Ok(setns(&namespace, CloneFlags::CLONE_NEWNET)?));
    }
}

/// Makes the kernel kill the child when the thread that spawns it ends.
pub(super) fn die_with_spawner(command: &mut Command) {
    let parent = nix::unistd::getpid();
    // SAFETY: the closure makes two system calls and allocates nothing.
    unsafe {
        command.pre_exec(move || {
            prctl::set_pdeathsig(Signal::SIGKILL)?;
            // It may have died before that took effect.
            if getppid() == parent { Ok(()) } else { Err(nix::errno::Errno::ESRCH.into()) }
        });
    }
}
