//! What runs hold is text, bounded in size, and in a sandbox where it is a page.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;

use super::invented::store::{Mint, put_hostile, put_hostile_night};
use super::{RUN, STAMP, guarded};

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
async fn a_page_of_a_run_is_shown_in_a_frame_that_goes_nowhere() {
    let (folder, served) = guarded().await;
    let report = format!("/runs/{RUN}/report.html");
    let around = served.shown(&report, "document").await;
    let policy = around.header("content-security-policy");
    assert!(policy.ends_with("frame-ancestors 'none'; frame-src 'self'"), "{policy}");
    let page = around.text();
    assert!(page.contains(&format!("src=\"{report}?framed\" sandbox=\"allow-scripts\"")), "{page}");
    assert!(page.contains(&format!("id=\"back\" href=\"/runs/{RUN}/\"")), "{page}");
    let file = fs::read(folder.path().join("store").join(RUN).join("report.html")).unwrap();
    for (target, destination) in [
        (format!("{report}?framed"), "iframe"),
        (report.clone(), "iframe"),
        (format!("{report}?download"), "document"),
    ] {
        let inside = served.shown(&target, destination).await;
        assert!(inside.header("content-security-policy").starts_with("sandbox allow-scripts;"));
        assert_eq!((inside.header("vary"), &inside.body), ("sec-fetch-dest", &file));
    }
    // What is no page needs no frame, and what is not there has none.
    let log = served.shown(&format!("/runs/{RUN}/logs/n1.log"), "document").await;
    assert!(log.header("content-type").starts_with("text/plain"), "{:?}", log.headers);
    assert_eq!(served.shown(&format!("/runs/{RUN}/no.html"), "document").await.status, 404);
}

#[tokio::test]
async fn what_runs_say_is_never_markup() {
    let (folder, served) = guarded().await;
    let place = folder.path().join("store");
    let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let name = "<script>x<img onerror=1>";
    let mut mint = Mint::new();
    let leaf = put_hostile(&mut mint, &place, name, STAMP, 7, evil);
    put_hostile_night(&place, name, "20260103T030405Z", evil);
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
