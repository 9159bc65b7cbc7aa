//! What the error codes of the Maelstrom protocol say of an operation.

/// An error of the protocol, by its code.
///
/// Source: Maelstrom, `doc/protocol.md`, "Errors".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ErrorCode(pub(super) i64);

impl ErrorCode {
    pub(super) const NOT_SUPPORTED: Self = Self(10);
    pub(super) const KEY_DOES_NOT_EXIST: Self = Self(20);
    pub(super) const PRECONDITION_FAILED: Self = Self(22);

    /// The name of the error, where the protocol has one.
    pub(super) fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "timeout",
            1 => "node-not-found",
            10 => "not-supported",
            11 => "temporarily-unavailable",
            12 => "malformed-request",
            13 => "crash",
            14 => "abort",
            20 => "key-does-not-exist",
            21 => "key-already-exists",
            22 => "precondition-failed",
            30 => "txn-conflict",
            _ => return None,
        })
    }

    /// Whether the operation has not taken effect and never will. A code that the protocol does
    /// not define, such as one of the node's own, says no such thing.
    pub(super) fn is_definite(self) -> bool {
        matches!(self.0, 1 | 10 | 11 | 12 | 14 | 20 | 21 | 22 | 30)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Copied by hand from the protocol's table, not from the code above.
    const TABLE: &[(i64, &str, bool)] = &[
        (0, "timeout", false),
        (1, "node-not-found", true),
        (10, "not-supported", true),
        (11, "temporarily-unavailable", true),
        (12, "malformed-request", true),
        (13, "crash", false),
        (14, "abort", true),
        (20, "key-does-not-exist", true),
        (21, "key-already-exists", true),
        (22, "precondition-failed", true),
        (30, "txn-conflict", true),
    ];

    #[test]
    fn codes_mean_what_the_protocol_says_and_others_nothing() {
        for code in -1..1100 {
            let row = TABLE.iter().find(|(number, ..)| *number == code);
            let code = ErrorCode(code);
            assert_eq!(code.name(), row.map(|(_, name, _)| *name), "{code:?}");
            assert_eq!(code.is_definite(), row.is_some_and(|(.., definite)| *definite), "{code:?}");
        }
    }
}
