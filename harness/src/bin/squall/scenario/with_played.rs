//! Situations that a cluster of real nodes reaches too rarely, or never: one real node, n1,
//! among played ones, which say exactly what the situation needs.

use std::time::Duration;

use squall::scenario::{
    Cast, Scenario, StageError,
    stage::{Look, Stage},
};
use squall_node::raft::{
    AppendReply, Body, Entry, LogIndex, Message, Payload, Position, Term, VoteReply,
};

use super::played::Played;

/// n1 is real.
const REAL: usize = 0;
/// How long nothing must happen.
const STILL: Duration = Duration::from_secs(1);

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "candidate-hears-leader",
        sentence: "A candidate hears a leader of an earlier term and stays a candidate; it hears \
                   one of a later term and follows it.",
        cast: cast(|_| &["--elections=plain", "--election-ms=1000"]),
        script: |stage| Box::pin(candidate_hears_leader(stage)),
    },
    Scenario {
        name: "conflicting-suffix",
        sentence: "A follower with the terms [1,1,2,2,4] in its log is repaired by a leader with \
                   [1,1,3,3,4,5].",
        cast: cast(|_| &["--elections=plain", "--election-ms=2000"]),
        script: |stage| Box::pin(conflicting_suffix(stage)),
    },
    Scenario {
        name: "old-term-not-counted",
        sentence: "A majority holds an entry of an earlier term, and it is not committed until an \
                   entry of the leader's own term is.",
        cast: cast(|_| &["--elections=plain", "--election-ms=1000"]),
        script: |stage| Box::pin(old_term_not_counted(stage)),
    },
];

const fn cast(flags: fn(usize) -> &'static [&'static str]) -> Cast {
    Cast { nodes: 3, played: &[1, 2], flags }
}

async fn candidate_hears_leader(stage: &mut Stage) -> Result<(), StageError> {
    let mut n2 = Played::enter(stage, 1)?;
    let mut n3 = Played::enter(stage, 2)?;
    stage.start_all().await?;
    let term = n2.hears("n1 stand for election", candidacy).await?;
    stage.did(format!("n1 stands in term {}; nobody votes", term.0));
    let term = n2.hears("n1 stand again", candidacy).await?;
    stage.expect("without votes it stands again", format!("term {}", term.0), term.0 >= 2);

    stage.did("n2 says that it leads term 1");
    n2.say(stage, REAL, Term(1), heartbeat()).await?;
    let answer = n2.hears("n1's answer", deposed).await?;
    let saw = format!("n1 answers in term {}", answer.0);
    stage.expect("a leader of an earlier term is told of the later one", saw, answer >= term);
    let look = stage.look().await;
    let stands = role(&look).is_some_and(|role| role == "candidate");
    stage.expect("n1 is a candidate still", stage.shown(&look), stands);

    let term = n3.hears("n1 stand again", candidacy).await?;
    let later = Term(term.0 + 5);
    stage.did(format!("n3 says that it leads term {}", later.0));
    n3.say(stage, REAL, later, heartbeat()).await?;
    stage
        .eventually("n1 follows the leader of the later term, in that term", |look| {
            look[REAL].as_ref().is_some_and(|seen| {
                seen.role == "follower"
                    && seen.term == later.0
                    && seen.leader.as_deref() == Some("n3")
            })
        })
        .await;
    Ok(())
}

async fn conflicting_suffix(stage: &mut Stage) -> Result<(), StageError> {
    let mut n2 = Played::enter(stage, 1)?;
    let mut n3 = Played::enter(stage, 2)?;
    stage.start_all().await?;
    stage.note(
        "these two logs cannot stand in one cluster: entries of one term at one index come from \
         one leader, which says what is before them, so index 5 of term 4 in both would mean \
         that all before is equal. The leader is played, and hands over what the notes say",
    );
    stage.did("n2, leader of term 4, sends the entries of terms [1,1,2,2,4]");
    n2.say(stage, REAL, Term(4), append(at(0, 0), &[1, 1, 2, 2, 4], 2)).await?;
    let matched = n2.hears("n1 accept", accepted).await?;
    stage.expect(
        "n1 has all five",
        format!("n1 holds the log up to {}", matched.0),
        matched.0 == 5,
    );

    stage.did("n3, leader of term 5, sends a seventh entry, after its sixth, of term 5");
    n3.say(stage, REAL, Term(5), append(at(5, 6), &[5], 2)).await?;
    let refused = n3.hears("n1 refuse", |message| match message.body {
        Body::AppendReply(AppendReply::Refused { prev, .. }) => Some(prev),
        _ => None,
    });
    let refused = refused.await?;
    stage.expect(
        "n1 lacks the sixth and says so",
        format!("refused at {}", refused.0),
        refused.0 == 6,
    );

    stage.did("n3 sends its entries [3,3,4,5] after the two both have");
    n3.say(stage, REAL, Term(5), append(at(1, 2), &[3, 3, 4, 5], 6)).await?;
    let matched = n3.hears("n1 accept", accepted).await?;
    let saw = format!("n1 holds the leader's log up to {}", matched.0);
    stage.expect("n1 has all six of the leader's", saw, matched.0 == 6);
    stage
        .eventually("n1's log is six entries long, committed to the end", |look| {
            look[REAL].as_ref().is_some_and(|seen| seen.last_index == 6 && seen.commit == 6)
        })
        .await;
    let terms = own_log(stage, &mut n2).await?;
    let held = terms.starts_with(&[1, 1, 3, 3, 4, 5]);
    stage.expect(
        "when n1 leads, the log it hands on is the leader's, without a trace of [2,2,4]",
        format!("{terms:?}"),
        held,
    );
    Ok(())
}

/// Elects n1 with n2's vote and lets it send its whole log; returns the terms of the entries.
async fn own_log(stage: &mut Stage, n2: &mut Played) -> Result<Vec<u64>, StageError> {
    let term = n2.hears("n1 stand for election", candidacy).await?;
    n2.say(stage, REAL, term, Body::VoteReply(VoteReply::Granted)).await?;
    stage.did(format!("n2 votes for n1 in term {}, and says that its log is empty", term.0));
    let prev = n2.hears("n1's first append", |message| match &message.body {
        Body::Append { prev, .. } if message.term == term => Some(prev.index),
        _ => None,
    });
    let prev = prev.await?;
    let hint = squall_node::raft::Hint::Short(LogIndex(1));
    let refused = Body::AppendReply(AppendReply::Refused { prev, hint });
    n2.say(stage, REAL, term, refused).await?;
    let entries = n2.hears("n1's log from its beginning", |message| match &message.body {
        Body::Append { prev, entries, .. } if prev.index == LogIndex::ZERO => {
            Some(entries.iter().map(|entry| entry.position.term.0).collect())
        }
        _ => None,
    });
    entries.await
}

async fn old_term_not_counted(stage: &mut Stage) -> Result<(), StageError> {
    let n2 = Played::enter(stage, 1)?;
    let mut n3 = Played::enter(stage, 2)?;
    stage.start_all().await?;
    stage
        .did("n2, leader of term 2, sends entries of terms [1,2], of which the first is committed");
    n2.say(stage, REAL, Term(2), append(at(0, 0), &[1, 2], 1)).await?;
    stage
        .until("n1 has both and knows the first to be committed", |look| {
            look[REAL].as_ref().is_some_and(|seen| seen.last_index == 2 && seen.commit == 1)
        })
        .await?;
    let term = n3.hears("n1 stand for election", candidacy).await?;
    n3.say(stage, REAL, term, Body::VoteReply(VoteReply::Granted)).await?;
    stage.did(format!("n2 is gone; n1 stands in term {}, and n3 votes for it", term.0));
    n3.hears("n1's append", |message| match message.body {
        Body::Append { .. } if message.term == term => Some(()),
        _ => None,
    })
    .await?;
    let accept = |index| Body::AppendReply(AppendReply::Accepted { matched: LogIndex(index) });
    stage.did("n3 says that it holds n1's log up to 2: now a majority has the entry of term 2");
    n3.say(stage, REAL, term, accept(2)).await?;
    let still = |look: &Look| look[REAL].as_ref().is_some_and(|seen| seen.commit == 1);
    stage.throughout("n1 does not commit it, however long a majority has it", STILL, still).await;
    stage.did("n3 says that it holds the log up to 3, the first entry of n1's own term");
    n3.say(stage, REAL, term, accept(3)).await?;
    stage
        .eventually("both are committed together", |look| {
            look[REAL].as_ref().is_some_and(|seen| seen.commit == 3)
        })
        .await;
    Ok(())
}

/// The term of a candidacy.
fn candidacy(message: &Message) -> Option<Term> {
    matches!(message.body, Body::VoteRequest { .. }).then_some(message.term)
}

/// The term in which a leader of the past was answered.
fn deposed(message: &Message) -> Option<Term> {
    matches!(message.body, Body::Deposed).then_some(message.term)
}

fn accepted(message: &Message) -> Option<LogIndex> {
    match message.body {
        Body::AppendReply(AppendReply::Accepted { matched }) => Some(matched),
        _ => None,
    }
}

fn role(look: &Look) -> Option<&str> {
    look[REAL].as_ref().map(|seen| seen.role.as_str())
}

fn heartbeat() -> Body {
    Body::Heartbeat { commit: LogIndex::ZERO, round: 0 }
}

fn at(term: u64, index: u64) -> Position {
    Position { term: Term(term), index: LogIndex(index) }
}

/// Entries of these terms after `prev`.
fn append(prev: Position, terms: &[u64], commit: u64) -> Body {
    let entries = (prev.index.0 + 1..)
        .zip(terms)
        .map(|(index, &term)| Entry { position: at(term, index), payload: Payload::Noop });
    Body::Append { prev, entries: entries.collect(), commit: LogIndex(commit) }
}
