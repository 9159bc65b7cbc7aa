//! What lies outside of a run is reached by no path, no link and no pipe.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use super::{RUN, SECRET, guarded};

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
