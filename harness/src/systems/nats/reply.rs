//! What JetStream's replies prove.

use async_nats::{HeaderValue, Message, StatusCode};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::Value;
use squall_workloads::Invocation;

use super::super::keyed;
use crate::system::Completion;

/// The error of a message that comes after another than it was to follow.
const WRONG_LAST_SEQUENCE: u64 = 10_071;

/// The error of a read that finds no message.
const NO_MESSAGE_FOUND: u64 = 10_037;

/// What a key was found to hold.
#[derive(Debug, PartialEq)]
pub(super) struct Found {
    /// The value; null for nothing. Otherwise what is wrong with what is there.
    pub(super) value: Result<Value, String>,
    /// The sequence number of its last change, with which a further one says what it is to
    /// follow; zero where there never was one.
    pub(super) revision: u64,
}

impl Found {
    const NOTHING: Self = Self { value: Ok(Value::Null), revision: 0 };

    /// The completion of a read that found it.
    pub(super) fn completion(self) -> Completion {
        keyed::read(self.value, Some(self.revision).filter(|revision| *revision > 0))
    }
}

#[derive(Deserialize)]
struct ApiError {
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

impl ApiError {
    fn show(&self) -> String {
        format!("{} ({})", self.description, self.err_code)
    }
}

/// The acknowledgement of a message, as JetStream publishes it.
#[derive(Deserialize)]
struct Ack {
    seq: Option<u64>,
    error: Option<ApiError>,
}

/// The completion of a change that was answered with `payload`.
pub(super) fn changed(invocation: &Invocation, payload: &[u8]) -> Completion {
    match serde_json::from_slice(payload) {
        Ok(Ack { error: Some(error), .. }) if error.err_code == WRONG_LAST_SEQUENCE => {
            keyed::overtaken()
        }
        // Some of these were raised before the message was proposed to the replicas, but
        // nothing says which.
        Ok(Ack { error: Some(error), .. }) => Completion::Info(error.show()),
        Ok(Ack { seq: Some(revision), error: None }) => keyed::changed(invocation, Some(revision)),
        _ => Completion::Info(unexpected(payload)),
    }
}

/// Whether the stream was made.
///
/// # Errors
/// Says why not.
pub(super) fn made(payload: &[u8]) -> Result<(), String> {
    match serde_json::from_slice(payload) {
        Ok(Ack { error: Some(error), .. }) => Err(error.show()),
        Ok(Ack { error: None, .. }) => Ok(()),
        Err(_) => Err(unexpected(payload)),
    }
}

#[derive(Deserialize)]
struct Stored {
    message: Option<StoredMessage>,
    error: Option<ApiError>,
}

#[derive(Deserialize)]
struct StoredMessage {
    seq: u64,
    /// Base64, as the headers are.
    #[serde(default)]
    data: String,
    #[serde(default)]
    hdrs: String,
}

/// What the stream's leader found.
///
/// # Errors
/// It found out nothing.
pub(super) fn found(payload: &[u8]) -> Result<Found, String> {
    let stored: Stored = serde_json::from_slice(payload).map_err(|_| unexpected(payload))?;
    match stored {
        Stored { error: Some(error), .. } if error.err_code == NO_MESSAGE_FOUND => {
            Ok(Found::NOTHING)
        }
        Stored { error: Some(error), .. } => Err(error.show()),
        Stored { message: Some(message), .. } => {
            let decoded = |text: &str| {
                BASE64_STANDARD.decode(text).map_err(|_| "a message that is no base64".to_owned())
            };
            let (headers, data) = (decoded(&message.hdrs)?, decoded(&message.data)?);
            let headers = String::from_utf8_lossy(&headers);
            let operation = headers.lines().find_map(|line| line.strip_prefix("KV-Operation:"));
            Ok(held(operation.map(str::trim), &data, message.seq))
        }
        Stored { message: None, error: None } => Err(unexpected(payload)),
    }
}

/// What the replica found that was asked directly.
///
/// # Errors
/// It found out nothing.
pub(super) fn found_directly(message: &Message) -> Result<Found, String> {
    let header = |name| message.headers.as_ref().and_then(|headers| headers.get(name));
    match message.status {
        Some(StatusCode::NOT_FOUND) => Ok(Found::NOTHING),
        Some(status) if !status.is_success() => Err(format!("status {}", status.as_u16())),
        _ => {
            let sequence = header("Nats-Sequence").and_then(|text| text.as_str().parse().ok());
            let revision = sequence.ok_or_else(|| unexpected(&message.payload))?;
            let operation = header("KV-Operation").map(HeaderValue::as_str);
            Ok(held(operation, &message.payload, revision))
        }
    }
}

/// What a message says that its key holds: those that delete have no data.
fn held(operation: Option<&str>, data: &[u8], revision: u64) -> Found {
    let value = match operation {
        Some("DEL" | "PURGE") => Ok(Value::Null),
        _ => keyed::value(data),
    };
    Found { value, revision }
}

fn unexpected(payload: &[u8]) -> String {
    let start: String = String::from_utf8_lossy(payload).chars().take(80).collect();
    format!("unexpected reply `{start}`")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn acknowledgements_are_told_from_refusals() {
        let write = Invocation::write("k", 5);
        let judge = |payload: &str| changed(&write, payload.as_bytes());
        let ok = Completion::Ok { value: json!(5), revision: Some(7) };
        assert_eq!(judge(r#"{"stream":"KV_squall","seq":7}"#), ok);
        let wrong = r#"{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 9"},"stream":"KV_squall","seq":0}"#;
        assert!(matches!(judge(wrong), Completion::Declined(_)));
        for unclear in [
            r#"{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"}}"#,
            r#"{"error":{}}"#,
            r#"{"stream":"KV_squall"}"#,
            "",
            "+OK",
        ] {
            assert!(matches!(judge(unclear), Completion::Info(_)), "{unclear}");
        }
    }

    #[test]
    fn messages_are_values_and_deletions_are_none() {
        let encoded = |text: &str| BASE64_STANDARD.encode(text);
        let message = |hdrs: &str, data: &str| {
            let (hdrs, data) = (encoded(hdrs), encoded(data));
            let reply = json!({ "message": { "seq": 4, "hdrs": hdrs, "data": data } });
            found(reply.to_string().as_bytes())
        };
        let holding = |value| Ok(Found { value: Ok(value), revision: 4 });
        assert_eq!(message("", "[1]"), holding(json!([1])));
        let deleted = "NATS/1.0\r\nKV-Operation: DEL\r\n\r\n";
        assert_eq!(message(deleted, ""), holding(Value::Null));
        let none = r#"{"error":{"code":404,"err_code":10037,"description":"no message found"}}"#;
        assert_eq!(found(none.as_bytes()), Ok(Found::NOTHING));
        let other = r#"{"error":{"code":503,"err_code":10008,"description":"unavailable"}}"#;
        assert_eq!(found(other.as_bytes()), Err("unavailable (10008)".to_owned()));
        let alien = message("", "<html>").expect("a message");
        assert!(matches!(alien.completion(), Completion::Info(_)));
    }
}
