//! Faults that are orders of an administrator: members removed and readmitted, the lead handed
//! over, snapshots taken.
//!
//! What a system answers is not evidence; what its voters and its leader are afterwards is.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::effect::Trouble;
use crate::nodes::{Nodes, Order};

/// How long a change of members may take, with everything that is refused on the way: a leader
/// makes one change at a time, and a learner must catch up before it votes.
const CHANGE_PATIENCE: Duration = Duration::from_secs(5);
/// How long until a node leads that the lead was handed to, or until anybody does.
const LEAD_PATIENCE: Duration = Duration::from_secs(3);
/// How often a leader is asked for the voters that does not tell: it may be busy, or unable to.
const SILENCES_MAX: u32 = 5;
const POLL: Duration = Duration::from_millis(20);

/// Has `node` removed; observed when it is no voter any more.
pub(super) async fn remove<N: Nodes>(nodes: &N, node: usize) -> Result<Value, Trouble> {
    if nodes.voters().await.is_some_and(|voters| !voters.contains(&node)) {
        return Err(Trouble("it was no voter before".to_owned()));
    }
    change(nodes, &[Order::Remove(node)], |voters| !voters.contains(&node)).await
}

/// The voters, once somebody leads who tells; `None` when nobody leads in time, or who leads does
/// not tell.
///
/// A cluster that was cut or killed a moment ago has yet to elect somebody.
pub(super) async fn await_voters<N: Nodes>(nodes: &N) -> Option<Vec<usize>> {
    let deadline = Instant::now() + LEAD_PATIENCE;
    let mut silences = 0;
    loop {
        let led = nodes.leader().is_some();
        if let Some(voters) = nodes.voters().await {
            return Some(voters);
        }
        silences += u32::from(led);
        if silences == SILENCES_MAX || Instant::now() > deadline {
            return None;
        }
        sleep(POLL).await;
    }
}

/// Has `node` added again; observed when it is a voter.
pub(super) async fn readmit<N: Nodes>(nodes: &N, node: usize) -> Result<Value, Trouble> {
    let orders = [Order::AddLearner(node), Order::Promote(node)];
    change(nodes, &orders, |voters| voters.contains(&node)).await
}

/// Gives `orders` one after the other, again and again, until the voters are as they should be.
async fn change<N: Nodes>(
    nodes: &N,
    orders: &[Order],
    done: impl Fn(&[usize]) -> bool,
) -> Result<Value, Trouble> {
    let deadline = Instant::now() + CHANGE_PATIENCE;
    let mut refused: Option<String> = None;
    for attempt in 0_u32.. {
        if let Some(voters) = nodes.voters().await
            && done(&voters)
        {
            let names: Vec<_> = voters.iter().map(|&voter| &nodes.names()[voter]).collect();
            return Ok(json!({ "voters": names, "attempts": attempt }));
        }
        if Instant::now() > deadline {
            break;
        }
        for order in orders {
            // One that was carried out before is refused now; the voters tell them apart.
            if let Err(why) = nodes.order(*order).await {
                refused = Some(why);
            }
        }
        sleep(POLL).await;
    }
    let why = refused.unwrap_or_else(|| "the voters are what they were".to_owned());
    Err(Trouble(why))
}

/// Has the lead handed to `node`; observed when it leads and did not before.
pub(super) async fn hand_over<N: Nodes>(nodes: &N, node: usize) -> Result<Value, Trouble> {
    let nobody = |_| Trouble("nobody was seen to lead before".to_owned());
    let before = await_leader(nodes, |_| true).await.map_err(nobody)?;
    if before == node {
        return Err(Trouble("it led before".to_owned()));
    }
    nodes.order(Order::Transfer(node)).await.map_err(Trouble)?;
    await_leader(nodes, |leader| leader == node).await?;
    let name = |leader: usize| nodes.names()[leader].clone();
    Ok(json!({ "led_before": name(before), "leads": name(node) }))
}

/// Has `node` take a snapshot; observed when it says up to where that reaches.
pub(super) async fn snapshot<N: Nodes>(nodes: &N, node: usize) -> Result<Value, Trouble> {
    nodes.order(Order::Snapshot(node)).await.map_err(Trouble)
}

/// Waits until somebody leads.
pub(super) async fn settle<N: Nodes>(nodes: &N) -> Result<Value, Trouble> {
    let leader = await_leader(nodes, |_| true).await?;
    Ok(json!({ "leads": nodes.names()[leader] }))
}

async fn await_leader<N: Nodes>(
    nodes: &N,
    wanted: impl Fn(usize) -> bool,
) -> Result<usize, Trouble> {
    let deadline = Instant::now() + LEAD_PATIENCE;
    loop {
        match nodes.leader() {
            Some(leader) if wanted(leader) => return Ok(leader),
            _ if Instant::now() > deadline => {
                let seconds = LEAD_PATIENCE.as_secs();
                return Err(Trouble(format!("it was not seen to lead within {seconds} s")));
            }
            _ => sleep(POLL).await,
        }
    }
}
