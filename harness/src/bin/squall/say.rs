//! Words on stdout and stderr that survive whoever stops listening.
//!
//! The standard macros panic when a pipe is closed or a disk is full. A verdict must not be
//! lost to `| head`, so what cannot be said is left unsaid.

use std::{
    fmt::Arguments,
    io::{ErrorKind, Write, stderr, stdout},
};

/// Writes a line to stdout; says so on stderr when that fails for another reason than that
/// nobody reads it.
pub(crate) fn line(text: Arguments<'_>) {
    let mut out = stdout().lock();
    let written =
        out.write_fmt(text).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        Err(error) => remark(format_args!("squall: cannot write to stdout: {error}")),
    }
}

/// Writes a line to stderr, if anybody listens.
pub(crate) fn remark(text: Arguments<'_>) {
    let mut err = stderr().lock();
    // There is nowhere left to complain.
    drop(err.write_fmt(text).and_then(|()| err.write_all(b"\n")));
}

/// Like `println!`, without its panic.
macro_rules! say {
    ($($words:tt)*) => { $crate::say::line(format_args!($($words)*)) };
}

/// Like `eprintln!`, without its panic.
macro_rules! tell {
    ($($words:tt)*) => { $crate::say::remark(format_args!($($words)*)) };
}
