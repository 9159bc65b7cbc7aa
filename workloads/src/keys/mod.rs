//! Which keys operations are about: hot and cold ones, and keys that follow each other.

mod choice;
mod slots;

pub use choice::KeyChoice;
pub(crate) use slots::FINAL_KEYS_MAX;
pub use slots::Slots;
