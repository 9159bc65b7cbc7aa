//! Ctrl-C: the first one ends the workload early, and the run is healed, read back and
//! judged all the same; the second one ends everything at once.

use std::time::Duration;

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Exit code after the second Ctrl-C, as shells have it.
const INTERRUPTED: i32 = 130;
/// How long after the first signal another one counts as the same.
const ECHO: Duration = Duration::from_millis(400);

/// Listens from now on; the flag becomes true at the first signal, after saying `how` the
/// command ends early.
pub(crate) fn listen(how: &'static str) -> std::io::Result<watch::Receiver<bool>> {
    let (flag, interrupted) = watch::channel(false);
    let mut int = signal(SignalKind::interrupt())?;
    let mut term = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        tokio::select! { _ = int.recv() => {} _ = term.recv() => {} _ = hangup.recv() => {} }
        tell!("\nsquall: ending early: {how}; once more ends at once");
        flag.send_replace(true);
        // A signal sent to a whole process group arrives twice: directly and passed on.
        let echoes = tokio::time::Instant::now() + ECHO;
        loop {
            let received = tokio::select! {
                received = int.recv() => received,
                received = term.recv() => received,
                received = hangup.recv() => received,
            };
            if received.is_some() && tokio::time::Instant::now() > echoes {
                break;
            }
        }
        std::process::exit(INTERRUPTED);
    });
    Ok(interrupted)
}

/// Ends this process as soon as stdin is closed.
pub(crate) fn end_with_stdin() {
    std::thread::spawn(|| {
        // Nothing is ever written to it; an error is as good as an end.
        drop(std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
        std::process::exit(INTERRUPTED);
    });
}
