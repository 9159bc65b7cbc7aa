//! What holds for every request, before and after it is answered.
//!
//! A page in a browser may have its name resolve to this machine and then read what is served
//! here as its own (DNS rebinding). Therefore a server that only this machine can reach
//! answers only to names that mean this machine.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header, uri::Authority};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::Site;
use super::reply::{OWN_POLICY, Refusal};

pub(super) async fn guard(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let mut response = match refuse(&site, &request) {
        Some(refusal) => refusal.into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // A page of a run's folder is another answer in a frame than by itself.
    headers.insert(header::VARY, HeaderValue::from_static("sec-fetch-dest"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(OWN_POLICY));
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

fn refuse(site: &Site, request: &Request) -> Option<Refusal> {
    if site.only_here && !names_this_machine(request) {
        let sentence = "This server is reached as localhost, 127.0.0.1 or [::1], and answers to \
                        no other name. To reach it from elsewhere, start it with --host.";
        return Some(Refusal { status: StatusCode::FORBIDDEN, sentence: sentence.to_owned() });
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let sentence = "Nothing can be changed here; pages can only be read.".to_owned();
        return Some(Refusal { status: StatusCode::METHOD_NOT_ALLOWED, sentence });
    }
    None
}

/// Whether every name the request gives this server means this machine, and there is one.
fn names_this_machine(request: &Request) -> bool {
    let mut named = false;
    for host in request.headers().get_all(header::HOST) {
        named = true;
        let authority = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
        if !authority.is_some_and(|authority| is_here(&authority)) {
            return false;
        }
    }
    named && request.uri().authority().is_none_or(is_here)
}

fn is_here(authority: &Authority) -> bool {
    let host = authority.host();
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let plain = !authority.as_str().contains('@');
    let address = address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    plain && (host.eq_ignore_ascii_case("localhost") || address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_right() {
        for (host, right) in [
            ("localhost", true),
            ("localhost:7700", true),
            ("LocalHost:1", true),
            ("127.0.0.1:7700", true),
            ("[::1]:7700", true),
            ("[::1]", true),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example:80", false),
            ("localhost@evil.example", false),
            ("evil@localhost", false),
            ("10.0.0.1:7700", false),
            ("[::2]", false),
        ] {
            let said = host.parse::<Authority>().is_ok_and(|authority| is_here(&authority));
            assert_eq!(said, right, "{host}");
        }
    }
}
