//! The steps of making a sandbox that no safe wrapper offers.

#![expect(
    unsafe_code,
    reason = "clone with the semantics of fork, code between fork and exec, and an exit that runs \
              no handlers"
)]

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use nix::errno::Errno;
use nix::libc;
use nix::sched::CloneFlags;
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
use nix::unistd::Pid;

/// Forks this process into new namespaces: `None` in the child, the child's id in the parent.
///
/// The caller has made sure that there is one thread; a second would vanish in the child together
/// with whatever locks it held.
pub(super) fn clone_into(namespaces: CloneFlags) -> Result<Option<Pid>, Errno> {
    let flags = libc::c_long::from(namespaces.bits() | libc::SIGCHLD);
    // SAFETY: without a stack or CLONE_VM this is fork: the child runs on its own copy of
    // everything, and with one thread that copy is consistent.
    let result = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    match Errno::result(result)? {
        0 => Ok(None),
        pid => Ok(Some(Pid::from_raw(i32::try_from(pid).expect("process ids fit in pid_t")))),
    }
}

/// Makes the child of `command` block the signals in `blocked` and no others.
///
/// Left alone it would inherit what its init blocks, and never hear a signal.
pub(super) fn block_only(command: &mut Command, blocked: SigSet) {
    // SAFETY: the closure makes one system call and allocates nothing.
    unsafe {
        command.pre_exec(move || Ok(sigprocmask(SigmaskHow::SIG_SETMASK, Some(&blocked), None)?));
    }
}

/// Ends this process at once.
///
/// A clone must not flush the buffers or run the exit handlers it inherited: its parent will.
pub(super) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit takes any value and does not return.
    unsafe { libc::_exit(code) }
}
