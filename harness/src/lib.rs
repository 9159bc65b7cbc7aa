//! Black-box linearizability testing of distributed stores under faults.
