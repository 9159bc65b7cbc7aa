//! Programs that speak the Maelstrom protocol, as nodes of real clusters and one by one.

mod bridges;
mod clusters;
mod programs;
