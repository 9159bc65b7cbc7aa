//! One browser under chromedriver, by the WebDriver protocol (W3C, 2nd edition).
//!
//! A command is a JSON document sent to a path, so no more than an HTTP client is needed; the
//! logs and the DevTools commands, which most tests are about, are chromedriver's own
//! extensions anyway. Every call blocks until it is answered.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::chromedriver::{Chromedriver, Programs};

/// No command takes longer, even on a busy machine.
const COMMAND_MAX: Duration = Duration::from_secs(60);

/// A browser with a profile of its own; it is ended on drop, also when a test panics.
pub(crate) struct Session {
    /// The path of the session, under which all commands are.
    base: String,
    /// The process of the browser; its others end with it.
    browser: Pid,
    http: reqwest::Client,
    runtime: tokio::runtime::Runtime,
    // Ended in this order.
    _chromedriver: Chromedriver,
    _profile: TempDir,
}

impl Session {
    /// Starts a browser with a window of 1280 by 900.
    pub(crate) fn start(programs: &Programs) -> Self {
        let profile = tempfile::tempdir().expect("a directory");
        let chromedriver = Chromedriver::start(programs);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let http = reqwest::Client::builder().no_proxy().timeout(COMMAND_MAX).build();
        let http = http.expect("a client");
        let address = format!("{}/session", chromedriver.address());
        let wanted = capabilities(&programs.chromium, profile.path());
        let begun = runtime.block_on(send(http.post(&address).json(&wanted)));
        let begun = begun.unwrap_or_else(|error| panic!("no session: {error}"));
        let id = begun["sessionId"].as_str().expect("a session has an id");
        let browser = begun["capabilities"]["goog:processID"].as_i64();
        let browser = browser.and_then(|id| id.try_into().ok()).expect("a browser is a process");
        Self {
            base: format!("{address}/{id}"),
            browser: Pid::from_raw(browser),
            http,
            runtime,
            _chromedriver: chromedriver,
            _profile: profile,
        }
    }

    /// Sends a command and returns what came of it.
    pub(crate) fn try_post(&self, path: &str, body: &Value) -> Result<Value, String> {
        let request = self.http.post(format!("{}/{path}", self.base)).json(body);
        self.runtime.block_on(send(request))
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.try_post(path, body).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Opens an address and waits until the page is loaded.
    pub(crate) fn go(&self, address: &str) {
        self.post("url", &json!({ "url": address }));
    }

    /// Goes on inside the first frame of the page, or in the page as a whole.
    pub(crate) fn enter(&self, frame: Option<u16>) {
        self.post("frame", &json!({ "id": frame }));
    }

    /// Runs the body of a function in the page.
    pub(crate) fn run(&self, script: &str, arguments: &Value) -> Value {
        self.post("execute/sync", &json!({ "script": script, "args": [arguments] }))
    }

    /// Runs the body of a function that calls its second argument when it is done.
    pub(crate) fn run_async(&self, script: &str, arguments: &Value) -> Value {
        self.post("execute/async", &json!({ "script": script, "args": [arguments] }))
    }

    /// Does what a hand would: `sources` are action sequences of the protocol.
    pub(crate) fn act(&self, sources: &Value) {
        self.post("actions", &json!({ "actions": sources }));
    }

    /// A command of the DevTools protocol.
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.post("goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// What was logged since it was asked for last; `browser` and `performance` are logs.
    pub(crate) fn log(&self, name: &str) -> Vec<Value> {
        match self.post("se/log", &json!({ "type": name })) {
            Value::Array(entries) => entries,
            other => panic!("the log {name} is no list: {other}"),
        }
    }

    /// The text of the dialog that is open, if one is.
    pub(crate) fn dialog(&self) -> Option<String> {
        let asked = self.http.get(format!("{}/alert/text", self.base));
        match self.runtime.block_on(send(asked)) {
            Ok(text) => Some(text.to_string()),
            Err(error) if error.starts_with("no such alert") => None,
            Err(error) => panic!("alert/text: {error}"),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let asked = self.runtime.block_on(send(self.http.delete(&self.base)));
        if asked.is_err() {
            // It fails only where the browser is gone already.
            let _ = kill(self.browser, Signal::SIGKILL);
        }
    }
}

fn capabilities(chromium: &Path, profile: &Path) -> Value {
    let arguments = [
        "--headless=new".to_owned(),
        // Pages are our own, and root has no sandbox.
        "--no-sandbox".to_owned(),
        format!("--user-data-dir={}", profile.display()),
        "--window-size=1280,900".to_owned(),
        "--force-color-profile=srgb".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--disable-gpu".to_owned(),
        "--no-first-run".to_owned(),
        // The browser's own business must leave the machine as little as the page's.
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1".to_owned(),
    ];
    json!({ "capabilities": { "alwaysMatch": {
        "browserName": "chrome",
        // A dialog is to be found, not to be closed behind the test's back.
        "unhandledPromptBehavior": "ignore",
        "goog:chromeOptions": { "binary": chromium, "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
    } } })
}

/// The value of a reply, or the protocol's error: its code, a colon and a message.
async fn send(request: reqwest::RequestBuilder) -> Result<Value, String> {
    let reply = request.send().await.map_err(|error| format!("{error:?}"))?;
    let done = reply.status().is_success();
    let mut reply: Value = reply.json().await.map_err(|error| format!("{error:?}"))?;
    let value = reply["value"].take();
    if done {
        return Ok(value);
    }
    let part = |name: &str| value[name].as_str().unwrap_or("nothing said").to_owned();
    Err(format!("{}: {}", part("error"), part("message")))
}
