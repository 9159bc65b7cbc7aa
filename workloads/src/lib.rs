//! What clients do during a run, and which model judges it.
