//! What a majority can do and a minority cannot.

use std::time::Duration;

use super::plain_cast;
use crate::{
    scenario::{
        Scenario, StageError,
        stage::{Look, Stage, agreed, value_of},
    },
    system::Completion,
};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "one-down-two-down",
        sentence: "Three nodes: with one down the others go on, with two down nothing goes on \
                   and nothing untrue is said.",
        cast: plain_cast(3),
        script: |stage| Box::pin(one_down_two_down(stage)),
    },
    Scenario {
        name: "minority-discarded",
        sentence: "Five nodes are cut into two and three with clients on both sides: what the \
                   two took in is discarded at the heal, and their logs are repaired.",
        cast: plain_cast(5),
        script: |stage| Box::pin(minority_discarded(stage)),
    },
];

async fn one_down_two_down(stage: &mut Stage) -> Result<(), StageError> {
    stage.start_all().await?;
    let leader = stage.leader_among(&[0, 1, 2]).await?;
    let others: Vec<usize> = (0..3).filter(|&node| node != leader).collect();
    let (first, last) = (others[0], others[1]);
    let written = stage.write_until_ok(leader, "x", 1).await;
    stage.expect("three nodes serve a write", said(written), written);

    stage.kill(&[first]).await;
    let written = stage.write_until_ok(last, "x", 100).await;
    stage.expect("two of three serve a write", said(written), written);
    let read = stage.read(leader, "x").await;
    let kept = value_of(&read).and_then(serde_json::Value::as_u64).is_some_and(|x| x >= 100);
    stage.expect("and the read after it returns it", said(kept), kept);

    let before = committed(&stage.look().await, last);
    stage.kill(&[leader]).await;
    let expected = "alone, the last node does not lead, whatever it heard before";
    stage.eventually(expected, |look| !leads(look, last)).await;
    let write = stage.write(last, "x", 200).await;
    not_served(stage, "alone, it acknowledges no write", &write);
    let read = stage.read(last, "x").await;
    not_served(stage, "alone, it answers no read", &read);
    let expected = "nothing is committed while it is alone";
    let still = |look: &Look| !leads(look, last) && committed(look, last) <= before;
    stage.throughout(expected, Duration::from_secs(2), still).await;

    stage.start(&[first]).await?;
    stage.leader_among(&[first, last]).await?;
    let written = stage.write_until_ok(first, "x", 300).await;
    stage.expect("two are a majority again", said(written), written);
    stage.start(&[leader]).await?;
    stage.eventually("the third catches up", |look| same_everywhere(look, &[0, 1, 2])).await;
    Ok(())
}

async fn minority_discarded(stage: &mut Stage) -> Result<(), StageError> {
    stage.start_all().await?;
    let old = stage.leader_among(&[0, 1, 2, 3, 4]).await?;
    let others: Vec<usize> = (0..5).filter(|&node| node != old).collect();
    let (two, three) = ([old, others[0]], [others[1], others[2], others[3]]);
    let written = stage.write_until_ok(old, "y", 1).await;
    stage.expect("before the cut a write is served", said(written), written);
    stage.clients_begin(200);
    stage.cut(&[&two, &three]).await?;
    let write = stage.write(old, "y", 1000).await;
    not_served(stage, "the leader of the minority acknowledges no write", &write);
    let new = stage.leader_among(&three).await?;
    let written = stage.write_until_ok(new, "z", 1).await;
    stage.expect("the majority has a leader of its own and serves", said(written), written);
    let uncommitted =
        |look: &Look| look[old].as_ref().is_some_and(|seen| seen.last_index > seen.commit);
    stage
        .eventually("the old leader's log holds entries that are not committed", uncommitted)
        .await;
    let ahead = |look: &Look| match (&look[old], &look[new]) {
        (Some(old), Some(new)) => new.term > old.term || !old.leads(),
        _ => false,
    };
    stage.eventually("the new leader's term is later, or the old one stepped down", ahead).await;
    stage.clients_end().await?;

    stage.heal().await?;
    let all = [0, 1, 2, 3, 4];
    stage.until("all five follow one leader", |look| agreed(look, &all).is_some()).await?;
    let expected = "all five logs are equally long and committed to the end";
    stage.eventually(expected, |look| same_everywhere(look, &all)).await;
    for node in all {
        let read = stage.read(node, "y").await;
        let discarded = value_of(&read).and_then(serde_json::Value::as_u64) != Some(1000);
        let answered = value_of(&read).is_some();
        let held = answered && discarded;
        stage.expect("what the minority took in is gone", said(held), held);
        let read = stage.read(node, "z").await;
        let kept = value_of(&read).is_some_and(|value| !value.is_null());
        stage.expect("what the majority acknowledged is there", said(kept), kept);
    }
    Ok(())
}

fn said(so: bool) -> &'static str {
    if so { "it is so" } else { "it is not so" }
}

/// Notes that an operation should not have been acknowledged.
fn not_served(stage: &mut Stage, expected: &str, completion: &Completion) {
    let held = value_of(completion).is_none();
    stage.expect(expected, crate::scenario::stage::in_words(completion), held);
}

fn leads(look: &Look, node: usize) -> bool {
    look[node].as_ref().is_some_and(crate::scenario::Seen::leads)
}

fn committed(look: &Look, node: usize) -> u64 {
    look[node].as_ref().map_or(0, |seen| seen.commit)
}

/// Whether the logs of `nodes` are equally long, committed and applied to the end.
fn same_everywhere(look: &Look, nodes: &[usize]) -> bool {
    let ends: Option<Vec<[u64; 3]>> = nodes
        .iter()
        .map(|&node| look[node].as_ref().map(|seen| [seen.last_index, seen.commit, seen.applied]))
        .collect();
    ends.is_some_and(|ends| ends.iter().all(|end| *end == [ends[0][0]; 3]))
}
