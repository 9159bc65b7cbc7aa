//! What the node knows about itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use tokio::sync::oneshot;

use super::{Api, reply};
use crate::driver::{Input, Report};
use crate::raft::{LogIndex, Member, NodeId, ReadMode, Term};

/// How long to wait for the driver's report. A driver that is busy for longer
/// must not make the node look dead: the rest is told without it.
const REPORT_TIMEOUT: Duration = Duration::from_millis(50);

#[derive(Serialize)]
struct StatusReply {
    id: NodeId,
    role: &'static str,
    term: Term,
    leader: Option<NodeId>,
    commit: LogIndex,
    applied: LogIndex,
    last_index: LogIndex,
    reads: &'static str,
    uptime_ms: u64,
    version: &'static str,
    bug: Option<&'static str>,
    #[serde(flatten)]
    details: Option<Details>,
}

/// What only the driver knows, as of the same moment as the rest.
#[derive(Serialize)]
struct Details {
    first_index: LogIndex,
    snapshot_index: LogIndex,
    keys: usize,
    sessions: usize,
    /// Hexadecimal, for JSON's numbers lose bits in many hands.
    digest: String,
    voters: Vec<NodeId>,
    members: BTreeMap<NodeId, Member>,
    /// By follower, how many entries it is behind; for a leader.
    lag: Option<BTreeMap<NodeId, u64>>,
}

impl From<Report> for Details {
    fn from(report: Report) -> Self {
        let last = report.status.last_index.0;
        let lag = |(id, matched): (NodeId, LogIndex)| (id, last.saturating_sub(matched.0));
        let leads = report.status.leader == Some(report.status.id);
        Self {
            first_index: report.first_index,
            snapshot_index: report.snapshot_index,
            keys: report.keys,
            sessions: report.sessions,
            digest: format!("{:016x}", report.digest),
            voters: report.membership.voters().collect(),
            members: report.membership.members().map(|(id, member)| (id, member.clone())).collect(),
            lag: leads.then(|| report.followers.into_iter().map(lag).collect()),
        }
    }
}

/// `GET /status`: answered without asking any other node, so also without a quorum.
pub(super) async fn status(State(api): State<Arc<Api>>) -> Response {
    let report = api.report().await;
    let status = report.as_ref().map_or_else(|| *api.status.borrow(), |report| report.status);
    let reply = StatusReply {
        id: status.id,
        role: status.role.as_str(),
        term: status.term,
        leader: status.leader,
        commit: status.commit,
        applied: status.applied,
        last_index: status.last_index,
        reads: match api.reads {
            ReadMode::ReadIndex => "index",
            ReadMode::Lease => "lease",
        },
        uptime_ms: u64::try_from(api.began.elapsed().as_millis()).unwrap_or(u64::MAX),
        version: env!("CARGO_PKG_VERSION"),
        bug: api.bug.map(|bug| bug.describe().name),
        details: report.map(Details::from),
    };
    reply::serialized(StatusCode::OK, &reply)
}

impl Api {
    /// Asks the driver, unless it is too busy to answer.
    async fn report(&self) -> Option<Report> {
        let (reply, report) = oneshot::channel();
        self.inputs.try_send(Input::Report { reply }).ok()?;
        tokio::time::timeout(REPORT_TIMEOUT, report).await.ok()?.ok()
    }
}
