//! The two system calls behind the sandbox that no safe wrapper offers.

#![expect(
    unsafe_code,
    reason = "clone with the semantics of fork, and an exit that runs no handlers"
)]

use nix::errno::Errno;
use nix::libc;
use nix::sched::CloneFlags;
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

/// Ends this process at once.
///
/// A clone must not flush the buffers or run the exit handlers it inherited: its parent will.
pub(super) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit takes any value and does not return.
    unsafe { libc::_exit(code) }
}
