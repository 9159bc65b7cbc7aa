//! Addresses: taken apart without ever becoming a path, and put together again.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::reply::Refusal;
use crate::store::plain;

/// Paths longer than this are refused, in bytes as they came.
const PATH_BYTES_MAX: usize = 4_096;

/// Paths of more parts than this are refused.
const PARTS_MAX: usize = 24;

/// What stands for itself in a part of a path or a value of a query.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The parts of a path, each a plain name: no `..`, no slash in any spelling, no control
/// character.
pub(super) fn parts(path: &str) -> Result<Vec<String>, Refusal> {
    if path.len() > PATH_BYTES_MAX {
        return Err(Refusal::bad("This address is too long for anything that is here."));
    }
    let inner = path.strip_prefix('/').unwrap_or(path);
    if inner.is_empty() {
        return Ok(Vec::new());
    }
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    if inner.split('/').count() > PARTS_MAX {
        return Err(Refusal::bad("This address has more parts than anything that is here."));
    }
    let decode = |part: &str| {
        let decoded = percent_decode_str(part).decode_utf8().ok();
        decoded.filter(|name| plain(name).is_ok()).map(String::from)
    };
    let parts: Option<Vec<String>> = inner.split('/').map(decode).collect();
    parts.ok_or_else(|| Refusal::bad("This address holds a name that no file here has."))
}

/// A part of a path or a value of a query, as it stands in an address.
pub(super) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// The path of a run or a night, as it stands in an address.
pub(super) fn escaped_id(id: &str) -> String {
    id.split('/').map(escaped).collect::<Vec<_>>().join("/")
}

/// The page of a run, or of a night's files.
pub(super) fn of_run(id: &str) -> String {
    format!("/runs/{}/", escaped_id(id))
}

/// The page with runs `a` and `b` side by side.
pub(super) fn of_pair(a: &str, b: &str) -> String {
    format!("/compare?a={}&b={}", escaped(a), escaped(b))
}

/// The index with these fields asked for.
pub(super) fn of_index(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = fields.iter().map(|(n, value)| format!("{n}={}", escaped(value))).collect();
    if pairs.is_empty() { "/".to_owned() } else { format!("/?{}", pairs.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_another_folder_is_refused() {
        for path in [
            "/runs/../x",
            "/runs/%2e%2e/x",
            "/runs/.%2E/x",
            "/runs/a%2fb",
            "/runs/..%5cx",
            "/runs/a%00",
            "/runs//etc/passwd",
            "/runs/./a",
            "/runs/%ff",
            "//",
            "/runs/a%0Ab",
        ] {
            assert!(parts(path).is_err(), "{path}");
        }
        assert!(parts(&"/a".repeat(PARTS_MAX + 1)).is_err());
        assert!(parts(&format!("/{}", "a".repeat(PATH_BYTES_MAX))).is_err());
    }

    #[test]
    fn an_address_leads_back_to_its_run() {
        let id = "a b/100%/é?x=<y>#";
        let path = of_run(id);
        assert_eq!(parts(&path).unwrap(), ["runs", "a b", "100%", "é?x=<y>#"]);
        assert!(path.is_ascii() && !path.contains(['<', '?', '#', ' ']));
    }
}
