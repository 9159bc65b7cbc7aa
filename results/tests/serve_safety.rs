//! What the server refuses, and that nobody can do it harm.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client;
mod invented;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use client::{DEADLINE, Served, serve, serve_within};
use invented::store::{Mint, store};
use serde_json::{Value, json};
use squall_results::serve::Limits;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const SECRET: &str = "nobody may read this";
const KIND: (&str, &str, Option<&str>, &str) = ("node", "register", None, "register");
const STAMP: &str = "20260102T030405Z";
const RUN: &str = "register/20260102T030405Z-7";

/// A store with one run, and a secret beside the store.
async fn guarded() -> (TempDir, Served) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("store");
    Mint::new().put(&place, KIND, STAMP, 7, false);
    fs::write(folder.path().join("secret"), SECRET).unwrap();
    fs::create_dir(folder.path().join("outside")).unwrap();
    fs::write(folder.path().join("outside/history.jsonl"), SECRET).unwrap();
    fs::write(folder.path().join("outside/report.html"), SECRET).unwrap();
    let served = serve(&place).await;
    (folder, served)
}

#[tokio::test]
async fn no_spelling_of_a_path_leaves_the_store() {
    let (folder, served) = guarded().await;
    let outside = folder.path().join("secret");
    let outside = outside.display();
    let up = "../".repeat(12);
    for target in [
        "/runs/../secret".to_owned(),
        "/../secret".to_owned(),
        format!("/{up}etc/passwd"),
        format!("/runs/{RUN}/../../../secret"),
        format!("/runs/{RUN}/%2e%2e/%2e%2e/%2e%2e/secret"),
        format!("/runs/{RUN}/.%2e/.%2E/%2e./secret"),
        format!("/runs/{RUN}/..%2f..%2f..%2fsecret"),
        format!("/runs/{RUN}/%2e%2e%2f%2e%2e%2f%2e%2e%2fsecret"),
        format!("/runs/{RUN}/..%5c..%5c..%5csecret"),
        format!("/runs/{RUN}/..%252f..%252f..%252fsecret"),
        format!("/runs/{RUN}/..;/..;/..;/secret"),
        format!("/runs/{RUN}/%c0%ae%c0%ae/secret"),
        format!("/runs/{RUN}/report.html%00.txt"),
        format!("/runs/{RUN}/{outside}"),
        format!("/runs/{outside}"),
        format!("/runs/{}", outside.to_string().replace('/', "%2f")),
        format!("/runs//{RUN}/report.html"),
        format!("/runs/./{RUN}/report.html"),
        format!("/zip/{RUN}/../.."),
        "/zip/..".to_owned(),
        "/zip/%2e%2e".to_owned(),
        "/suites/..%2f..".to_owned(),
        "/compare?a=../secret&b=../../secret".to_owned(),
        format!("/compare?a={RUN}%00&b={RUN}/.."),
    ] {
        let reply = served.get(&target).await;
        assert!(matches!(reply.status, 400 | 404), "{target}: {}", reply.status);
        assert!(!reply.text().contains(SECRET) && !reply.text().contains("root:"), "{target}");
    }
}

#[tokio::test]
async fn links_that_leave_a_run_are_not_followed() {
    let (folder, served) = guarded().await;
    let place = folder.path().join("store");
    let run = place.join(RUN);
    symlink(folder.path().join("secret"), run.join("link.txt")).unwrap();
    symlink(folder.path().join("outside"), run.join("linked")).unwrap();
    symlink(folder.path().join("outside"), place.join("register/20260102T030406Z-8")).unwrap();
    symlink(folder.path().join("outside"), place.join("elsewhere")).unwrap();
    // A link to another file of the same run is one too.
    symlink(run.join("plan.toml"), run.join("inside.toml")).unwrap();
    for target in [
        format!("/runs/{RUN}/link.txt"),
        format!("/runs/{RUN}/linked/history.jsonl"),
        format!("/runs/{RUN}/inside.toml"),
        "/runs/register/20260102T030406Z-8/".to_owned(),
        "/runs/register/20260102T030406Z-8/history.jsonl".to_owned(),
        "/zip/register/20260102T030406Z-8".to_owned(),
        "/runs/elsewhere/".to_owned(),
        "/runs/elsewhere/history.jsonl".to_owned(),
    ] {
        assert_eq!(served.get(&target).await.status, 404, "{target}");
    }
    let index: Value = serde_json::from_slice(&served.get("/api/runs").await.body).unwrap();
    assert_eq!(index["total"], 1);
    let page = served.page(&format!("/runs/{RUN}/")).await;
    assert!(!page.contains("link.txt") && !page.contains("linked") && !page.contains("inside"));
    let archive = served.get(&format!("/zip/{RUN}")).await;
    let archive = zip::ZipArchive::new(std::io::Cursor::new(archive.body)).unwrap();
    for name in archive.file_names().map(Result::unwrap) {
        assert!(!name.contains("link") && !name.contains("inside"), "{name}");
    }
    // A file that becomes a link, after it was known.
    fs::remove_file(run.join("report.html")).unwrap();
    symlink(folder.path().join("secret"), run.join("report.html")).unwrap();
    assert_eq!(served.get(&format!("/runs/{RUN}/report.html")).await.status, 404);
    fs::remove_file(run.join("results.json")).unwrap();
    symlink(folder.path().join("secret"), run.join("results.json")).unwrap();
    assert!(served.page("/").await.contains("unfinished"));
}

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

#[tokio::test]
async fn browsers_are_told_what_each_answer_may_do() {
    let (_folder, served) = guarded().await;
    let own = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; \
               form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    let html = "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; \
                script-src 'unsafe-inline'";
    let file = "sandbox; default-src 'none'";
    for (target, policy) in [
        ("/".to_owned(), own),
        ("/suites/".to_owned(), own),
        ("/failures".to_owned(), own),
        ("/no-such".to_owned(), own),
        ("/api/runs".to_owned(), own),
        (format!("/compare?a={RUN}&b={RUN}"), own),
        (format!("/runs/{RUN}/"), own),
        (format!("/runs/{RUN}/report.html"), html),
        (format!("/runs/{RUN}/results.json"), file),
        (format!("/runs/{RUN}/logs/n1.log"), file),
    ] {
        let reply = served.get(&target).await;
        assert_eq!(reply.header("content-security-policy"), policy, "{target}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{target}");
        assert_eq!(reply.header("referrer-policy"), "no-referrer", "{target}");
    }
}

#[tokio::test]
async fn what_runs_say_is_never_markup() {
    let (folder, served) = guarded().await;
    let place = folder.path().join("store");
    let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let name = "<script>x<img onerror=1>";
    let mut mint = Mint::new();
    let leaf = mint.put(&place, ("node", "register", None, name), STAMP, 7, true);
    let results = place.join(name).join(&leaf).join("results.json");
    let mut hostile: Value = serde_json::from_slice(&fs::read(&results).unwrap()).unwrap();
    for path in [
        "/headline",
        "/reason",
        "/facts/system",
        "/facts/workload",
        "/facts/bug",
        "/facts/plan/workload",
        "/faults/0/kind",
        "/faults/0/f",
        "/fingerprint/label",
        "/fingerprint/id",
        "/contradictions/0/explanation",
    ] {
        *hostile.pointer_mut(path).unwrap() = json!(evil);
    }
    let functions = hostile["whole"]["functions"].as_object_mut().unwrap();
    let counts = functions["read"].clone();
    functions.insert(evil.to_owned(), counts);
    fs::write(&results, hostile.to_string()).unwrap();
    let night = place.join(name).join("20260103T030405Z");
    fs::create_dir(&night).unwrap();
    let cell = json!({ "name": evil, "plan": evil, "expected": "violation", "verdict": "violation",
        "as_expected": true, "run_dir": evil, "seconds": 1.0, "reason": evil, "seed": 1, "command": evil });
    let suite = json!({ "squall": 1, "suite": evil, "started_utc": evil, "cells": [cell] });
    fs::write(night.join("suite.json"), suite.to_string()).unwrap();
    let broken = place.join("broken").join(STAMP);
    fs::create_dir_all(&broken).unwrap();
    fs::write(broken.join("results.json"), format!("{{\"verdict\":{}}}", json!(evil))).unwrap();

    let id = format!("%3Cscript%3Ex%3Cimg%20onerror%3D1%3E/{leaf}");
    let name = "%3Cscript%3Ex%3Cimg%20onerror%3D1%3E";
    for target in [
        "/".to_owned(),
        "/?q=%3Cscript%3E%22%27&verdict=%3Cscript%3E&name=%22%3E%3Cscript%3E".to_owned(),
        format!("/runs/{id}/"),
        format!("/runs/{name}/20260103T030405Z/"),
        format!("/compare?a={id}&b={RUN}"),
        format!("/compare?a={RUN}&b={id}"),
        "/suites/".to_owned(),
        format!("/suites/{name}"),
        format!("/series/{name}"),
        "/failures".to_owned(),
    ] {
        let reply = served.get(&target).await;
        let status = reply.status;
        let page = reply.text();
        assert!(status == 200 || (status == 404 && target.contains("name=")), "{target}: {status}");
        for markup in ["<script", "<img"] {
            assert!(!page.to_lowercase().contains(markup), "{target}: {markup}");
        }
        assert!(!page.contains("javascript:"), "{target}");
    }
    let zip = served.get(&format!("/zip/{id}")).await;
    assert!(!zip.header("content-disposition").contains("\"'"), "{:?}", zip.headers);
}

#[tokio::test]
async fn results_beyond_all_measure_take_neither_time_nor_memory() {
    let (folder, served) = guarded().await;
    let place = folder.path().join("store");
    for (name, size) in [("large", 200_u64 << 20), ("huge", 1 << 40)] {
        let run = place.join(name).join(STAMP);
        fs::create_dir_all(&run).unwrap();
        // Takes no room on the disk.
        fs::File::create(run.join("results.json")).unwrap().set_len(size).unwrap();
    }
    let deep = place.join("deep").join(STAMP);
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("results.json"), format!("{{\"x\":{}", "[".repeat(1 << 20))).unwrap();
    let began = Instant::now();
    let page = served.page("/").await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(page.matches("no more than 67,108,864 are read").count(), 2, "{page}");
    assert!(page.contains("EOF while parsing"), "{page}");
    assert_eq!(page.matches("</span> too-large</span>").count(), 2, "{page}");
    assert_eq!(served.get("/runs/large/20260102T030405Z/").await.status, 200);
}

#[tokio::test]
async fn a_pipe_in_a_run_holds_nobody_up() {
    let (folder, served) = guarded().await;
    let run = folder.path().join("store").join(RUN);
    let made = std::process::Command::new("mkfifo").arg(run.join("pipe")).status().unwrap();
    assert!(made.success());
    fs::remove_file(run.join("results.json")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(run.join("results.json")).status().unwrap();
    assert!(made.success());
    assert!(served.page("/").await.contains("unfinished"));
    assert_eq!(served.get(&format!("/runs/{RUN}/pipe")).await.status, 404);
    assert_eq!(served.get(&format!("/zip/{RUN}")).await.status, 200);
}

/// Asks, reads nothing, and waits until the server cuts the connection.
async fn cut_off(served: &Served, question: &str) {
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(question.as_bytes()).await.unwrap();
    let deadline = Instant::now() + DEADLINE;
    // What is sent into a connection that was cut is refused sooner or later.
    while stream.write_all(b"\r\n").await.is_ok() {
        assert!(Instant::now() < deadline, "still connected: {question}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn readers_that_stall_are_cut_off_and_others_served_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    store(folder.path(), 2);
    let mut mint = Mint::new();
    mint.put(folder.path(), KIND, STAMP, 7, false);
    let big = folder.path().join(RUN).join("logs/big.log");
    // Random enough that packing it does not make it small.
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    })
    .take(20 << 20)
    .collect();
    fs::write(big, noise).unwrap();
    let limits = Limits {
        connections: 6,
        archives: 2,
        ask: Duration::from_millis(400),
        stall: Duration::from_millis(400),
    };
    let served = serve_within(folder.path(), limits).await;
    let log = format!("GET /runs/{RUN}/logs/big.log HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let zip = format!("GET /zip/{RUN} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let slow = "GET / HTTP/1.1\r\nHost: localhost\r\nX-Never-Ends: ";
    let others = async {
        for _ in 0..5 {
            served.page("/").await;
        }
    };
    tokio::join!(
        cut_off(&served, &log),
        cut_off(&served, &zip),
        cut_off(&served, &zip),
        cut_off(&served, slow),
        others,
    );
    // Packing ended with its readers, so there is room for others.
    let deadline = Instant::now() + DEADLINE;
    let ask = format!("HEAD /zip/{RUN} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    while served.send(&ask).await.status != 200 {
        assert!(Instant::now() < deadline, "packing goes on for nobody");
    }
}

#[tokio::test]
async fn clients_that_hang_up_do_no_harm() {
    let (folder, served) = guarded().await;
    let run = folder.path().join("store").join(RUN);
    fs::File::create(run.join("logs/big.log")).unwrap().set_len(8 << 30).unwrap();
    for target in [format!("/runs/{RUN}/logs/big.log"), format!("/zip/{RUN}"), "/".to_owned()] {
        for _ in 0..20 {
            let mut stream = TcpStream::connect(served.address).await.unwrap();
            let question = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            stream.write_all(question.as_bytes()).await.unwrap();
            let mut some = [0; 512];
            assert!(stream.read(&mut some).await.unwrap() > 0, "{target}");
        }
    }
    served.page("/").await;
    assert!(Path::new(&run).exists());
}
