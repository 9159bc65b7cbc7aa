//! EDN, as far as histories need it: reading one form in memory, and writing events.
//!
//! No crate for EDN is used. What a history needs is an error for numbers that 64 bits cannot
//! tell apart, which takes the digits as written; integers up to `u64::MAX`; and nesting
//! bounded by the reader, not by the stack. `clojure-reader` 0.7 gives none of the three: it
//! rounds long decimals without a word and ends integers at `i64::MAX`.
//!
//! Source: the EDN format, <https://github.com/edn-format/edn>. Of Clojure's own reader only
//! what `pr` prints of data is understood: no metadata, no radix numbers, no reader macros.

pub(super) mod cursor;
mod number;
pub(super) mod spelling;
pub(super) mod value;
pub(super) mod write;
