//! Questions that are refused: too long, to change something, or to another name.

use std::time::{Duration, Instant};

use super::{RUN, guarded};

#[tokio::test]
async fn questions_of_any_size_are_refused_promptly() {
    let (_folder, served) = guarded().await;
    let began = Instant::now();
    for target in [
        format!("/runs/{}", "a".repeat(1 << 20)),
        format!("/runs{}", "/a".repeat(10_000)),
        format!("/runs{}", "/%2e%2e".repeat(5_000)),
        format!("/?q={}", "a".repeat(60_000)),
        format!("/?q={}", "a".repeat(1 << 20)),
        format!("/?{}", "a=b&".repeat(10_000)),
        format!("/api/runs?{}", "q=x&".repeat(1_000)),
        format!("/compare?{}", "a=b&".repeat(1_000)),
        format!("/{}", "a".repeat(5_000)),
    ] {
        let reply = served.get(&target).await;
        let shown = &target[..target.len().min(20)];
        assert!(matches!(reply.status, 400 | 404 | 414 | 431), "{shown}: {}", reply.status);
    }
    let headers = "X: y\r\n".repeat(5_000);
    let reply = served.send(&format!("GET / HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")).await;
    assert_eq!(reply.status, 431);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    served.page("/").await;
}

#[tokio::test]
async fn nothing_can_be_changed() {
    let (_folder, served) = guarded().await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "ANYTHING"] {
        for target in ["/", "/api/runs", "/no-such", &format!("/runs/{RUN}/report.html")] {
            let question = format!(
                "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            );
            let reply = served.send(&question).await;
            assert_eq!(reply.status, 405, "{method} {target}");
            assert_eq!(reply.header("allow"), "GET, HEAD");
        }
    }
    for target in ["/", "/failures", &format!("/runs/{RUN}/results.json"), &format!("/zip/{RUN}")] {
        let question =
            format!("HEAD {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let reply = served.send(&question).await;
        assert_eq!((reply.status, reply.body.len()), (200, 0), "{target}");
    }
}

#[tokio::test]
async fn only_names_of_this_machine_are_answered() {
    let (_folder, served) = guarded().await;
    let port = served.address.port();
    for (host, status) in [
        (format!("localhost:{port}"), 200),
        ("127.0.0.1".to_owned(), 200),
        ("[::1]:80".to_owned(), 200),
        ("evil.example".to_owned(), 403),
        (format!("evil.example:{port}"), 403),
        ("127.0.0.1.evil.example".to_owned(), 403),
        ("localhost:80@evil.example".to_owned(), 403),
        ("".to_owned(), 403),
    ] {
        let question = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let reply = served.send(&question).await;
        assert_eq!(reply.status, status, "{host:?}");
        if status == 403 {
            assert!(reply.text().contains("answers to no other name"), "{host:?}");
        }
    }
    for question in [
        "GET / HTTP/1.0\r\n\r\n".to_owned(),
        "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            .to_owned(),
        "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
            .to_owned(),
    ] {
        assert_eq!(served.send(&question).await.status, 403, "{question}");
    }
}
