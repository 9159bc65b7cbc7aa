//! The procedures, the search and the verifier against a brute force that shares no code
//! with them, on many small histories: indeterminate operations, ties, failed writes,
//! repeated values and compare-and-sets included.

mod agreement;
mod certificates;
mod generate;
mod mutants;
mod oracle;
mod shrinking;
