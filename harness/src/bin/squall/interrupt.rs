//! Ctrl-C: the first one ends the workload early, and the run is healed, read back and
//! judged all the same; the second one ends everything at once.

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Exit code after the second Ctrl-C, as shells have it.
const INTERRUPTED: i32 = 130;

/// Listens from now on; the flag becomes true at the first signal.
pub(crate) fn listen() -> std::io::Result<watch::Receiver<bool>> {
    let (flag, interrupted) = watch::channel(false);
    let mut int = signal(SignalKind::interrupt())?;
    let mut term = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        tokio::select! { _ = int.recv() => {} _ = term.recv() => {} }
        eprintln!("\nsquall: ending early: healing, reading back and checking what there is");
        eprintln!("squall: once more ends at once, without a verdict");
        flag.send_replace(true);
        tokio::select! { _ = int.recv() => {} _ = term.recv() => {} }
        std::process::exit(INTERRUPTED);
    });
    Ok(interrupted)
}
