//! The digits of a fingerprint: FNV-1a of netstrings, the same on every machine and for ever.
//!
//! Not against anybody who makes two parts collide on purpose: that would put two failures of
//! their own under one name.

/// Twelve hexadecimal digits for the parts of a fingerprint, in their order.
pub(super) fn id(parts: &[String; 4]) -> String {
    let mut hash = Fnv::new();
    hash.netstring("1");
    for part in parts {
        hash.netstring(part);
    }
    format!("{:012x}", (hash.0 >> 48) ^ (hash.0 & 0xffff_ffff_ffff))
}

/// Eight hexadecimal digits for a text that is too long to be kept.
pub(super) fn short(text: &str) -> String {
    let mut hash = Fnv::new();
    hash.netstring(text);
    format!("{:08x}", (hash.0 >> 32) ^ (hash.0 & 0xffff_ffff))
}

/// FNV-1a with 64 bits (Fowler, Noll and Vo; RFC 9923).
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }

    /// `text` so that its end is known: `5:hello,`.
    fn netstring(&mut self, text: &str) {
        self.bytes(format!("{}:{text},", text.len()).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_fnv_1a() {
        // Test vectors of its authors.
        for (text, expected) in [
            ("", 0xcbf2_9ce4_8422_2325),
            ("a", 0xaf63_dc4c_8601_ec8c),
            ("foobar", 0x8594_4171_f739_67e8),
        ] {
            let mut hash = Fnv::new();
            hash.bytes(text.as_bytes());
            assert_eq!(hash.0, expected, "{text:?}");
        }
    }

    #[test]
    fn where_a_part_ends_is_part_of_it() {
        let of = |parts: [&str; 4]| id(&parts.map(str::to_owned));
        assert_ne!(of(["ab", "c", "", ""]), of(["a", "bc", "", ""]));
        assert_ne!(of(["", "a", "", ""]), of(["a", "", "", ""]));
        assert_ne!(of(["1:a,", "", "", ""]), of(["", "1:a,", "", ""]));
    }
}
