//! What the clients of one workload differ in: their role, and their stream of chance.
//!
//! An operation that hangs in a cut-off leader holds its client up, and a store that answers
//! stale reads is caught by those who never wait for a change: so some clients only read and
//! some never do.

use rand::{SeedableRng, rngs::ChaCha8Rng};

/// What a client does, as far as that is not left to chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Reads and changes.
    Both,
    /// Only reads.
    Reads,
    /// Only changes.
    Changes,
}

impl Role {
    /// The role of `client`, counted from 0, out of `clients`: a quarter each only read and
    /// only change.
    ///
    /// Roles go by quarters of the clients, not by turns: clients are spread over the nodes by
    /// turns, and every node should meet every role.
    pub(crate) fn of(client: usize, clients: usize) -> Self {
        match 4 * client / clients {
            2 => Self::Reads,
            3 => Self::Changes,
            _ => Self::Both,
        }
    }
}

/// The stream of chance of `client`; those of one seed have nothing in common.
pub(crate) fn client_rng(seed: u64, client: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(client as u64);
    rng
}
