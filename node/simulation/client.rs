//! One client: what it is doing, and what it knows.

use squall_node::machine::{Command, Outcome, Sequence, SessionId, Stamp};
use squall_node::raft::NodeId;

use super::history::Ending;
use super::schedule::Moment;
use super::server::{AttemptId, Caller};
use super::workload::{Deed, Object};

/// What a client wants of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
    /// A session to be registered; no operation of the history.
    Register,
    /// An operation of the history.
    Operation { object: Object, deed: Deed, stamp: Option<Stamp> },
}

impl Errand {
    /// Returns what is to be proposed, unless it is a read.
    pub(crate) fn command(self) -> Option<Command> {
        match self {
            Self::Register => Some(Command::RegisterSession),
            Self::Operation { object, deed, stamp } => {
                let action = deed.action(object)?;
                Some(match stamp {
                    Some(stamp) => Command::Stamped(stamp, action),
                    None => Command::Plain(action),
                })
            }
        }
    }

    pub(crate) fn object(self) -> Option<Object> {
        match self {
            Self::Register => None,
            Self::Operation { object, .. } => Some(object),
        }
    }

    /// Returns whether it may be tried again when it may have happened before.
    pub(crate) fn may_be_repeated(self) -> bool {
        match self {
            // A session too many does no harm, and a read none at all.
            Self::Register | Self::Operation { deed: Deed::Read, .. } => true,
            Self::Operation { stamp, .. } => stamp.is_some(),
        }
    }
}

/// An errand on its way to a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) caller: Caller,
    pub(crate) to: NodeId,
    pub(crate) errand: Errand,
}

/// Whether an operation may have taken effect already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    None,
    Some,
}

/// An errand under way.
pub(crate) struct Running {
    pub(crate) errand: Errand,
    pub(crate) deadline: Moment,
    /// The attempt whose answer is waited for, unless the client rests.
    pub(crate) attempt: Option<AttemptId>,
    pub(crate) to: Option<NodeId>,
    pub(crate) doubt: Doubt,
}

impl Running {
    /// Says how the operation ends that is given up.
    pub(crate) fn given_up(&self) -> Ending {
        match (self.errand, self.doubt) {
            (Errand::Operation { deed: Deed::Read, .. }, _) | (_, Doubt::None) => Ending::Fail,
            (_, Doubt::Some) => Ending::Info,
        }
    }
}

/// A session, as its client knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    id: SessionId,
    used: u64,
}

impl Session {
    pub(crate) fn new(id: SessionId) -> Self {
        Self { id, used: 0 }
    }

    /// Returns the stamp of the next write; all writes before it are settled.
    pub(crate) fn stamp(&mut self) -> Stamp {
        self.used += 1;
        let sequence = Sequence(self.used);
        Stamp { session: self.id, sequence, lowest_outstanding: sequence }
    }
}

/// Whether a client uses a session, and which.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Style {
    /// It never tries again what may have happened.
    Once,
    /// It does, once it has a session.
    Again(Option<Session>),
}

pub(crate) struct Client {
    /// Its name in the history; a new one after an operation of unknown end.
    pub(crate) process: u64,
    pub(crate) running: Option<Running>,
    /// Who it thinks leads.
    pub(crate) leader: Option<NodeId>,
    pub(crate) style: Style,
    /// What it last saw in registers.
    seen: Vec<(Object, i64)>,
}

impl Client {
    pub(crate) fn new(process: u64, style: Style) -> Self {
        Self { process, running: None, leader: None, style, seen: Vec::new() }
    }

    /// Returns what the client last saw in a register.
    pub(crate) fn seen(&self, object: Object) -> Option<i64> {
        self.seen.iter().find(|(other, _)| *other == object).map(|(_, value)| *value)
    }

    /// Remembers what an operation showed of a register.
    pub(crate) fn learn(&mut self, object: Object, deed: Deed, ending: &Ending) {
        let held = match (ending, deed) {
            (Ending::Ok(found), Deed::Read) | (Ending::Mismatch(found), _) => found.as_i64(),
            (Ending::Ok(_), Deed::Write(new) | Deed::Cas { new, .. }) => Some(new),
            _ => None,
        };
        self.seen.retain(|(other, _)| *other != object);
        self.seen.extend(held.map(|value| (object, value)));
    }
}

/// Says how an operation ended, given the outcome of its command.
pub(crate) fn ending(outcome: &Outcome, deed: Deed, doubt: Doubt) -> Ending {
    match outcome {
        Outcome::Written { .. } | Outcome::Transacted { .. } | Outcome::Registered(_) => {
            Ending::Ok(deed.argument())
        }
        Outcome::Mismatch { actual, .. } => Ending::Mismatch(
            serde_json::from_str(actual.as_str()).expect("the machine holds nothing but JSON"),
        ),
        Outcome::Refused(_) | Outcome::SessionUnknown | Outcome::OutcomeForgotten => match doubt {
            Doubt::None => Ending::Fail,
            Doubt::Some => Ending::Info,
        },
    }
}
