//! Faults, their schedules, the sandbox they happen in, and the evidence that they did.
