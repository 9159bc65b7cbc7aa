//! Answers, and refusals that say in a sentence why.

use askama::Template;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{CSS, Site};

/// What pages of our own may do: show themselves and send their form back here.
pub(super) const OWN_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
    img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What a page of our own around a page of a run's folder may do: that, and show it in a frame.
const FRAME_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
    img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
    frame-src 'self'";

/// An answer.
pub(super) enum Reply {
    /// A page of our own.
    Html(String),
    /// A page of our own with a frame.
    Frame(String),
    /// Data.
    Json(String),
    /// The picture beside the title of every page.
    Icon,
    /// Something that is read while it is sent.
    Streamed { headers: HeaderMap, body: Body },
}

/// Why something is not answered.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) sentence: String,
}

#[derive(Template)]
#[template(path = "serve/refusal.html")]
struct Page<'r> {
    css: &'static str,
    here: &'static str,
    title: &'static str,
    sentence: &'r str,
}

impl Refusal {
    pub(super) fn bad(sentence: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, sentence: sentence.into() }
    }

    pub(super) fn not_found(sentence: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, sentence: sentence.into() }
    }

    /// The store cannot be listed.
    pub(super) fn store(site: &Site, error: &std::io::Error) -> Self {
        let folder = site.store.folder().display();
        let sentence = format!("The store {folder} cannot be listed: {error}.");
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, sentence }
    }

    /// Making the answer went wrong in a way nobody foresaw.
    pub(super) fn broken(error: &dyn std::error::Error) -> Self {
        let sentence = format!("This page could not be made: {error}. The others still can.");
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, sentence }
    }
}

impl From<crate::store::QueryError> for Refusal {
    fn from(error: crate::store::QueryError) -> Self {
        Self::bad(format!("Failed to {error}."))
    }
}

/// Renders a page of our own.
pub(super) fn html(page: &impl Template) -> Result<Reply, Refusal> {
    page.render().map(Reply::Html).map_err(|error| Refusal::broken(&error))
}

fn own(page: String, policy: &'static str) -> Response {
    let kind = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, policy),
    ];
    (kind, page).into_response()
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        match self {
            Self::Html(page) => own(page, OWN_POLICY),
            Self::Frame(page) => own(page, FRAME_POLICY),
            Self::Json(data) => {
                ([(header::CONTENT_TYPE, "application/json")], data).into_response()
            }
            Self::Icon => {
                let icon = include_str!("../../assets/icon.svg");
                ([(header::CONTENT_TYPE, "image/svg+xml")], icon).into_response()
            }
            Self::Streamed { headers, body } => (headers, body).into_response(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let title = match self.status {
            StatusCode::NOT_FOUND => "Not here",
            StatusCode::INTERNAL_SERVER_ERROR => "Something went wrong",
            _ => "Not answered",
        };
        let page = Page { css: CSS, here: "", title, sentence: &self.sentence };
        match html(&page) {
            Ok(reply) => (self.status, reply).into_response(),
            Err(_) => (self.status, self.sentence).into_response(),
        }
    }
}

/// A header of text that may hold anything; characters that no header may hold become `_`.
pub(super) fn header_text(text: &str) -> HeaderValue {
    let plain = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '_' };
    let text: String = text.chars().map(plain).collect();
    HeaderValue::from_str(&text).expect("visible ASCII is what a header may hold")
}
