//! The pages of the server, over real sockets, from an invented store.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client;
mod invented;

use std::fs;
use std::io::{Cursor, Read as _};
use std::path::Path;

use client::{Served, serve};
use invented::store::{Mint, NIGHTS, store};
use serde_json::{Value, json};
use squall_results::run_dir::RunDir;
use tempfile::TempDir;

/// Plain runs of the invented store; the suite and two odd ones come on top.
const PLAIN: usize = 24;
const ALL: usize = PLAIN + 4 * NIGHTS + 2;

async fn invented_store() -> (TempDir, Served) {
    let folder = tempfile::tempdir().unwrap();
    store(folder.path(), PLAIN);
    let served = serve(folder.path()).await;
    (folder, served)
}

async fn runs(served: &Served, query: &str) -> (u64, Vec<Value>) {
    let reply = served.get(&format!("/api/runs{query}")).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/json"));
    let found: Value = serde_json::from_slice(&reply.body).unwrap();
    (found["total"].as_u64().unwrap(), found["runs"].as_array().unwrap().clone())
}

async fn first_id(served: &Served, query: &str) -> String {
    runs(served, query).await.1[0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_index_lists_every_run_newest_first() {
    let (_folder, served) = invented_store().await;
    let page = served.page("/").await;
    assert_eq!(page.matches("<tr data-id=").count(), ALL);
    for id in ["id=\"filter\"", "id=\"runs\"", "id=\"compare\""] {
        assert!(page.contains(id), "{id}");
    }
    for word in
        ["✓", "✗", "linearizable", "violation", "unfinished", "damaged", "EOF while parsing"]
    {
        assert!(page.contains(word), "{word}");
    }
    let (total, listed) = runs(&served, "").await;
    assert_eq!(total, ALL as u64);
    let when: Vec<_> = listed.iter().map(|run| run["when"].as_str().unwrap()).collect();
    assert!(when.is_sorted_by(|a, b| a >= b), "{when:?}");
}

#[tokio::test]
async fn filters_narrow_what_is_listed_and_stand_in_the_address() {
    let (_folder, served) = invented_store().await;
    let (violations, listed) = runs(&served, "?verdict=violation").await;
    assert!(violations > 0 && listed.iter().all(|run| run["verdict"] == "violation"));
    let (etcd, listed) = runs(&served, "?system=etcd&workload=append").await;
    assert_eq!(etcd, (PLAIN / 6 + NIGHTS) as u64);
    assert!(listed.iter().all(|run| run["system"] == "etcd"));
    let (fault, _) = runs(&served, "?fault=isolate-leader").await;
    assert_eq!(fault, (ALL - 2) as u64);
    assert_eq!(runs(&served, "?fault=no-such").await.0, 0);
    let (days, listed) = runs(&served, "?from=2026-01-20&to=2026-01-21").await;
    assert_eq!(days, 8);
    assert!(listed.iter().all(|run| run["suite"] == "nightly"));
    let (words, _) = runs(&served, "?q=STALE-read+isolate").await;
    assert!(words > 0 && words < ALL as u64);
    assert_eq!(runs(&served, "?verdict=damaged").await.0, 1);
    assert_eq!(runs(&served, "?verdict=unfinished").await.0, 1);

    let page = served.page("/?system=etcd&from=2026-01-20").await;
    assert!(page.contains("<option selected>etcd</option>"), "{page}");
    assert!(page.contains("value=\"2026-01-20\""));
    let nothing = served.page("/?q=zebra").await;
    assert!(nothing.contains("id=\"nothing\""));
    for refused in ["/?from=soon", "/?page=x", "/?page=0"] {
        assert_eq!(served.get(refused).await.status, 400, "{refused}");
    }
    assert_eq!(served.get("/?page=9").await.status, 404);
}

#[tokio::test]
async fn a_run_shows_its_report_its_files_and_where_to_go() {
    let (folder, served) = invented_store().await;
    let id = first_id(&served, "?verdict=violation&name=register-stale-read").await;
    let page = served.page(&format!("/runs/{id}/")).await;
    assert!(page.contains("Open the report") && page.contains("value-returned"), "{page}");
    assert!(page.contains("Compare with the run before"), "{page}");
    let on_disk = folder.path().join(&id);
    for (file, kind) in [
        ("report.html", "text/html; charset=utf-8"),
        ("results.json", "application/json"),
        ("history.jsonl", "text/plain; charset=utf-8"),
        ("plan.toml", "text/plain; charset=utf-8"),
        ("junit.xml", "text/plain; charset=utf-8"),
        ("logs/n1.log", "text/plain; charset=utf-8"),
    ] {
        assert!(page.contains(&format!("/runs/{id}/{file}\"")), "{file}");
        let reply = served.get(&format!("/runs/{id}/{file}")).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, kind), "{file}");
        assert_eq!(reply.body, fs::read(on_disk.join(file)).unwrap(), "{file}");
        let kept = served.get(&format!("/runs/{id}/{file}?download")).await;
        assert!(kept.header("content-disposition").starts_with("attachment"), "{file}");
    }
    assert_eq!(served.get(&format!("/runs/{id}/no-such")).await.status, 404);
    assert_eq!(served.get(&format!("/runs/{id}/logs")).await.status, 404);
    let unfinished = first_id(&served, "?verdict=unfinished").await;
    let page = served.page(&format!("/runs/{unfinished}/")).await;
    assert!(page.contains("No verdict: unfinished") && page.contains("squall report"), "{page}");
}

#[tokio::test]
async fn a_run_can_be_kept_as_a_zip() {
    let (folder, served) = invented_store().await;
    let id = first_id(&served, "?name=etcd-append").await;
    let large: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(folder.path().join(&id).join("logs/n2.log"), &large).unwrap();
    let reply = served.get(&format!("/zip/{id}")).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/zip"));
    let mut archive = zip::ZipArchive::new(Cursor::new(reply.body)).unwrap();
    let names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    assert_eq!(names.len(), 7, "{names:?}");
    let inside = names.iter().find(|name| name.ends_with("/logs/n2.log")).unwrap();
    let mut found = Vec::new();
    archive.by_name(inside).unwrap().read_to_end(&mut found).unwrap();
    assert_eq!(found, large);
}

#[tokio::test]
async fn two_runs_are_compared_in_words_and_signs() {
    let (folder, served) = invented_store().await;
    let a = first_id(&served, "?name=register").await;
    let a = match a.contains("0128") {
        // The newest ones have no results.
        true => first_id(&served, "?name=register&verdict=linearizable").await,
        false => a,
    };
    let b = first_id(&served, "?name=register-stale-read&verdict=violation").await;
    let page = served.page(&format!("/compare?a={a}&b={b}")).await;
    for section in ["plan", "served", "latency", "faults", "recovery", "contradictions", "checks"] {
        assert!(page.contains(&format!("id=\"{section}\"")), "{section}");
    }
    for sign in
        ["▲", "▼", "= same", "≠ differs", "slower", "×", "isolate-leader", "<svg class=\"chart\""]
    {
        assert!(page.contains(sign), "{sign}");
    }
    assert!(page.contains("var(--ok)") && !page.contains("=\"#0"), "colours of the page only");
    assert!(served.page("/compare").await.contains("Choose two runs"));
    assert!(served.page(&format!("/compare?a={a}")).await.contains("Only run A"));
    assert_eq!(served.get(&format!("/compare?a={a}&b=no/such")).await.status, 404);
    let damaged = first_id(&served, "?verdict=damaged").await;
    let refused = served.get(&format!("/compare?a={a}&b={damaged}")).await;
    assert!(refused.status == 404 && refused.text().contains("cannot be compared"));
    // Small enough for the index, but too large to be held whole.
    let results = folder.path().join(&b).join("results.json");
    let padded = fs::read_to_string(&results).unwrap() + &" ".repeat(17 << 20);
    fs::write(&results, padded).unwrap();
    assert_eq!(runs(&served, "?name=register-stale-read&verdict=violation").await.1[0]["id"], *b);
    let refused = served.get(&format!("/compare?a={a}&b={b}")).await;
    assert!(refused.status == 404 && refused.text().contains("cannot be compared"));
}

#[tokio::test]
async fn a_comparison_loses_no_kind_of_fault_among_many_equal_ones() {
    let folder = tempfile::tempdir().unwrap();
    let mut mint = Mint::new();
    let mut with_faults = |seed, kinds: &[String]| {
        let kind = ("node", "register", None, "register");
        let leaf = mint.put(folder.path(), kind, "20260102T030405Z", seed, false);
        let path = folder.path().join("register").join(&leaf).join("results.json");
        let mut results: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let first = results["faults"][0].clone();
        let fault = |kind: &String| {
            let mut fault = first.clone();
            fault["kind"] = json!(kind);
            fault
        };
        results["faults"] = kinds.iter().map(fault).collect();
        fs::write(path, results.to_string()).unwrap();
        format!("register/{leaf}")
    };
    let a = with_faults(1, &vec!["pause-leader".to_owned(); 520]);
    let b = with_faults(2, &vec!["kill-majority".to_owned(); 10]);
    let many: Vec<String> = (0..612).map(|number| format!("kind-{number:03}")).collect();
    let c = with_faults(3, &many);
    let served = serve(folder.path()).await;
    let page = served.page(&format!("/compare?a={a}&b={b}")).await;
    let rows = ["pause-leader that took hold", "kill-majority that took hold"];
    assert!(rows.iter().all(|row| page.contains(row)), "{page}");
    assert!(!page.contains("not shown"), "{page}");
    let page = served.page(&format!("/compare?a={a}&b={c}")).await;
    assert!(page.contains("113 more are not shown."), "{page}");
}

#[tokio::test]
async fn suites_are_shown_over_their_nights() {
    let (folder, served) = invented_store().await;
    let list = served.page("/suites/").await;
    assert!(list.contains("/suites/nightly") && list.contains("/series/register"), "{list}");
    let page = served.page("/suites/nightly").await;
    let head = page.split("<tbody>").next().unwrap();
    assert_eq!(head.matches("<th><a").count(), NIGHTS, "{head}");
    assert!(page.contains("violation, as expected") && page.contains("not as expected"));
    assert!(page.contains("4 of 6 as expected"), "the flaky one");
    assert_eq!(page.matches("<svg class=\"chart\"").count(), 4);
    let night = "/runs/nightly/20260120T010000Z/";
    assert!(page.contains(night));
    assert!(served.page(night).await.contains("suite.html"));
    let report = served.page(&format!("{night}suite.html")).await;
    let inner = report.split("href=\"./").nth(1).unwrap().split('"').next().unwrap();
    served.page(&format!("{night}{inner}")).await;
    let series = served.page("/series/register-stale-read").await;
    assert!(series.contains("came to the same"), "{series}");
    assert_eq!(served.get("/suites/no-such").await.status, 404);
    assert_eq!(served.get("/series/no-such").await.status, 404);

    fs::write(folder.path().join("nightly/20260120T010000Z/suite.json"), "{").unwrap();
    let page = served.page("/suites/nightly").await;
    assert!(page.contains("cannot be read"), "{page}");
}

#[tokio::test]
async fn equal_failures_stand_together() {
    let (_folder, served) = invented_store().await;
    let page = served.page("/failures").await;
    assert!(page.contains("node+stale-read · register · value-returned"), "{page}");
    let link = page.split("href=\"/?fingerprint=").nth(1).unwrap().split('"').next().unwrap();
    let (all, listed) = runs(&served, &format!("?fingerprint={link}")).await;
    assert!(all > 1 && page.contains(&format!(">{all}×<")), "{all}");
    assert!(listed.iter().all(|run| run["fingerprint"]["id"] == link));
}

#[tokio::test]
async fn what_changes_in_the_store_shows_at_the_next_look() {
    let folder = tempfile::tempdir().unwrap();
    let served = serve(&folder.path().join("not-there-yet")).await;
    let page = served.page("/").await;
    assert!(page.contains("id=\"empty\"") && page.contains("squall test"), "{page}");
    let place = folder.path().join("not-there-yet");
    let kind = ("node", "register", None, "register");
    let mut mint = Mint::new();
    let name = mint.put(&place, kind, "20260102T030405Z", 7, false);
    assert_eq!(runs(&served, "").await.0, 1);
    let run = RunDir::open(&place.join("register").join(name)).unwrap();
    let changed = fs::read_to_string(run.results()).unwrap().replace("\"register\"", "\"bank\"");
    run.write(&run.results(), changed.as_bytes()).unwrap();
    assert_eq!(runs(&served, "?workload=bank").await.0, 1);
    fs::remove_file(run.results()).unwrap();
    assert_eq!(runs(&served, "?verdict=unfinished").await.0, 1);
    fs::remove_dir_all(run.path()).unwrap();
    assert_eq!(runs(&served, "").await.0, 0);
    assert!(Path::new(&place).exists());
}
