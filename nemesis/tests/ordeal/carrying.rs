//! Carrying a schedule out to its end.

use std::sync::Mutex;

use squall_nemesis::Nodes;
use squall_nemesis::conductor::{NemesisEvent, Summary, conduct};
use squall_nemesis::network::Network;
use squall_nemesis::schedule::Schedule;
use tokio::sync::watch;

/// Carries `schedule` out, undisturbed, and returns what was recorded.
pub(crate) async fn carry_out(
    schedule: &Schedule,
    nodes: &impl Nodes,
    network: &Network,
) -> (Vec<NemesisEvent>, Summary) {
    carry_out_until(schedule, nodes, network, |_| false).await
}

/// The same, but stops once what was recorded is `enough`.
pub(crate) async fn carry_out_until(
    schedule: &Schedule,
    nodes: &impl Nodes,
    network: &Network,
    enough: impl Fn(&[NemesisEvent]) -> bool + Sync,
) -> (Vec<NemesisEvent>, Summary) {
    let events = Mutex::new(Vec::new());
    let (stop, stopped) = watch::channel(false);
    let record = |event| {
        let mut events = events.lock().expect("no panic while recording");
        events.push(event);
        if enough(&events) {
            stop.send_replace(true);
        }
    };
    let summary = conduct(schedule, nodes, network, &record, stopped).await;
    (events.into_inner().expect("no panic while recording"), summary)
}
