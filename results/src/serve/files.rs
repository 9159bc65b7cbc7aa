//! Files of runs, streamed as they are.
//!
//! A browser is told what each is and not to guess. HTML runs in a sandbox, in which it can
//! show itself, load nothing, and read neither what is served here nor the reader's other
//! pages. It could still lead a browser that shows it by itself to another server, and
//! therefore it is shown in a frame (see `framed`) by browsers that say what they ask for.
//! Everything else is text, or to be kept.

use std::fs::File;
use std::io;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use futures_util::stream;
use tokio::io::AsyncReadExt as _;

use super::reply::{Refusal, Reply, header_text};
use crate::store::Beneath;

/// What a page from a run's folder may do: show itself, with its own scripts.
const HTML_POLICY: &str = "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; \
                           script-src 'unsafe-inline'";

/// What any other file may do.
const FILE_POLICY: &str = "sandbox; default-src 'none'";

/// How much of a file is in memory at a time.
const CHUNK: usize = 64 << 10;

/// Where an answer will be shown, as far as the browser says; all that are in use say so to
/// servers on their own machine, and to others only through encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// As a page by itself.
    Alone,
    /// In a frame, or by a program that is no browser, or by one that does not say.
    Otherwise,
}

impl Shown {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        match headers.get("sec-fetch-dest") {
            Some(destination) if destination == "document" => Self::Alone,
            _ => Self::Otherwise,
        }
    }
}

/// Whether a file is to be shown or kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    View,
    Keep,
}

/// A file of a run as an answer.
pub(super) fn reply(store: &Beneath, parts: &[&str], purpose: Purpose) -> Result<Reply, Refusal> {
    let missing = || Refusal::not_found("This run has no such file.");
    let name = parts.last().copied().unwrap_or_default();
    let file = store.file(parts).map_err(|_| missing())?;
    let size = file.metadata().map_err(|_| missing())?.len();
    let (kind, policy) = match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => ("text/html; charset=utf-8", HTML_POLICY),
        Some("json") => ("application/json", FILE_POLICY),
        Some("jsonl" | "toml" | "log" | "xml" | "txt" | "edn") => {
            ("text/plain; charset=utf-8", FILE_POLICY)
        }
        _ => ("application/octet-stream", FILE_POLICY),
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    if purpose == Purpose::Keep {
        headers.insert(header::CONTENT_DISPOSITION, kept_as(name));
    }
    Ok(Reply::Streamed { headers, body: body(file, size) })
}

/// The header that makes a browser keep something under `name`.
pub(super) fn kept_as(name: &str) -> HeaderValue {
    header_text(&format!("attachment; filename=\"{}\"", name.replace(['"', '\\'], "_")))
}

/// The first `size` bytes of a file: what is appended meanwhile was not promised.
fn body(file: File, size: u64) -> Body {
    let file = tokio::fs::File::from_std(file).take(size);
    Body::from_stream(stream::try_unfold(file, |mut file| async move {
        let mut chunk = Vec::with_capacity(CHUNK);
        let length = (&mut file).take(CHUNK as u64).read_to_end(&mut chunk).await?;
        Ok::<_, io::Error>((length > 0).then_some((chunk, file)))
    }))
}
