//! Who comes to lead, and who does not.

use std::time::Duration;

use super::plain_cast;
use crate::scenario::{
    Cast, Scenario, StageError,
    stage::{Look, Stage, agreed, value_of},
};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "cold-start",
        sentence: "Five nodes start with nothing, elect one leader among them, and keep it as \
                   long as it lives.",
        cast: plain_cast(5),
        script: |stage| Box::pin(cold_start(stage)),
    },
    Scenario {
        name: "split-vote",
        sentence: "Of four nodes two stand for election at once and get two votes each: nobody \
                   leads, and a later term brings a leader.",
        cast: Cast {
            nodes: 4,
            played: &[],
            flags: |_| &["--elections", "plain", "--election-ms", "500"],
        },
        script: |stage| Box::pin(split_vote(stage)),
    },
    Scenario {
        name: "asked-in-vain",
        sentence: "The same two halves, where nodes ask before they stand: nobody leads, and no \
                   term begins that nobody can win.",
        cast: plain_cast(4),
        script: |stage| Box::pin(asked_in_vain(stage)),
    },
    Scenario {
        name: "older-log-refused",
        sentence: "A node that missed writes stands for election first, is refused, and the node \
                   that has them leads.",
        cast: Cast {
            nodes: 3,
            played: &[],
            flags: |node| match node {
                HASTY => &["--elections", "plain", "--election-ms", "150"],
                _ => &["--elections", "plain", "--election-ms", "700"],
            },
        },
        script: |stage| Box::pin(older_log_refused(stage)),
    },
];

/// The node that stands first in `older-log-refused`.
const HASTY: usize = 2;

async fn cold_start(stage: &mut Stage) -> Result<(), StageError> {
    let all = [0, 1, 2, 3, 4];
    stage.start_all().await?;
    let leader = stage.leader_among(&all).await?;
    let term = term_of(&stage.look().await, leader);
    let expected = format!("{} goes on leading in the same term", stage.name(leader));
    let stays = |look: &Look| agreed(look, &all) == Some(leader) && term_of(look, leader) == term;
    stage.throughout(&expected, Duration::from_secs(2), stays).await;
    for node in all {
        let written = stage.write_until_ok(node, "x", 1 + 100 * node as u64).await;
        stage.expect("a write is served, wherever it is sent", outcome(written), written);
    }
    let last = stage.read(leader, "x").await;
    for node in all {
        let read = stage.read(node, "x").await;
        let same = value_of(&read).is_some() && value_of(&read) == value_of(&last);
        stage.expect("every node serves the last value", outcome(same), same);
    }
    Ok(())
}

async fn split_vote(stage: &mut Stage) -> Result<(), StageError> {
    let halves: [&[usize]; 2] = [&[0, 2], &[1, 3]];
    stage.cut(&halves).await?;
    stage.start_all().await?;
    let expected = "in each half one node stands in the same term";
    let look = stage.until(expected, |look| same_term_candidates(look, &halves)).await?;
    let term = highest_term(&look);
    let expected = "two votes of four elect nobody, however often they stand";
    stage.throughout(expected, Duration::from_secs(3), |look| leaders(look) == 0).await;
    stage.eventually("and each try is a term of its own", |look| highest_term(look) > term).await;
    let write = stage.write(0, "x", 1).await;
    let served = value_of(&write).is_some();
    stage.expect("nothing is acknowledged without a leader", outcome(served), !served);
    let split = highest_term(&stage.look().await);
    stage.heal().await?;
    let leader = stage.leader_among(&[0, 1, 2, 3]).await?;
    let term = term_of(&stage.look().await, leader);
    stage.expect(
        "with four votes to be had, a later term has a leader",
        format!(
            "{} leads in term {term}; the votes were split up to term {split}",
            stage.name(leader)
        ),
        term > split,
    );
    let written = stage.write_until_ok(3, "x", 2).await;
    stage.expect("writes are served again", outcome(written), written);
    Ok(())
}

async fn asked_in_vain(stage: &mut Stage) -> Result<(), StageError> {
    stage.cut(&[&[0, 2], &[1, 3]]).await?;
    stage.start_all().await?;
    stage
        .eventually("somebody asks", |look| {
            look.iter().flatten().any(|seen| seen.role != "follower")
        })
        .await;
    let expected = "nobody leads and no term begins";
    let still = |look: &Look| leaders(look) == 0 && highest_term(look) == 0;
    stage.throughout(expected, Duration::from_secs(3), still).await;
    stage.heal().await?;
    let leader = stage.leader_among(&[0, 1, 2, 3]).await?;
    let written = stage.write_until_ok(leader, "x", 1).await;
    stage.expect("writes are served", outcome(written), written);
    Ok(())
}

async fn older_log_refused(stage: &mut Stage) -> Result<(), StageError> {
    // The others first: n3 must not lead to begin with.
    stage.start(&[0, 1]).await?;
    stage.leader_among(&[0, 1]).await?;
    stage.start(&[HASTY]).await?;
    stage.until("all follow one leader", |look| agreed(look, &[0, 1, HASTY]).is_some()).await?;
    stage.cut(&[&[0, 1], &[HASTY]]).await?;
    let leader = stage.leader_among(&[0, 1]).await?;
    let other = 1 - leader;
    let written = stage.write_until_ok(leader, "x", 1).await;
    stage.expect("two of three go on without n3", outcome(written), written);
    let behind = |look: &Look| match (&look[other], &look[HASTY]) {
        (Some(other), Some(hasty)) => {
            other.last_index > hasty.last_index && hasty.term > other.term + 1
        }
        _ => false,
    };
    stage.until("n3 stands again and again, with a log that lacks the write", behind).await?;
    let stood = term_of(&stage.look().await, HASTY);
    stage.cut(&[&[other, HASTY], &[leader]]).await?;
    let expected = format!(
        "of {} and n3, who can only elect each other, {} leads, whose log has the write",
        stage.name(other),
        stage.name(other)
    );
    let look = stage.until(&expected, |look| agreed(look, &[other, HASTY]) == Some(other)).await?;
    let term = term_of(&look, other);
    let saw = format!("n3 stood in term {stood}, {} leads in term {term}", stage.name(other));
    stage.expect("n3 had stood before and got no vote", saw, stood < term);
    let read = stage.read(other, "x").await;
    let kept = value_of(&read).is_some_and(|value| !value.is_null());
    stage.expect("the write is still there", outcome(kept), kept);
    stage.heal().await?;
    stage.eventually("all three agree again", |look| agreed(look, &[0, 1, 2]).is_some()).await;
    Ok(())
}

fn outcome(so: bool) -> &'static str {
    if so { "it is" } else { "it is not" }
}

fn leaders(look: &Look) -> usize {
    look.iter().flatten().filter(|seen| seen.leads()).count()
}

fn highest_term(look: &Look) -> u64 {
    look.iter().flatten().map(|seen| seen.term).max().unwrap_or(0)
}

/// The term of a node; 0 of one that is silent.
fn term_of(look: &Look, node: usize) -> u64 {
    look[node].as_ref().map_or(0, |seen| seen.term)
}

/// Whether every group has a candidate, all in one term.
fn same_term_candidates(look: &Look, groups: &[&[usize]]) -> bool {
    let standing = |group: &&[usize]| {
        let seen = group.iter().filter_map(|&node| look[node].as_ref());
        seen.filter(|seen| seen.role == "candidate").map(|seen| seen.term).max()
    };
    let terms: Vec<Option<u64>> = groups.iter().map(standing).collect();
    terms[0].is_some() && terms.iter().all(|term| *term == terms[0])
}
