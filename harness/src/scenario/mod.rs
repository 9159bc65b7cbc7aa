//! Scenarios: situations of the protocol as scripts against real processes.
//!
//! A [`Scenario`] is a name, a sentence and a script. The script acts on a [`Stage`], which
//! owns the cluster, its network and its clients, and says at every step what was done, what
//! was expected and what was seen; [`perform`] sets the stage, runs the script, and lets the
//! checker judge every operation of it. What is left is a [`Transcript`].
//!
//! Deliberately absent: faults at random and load, which are the business of a run.

mod nodes;
mod page;
mod perform;
mod scripts;
pub mod stage;
mod text;
mod transcript;

use std::{pin::Pin, time::Duration};

use crate::{cluster::ClusterError, plan::Net};

pub use nodes::{Cast, Seen};
pub use page::html;
pub use perform::{PerformError, Performance, perform};
pub use scripts::all;
pub use stage::Stage;
pub use text::{one_line, outcome};
pub use transcript::{Line, Step, Transcript};

/// A situation with its script.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// The name on the command line.
    pub name: &'static str,
    /// What is shown, in a sentence.
    pub sentence: &'static str,
    /// The nodes and how they are started.
    pub cast: Cast,
    /// What is done and expected.
    pub script: Script,
}

/// A script; an expectation that does not hold is no error but a line of the transcript.
pub type Script = for<'a> fn(&'a mut Stage) -> Acting<'a>;

/// A script under way.
pub type Acting<'a> = Pin<Box<dyn Future<Output = Result<(), StageError>> + 'a>>;

/// What keeps a script from going on.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// A node could not be started or ended.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The network could not be cut or healed.
    #[error(transparent)]
    Network(#[from] squall_nemesis::network::NetworkError),
    /// A client ended in a panic.
    #[error("run the clients")]
    Client(#[from] tokio::task::JoinError),
    /// Somebody the script plays cannot act.
    #[error("play {who}: {why}")]
    Played {
        /// Whom.
        who: String,
        /// What went wrong.
        why: String,
    },
    /// What the rest of the script rests on did not come about.
    #[error("go on: {expected}, but not within {}", humantime::format_duration(*within))]
    Stuck {
        /// What was waited for.
        expected: String,
        /// How long.
        within: Duration,
    },
}

impl Scenario {
    /// How its nodes are connected: played nodes stand on loopback, where the harness can
    /// listen in their place.
    #[must_use]
    pub fn net(&self) -> Net {
        if self.cast.played.is_empty() { Net::Auto } else { Net::Proxy }
    }
}
