//! What the clients of one workload differ in: their role, and their stream of chance.
//!
//! An operation that hangs in a cut-off leader holds its client up, and a store that answers
//! stale reads is caught by those who never wait for a change: so some clients only read and
//! some never do.

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use crate::workload::Client;

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
    /// The role of a client: a quarter each only read and only change.
    ///
    /// Roles go by quarters of the clients, not by turns: clients are spread over the nodes by
    /// turns, and every node should meet every role.
    pub(crate) fn of(client: Client) -> Self {
        match 4 * client.number / client.of {
            2 => Self::Reads,
            3 => Self::Changes,
            _ => Self::Both,
        }
    }
}

impl Role {
    /// Whether the next operation of a client that does both `percent` of a hundred times reads.
    pub(crate) fn reads(self, percent: u32, rng: &mut ChaCha8Rng) -> bool {
        match self {
            Self::Both => rng.random_range(0..100) < percent,
            Self::Reads => true,
            Self::Changes => false,
        }
    }
}

/// The stream of chance of a client; those of one seed have nothing in common.
pub(crate) fn client_rng(seed: u64, client: Client) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(client.number as u64);
    rng
}

/// The seed of one part of what `seed` determines; parts have nothing in common.
///
/// The finaliser of SplitMix64 (Steele, Lea & Flood 2014), which maps no two inputs to one
/// output.
pub(crate) fn seed_of_part(seed: u64, part: u64) -> u64 {
    let mut mixed = seed.wrapping_add((part + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
