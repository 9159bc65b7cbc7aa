//! A page in a browser, from disk or from a server, and what became of it.

use std::fs;
use std::path::Path;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use squall_results::report;

use crate::chromedriver::Programs;
use crate::invented::Invented;
use crate::served::Served;
use crate::session::Session;

/// Nothing a reader waits for takes longer, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Held while a browser is open; whoever measures time takes it for itself.
static MACHINE: RwLock<()> = RwLock::new(());

/// What a page may ask for without being noticed.
enum Own {
    /// The file it is, and nothing else.
    File(String),
    /// Whatever the server it comes from has.
    Site(String),
}

impl Own {
    fn has(&self, address: &str) -> bool {
        match self {
            Self::File(file) => address == file,
            Self::Site(site) => address.starts_with(site),
        }
    }
}

/// A page in a browser.
pub(crate) struct Page {
    pub(crate) session: Session,
    own: Own,
}

/// The report of a run as it stands on disk.
pub(crate) fn html(run: &Invented) -> String {
    report::render(&run.material(&run.results()))
}

fn shared() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}

/// Opens the report of a run, lets `read` use it, and demands that nothing went wrong
/// meanwhile.
pub(crate) fn on_report(run: &Invented, read: impl FnOnce(&Page)) {
    let Some(programs) = Programs::find() else { return };
    let _held = shared();
    let mut page = Page::new(&programs);
    page.report(&html(run), read);
}

/// The same for several checks in one browser, each of which finds the report as it opens.
pub(crate) fn on_report_afresh(run: &Invented, checks: &[fn(&Page)]) {
    let Some(programs) = Programs::find() else { return };
    let _held = shared();
    let mut page = Page::new(&programs);
    let html = html(run);
    for check in checks {
        page.report(&html, check);
    }
}

/// The same for one report after the other, in one browser.
pub(crate) fn on_each_report(runs: &[Invented], mut read: impl FnMut(&Page)) {
    let Some(programs) = Programs::find() else { return };
    let _held = shared();
    let mut page = Page::new(&programs);
    for run in runs {
        page.report(&html(run), &mut read);
    }
}

/// The same for any page, without the demand.
pub(crate) fn on_html(html: &str, read: impl FnOnce(&Page)) {
    let Some(programs) = Programs::find() else { return };
    let _held = shared();
    let mut page = Page::new(&programs);
    page.show(html, read);
}

/// As [`on_report`], while no other browser is open.
pub(crate) fn on_report_alone(html: impl FnOnce() -> String, read: impl FnOnce(&Page)) {
    let Some(programs) = Programs::find() else { return };
    let _held = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
    let mut page = Page::new(&programs);
    page.report(&html(), read);
}

/// What is demanded of a site that is served.
pub(crate) type SiteCheck = fn(&Page, &Served);

/// Serves a store that `fill` makes and lets each of `checks` use it from its index on.
/// Demands that nothing goes wrong meanwhile and that nobody else is asked for anything.
pub(crate) fn on_store(fill: impl FnOnce(&Path), checks: &[SiteCheck]) {
    let Some(programs) = Programs::find() else { return };
    let _held = shared();
    let folder = tempfile::tempdir().expect("a directory");
    fill(folder.path());
    let served = Served::start(folder.path());
    let mut page = Page::new(&programs);
    page.own = Own::Site(served.site());
    for check in checks {
        page.forget();
        page.visit("/");
        check(&page, &served);
        page.assert_quiet();
    }
}

impl Page {
    fn new(programs: &Programs) -> Self {
        Self { session: Session::start(programs), own: Own::File(String::new()) }
    }

    /// Begins anew, with a screen as any. What the browser shows of its own accord is none of
    /// the page's business.
    fn forget(&self) {
        self.session.go("about:blank");
        for log in ["browser", "performance"] {
            self.session.log(log);
        }
        self.devtools("Emulation.clearDeviceMetricsOverride", &json!({}));
        self.devtools("Emulation.setEmulatedMedia", &json!({ "features": [] }));
    }

    fn report(&mut self, html: &str, read: impl FnOnce(&Self)) {
        self.show(html, |page| {
            read(page);
            page.assert_quiet();
        });
    }

    /// Opens a page from disk, as on any screen.
    fn show(&mut self, html: &str, read: impl FnOnce(&Self)) {
        let folder = tempfile::tempdir().expect("a directory");
        let file = folder.path().join("report.html");
        fs::write(&file, html).expect("written");
        self.forget();
        let address = format!("file://{}", file.display());
        self.session.go(&address);
        self.own = Own::File(address);
        read(self);
    }

    /// Opens a page of the site that is served.
    pub(crate) fn visit(&self, path: &str) {
        let Own::Site(site) = &self.own else { panic!("{path}: nothing is served") };
        self.session.go(&format!("{site}{}", path.trim_start_matches('/')));
    }

    /// Does what leads to another page and waits until that one stands; returns its path.
    pub(crate) fn follow(&self, act: impl FnOnce()) -> String {
        let left = "window.isLeft = true; addEventListener('pageshow', () => delete window.isLeft)";
        self.run(left);
        act();
        let look = json!({ "args": [], "script":
            "return !window.isLeft && document.readyState === 'complete' \
               && location.pathname + location.search" });
        let deadline = Instant::now() + PATIENCE;
        loop {
            // Between two pages there is none to ask.
            let looked = self.session.try_post("execute/sync", &look);
            match looked.as_ref().ok().and_then(Value::as_str) {
                Some(path) => return path.to_owned(),
                None => assert!(Instant::now() < deadline, "no other page came: {looked:?}"),
            }
        }
    }

    /// Demands something of what stands in the page's frame, once it is there.
    pub(crate) fn in_frame(&self, read: impl FnOnce(&Self)) {
        self.wait_until("document.querySelector('iframe') !== null");
        self.session.enter(Some(0));
        self.wait_until("document.readyState === 'complete'");
        read(self);
        self.session.enter(None);
    }

    /// What the body of a function returns in the page.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.session.run(script, &Value::Null)
    }

    /// What the body of a function returns in the page that calls its first argument's `done`.
    pub(crate) fn run_async(&self, script: &str, arguments: &Value) -> Value {
        self.session.run_async(script, arguments)
    }

    /// What the body of a function says of each of the elements that `selector` finds.
    pub(crate) fn each(&self, selector: &str, of_element: &str) -> Vec<Value> {
        let script = format!(
            "return [...document.querySelectorAll(arguments[0])].map((element) => {of_element})"
        );
        match self.session.run(&script, &json!(selector)) {
            Value::Array(values) => values,
            other => panic!("{selector}: {other}"),
        }
    }

    /// The text that a reader sees in an element.
    pub(crate) fn text(&self, selector: &str) -> String {
        let shown = self.each(
            selector,
            "element.checkVisibility() ? element.innerText ?? element.textContent : ''",
        );
        shown.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
    }

    /// A command of the DevTools protocol.
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.session.devtools(command, parameters)
    }

    /// Shows the page as a phone of this size does.
    pub(crate) fn shrink_to(&self, width: u32, height: u32) {
        let screen =
            json!({ "width": width, "height": height, "deviceScaleFactor": 2, "mobile": true });
        self.devtools("Emulation.setDeviceMetricsOverride", &screen);
        self.wait_until(&format!("screen.width === {width} && devicePixelRatio === 2"));
    }

    /// Sets a media feature such as `prefers-color-scheme`.
    pub(crate) fn prefer(&self, feature: &str, value: &str) {
        let media = json!({ "features": [{ "name": feature, "value": value }] });
        self.devtools("Emulation.setEmulatedMedia", &media);
        self.wait_until(&format!("matchMedia('({feature}: {value})').matches"));
    }

    /// Waits until an expression is true, looked at before every frame.
    ///
    /// # Panics
    /// When it is not true after [`PATIENCE`].
    pub(crate) fn wait_until(&self, condition: &str) {
        let patience_ms = PATIENCE.as_millis();
        let script = format!(
            "const done = arguments[1], end = performance.now() + {patience_ms};
             const look = () => {{
               if ({condition}) done(true);
               else if (performance.now() > end) done(false);
               else requestAnimationFrame(look);
             }};
             look();"
        );
        let became = self.session.run_async(&script, &Value::Null);
        assert_eq!(became, json!(true), "never came true: {condition}");
    }

    /// How long the page's own thread worked, in milliseconds, for each time that `script` was
    /// run and a frame was drawn after it. A busy machine does not lengthen it.
    pub(crate) fn frames_ms(&self, script: &str, count: usize) -> Vec<f64> {
        self.devtools("Performance.enable", &json!({ "timeDomain": "threadTicks" }));
        let drawn = format!(
            "const done = arguments[1];
             {script};
             requestAnimationFrame(() => requestAnimationFrame(() => done(true)));"
        );
        let mut worked = self.worked_ms();
        let mut frame = || {
            self.session.run_async(&drawn, &Value::Null);
            let before = std::mem::replace(&mut worked, self.worked_ms());
            worked - before
        };
        (0..count).map(|_| frame()).collect()
    }

    fn worked_ms(&self) -> f64 {
        let told = self.devtools("Performance.getMetrics", &json!({}));
        let mut metrics = told["metrics"].as_array().expect("a list").iter();
        let task = metrics.find(|metric| metric["name"] == "TaskDuration").expect("is told");
        task["value"].as_f64().expect("seconds") * 1e3
    }

    /// The part of the run that the time axis shows, in microseconds.
    pub(crate) fn shown(&self) -> (f64, f64) {
        let script = "const { dataset } = document.getElementById('axis');
            return [dataset.from, dataset.to].map(Number);";
        let shown = self.run(script);
        (shown[0].as_f64().expect("a number"), shown[1].as_f64().expect("a number"))
    }

    /// What went wrong or out since the page was opened or last asked.
    pub(crate) fn troubles(&self) -> Vec<String> {
        let dialog = self.session.dialog().map(|text| format!("a dialog: {text}"));
        let said = self.session.log("browser").into_iter().filter(|entry| entry["level"] != "INFO");
        let said: Vec<_> = said.map(|entry| format!("the console: {}", entry["message"])).collect();
        let events = self.session.log("performance");
        let requests = events
            .iter()
            .filter_map(requested)
            .filter(|address| !self.own.has(address) && !address.starts_with("data:"));
        let requests: Vec<_> = requests.map(|address| format!("a request: {address}")).collect();
        dialog.into_iter().chain(said).chain(requests).collect()
    }

    /// Demands that no error, dialog or request came of the page.
    pub(crate) fn assert_quiet(&self) {
        assert_eq!(self.troubles(), Vec::<String>::new());
    }
}

/// The address of the request that a DevTools event is about, if it is one.
fn requested(entry: &Value) -> Option<String> {
    let event: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
    let event = &event["message"];
    let address = event["params"]["request"]["url"].as_str()?;
    (event["method"] == "Network.requestWillBeSent").then(|| address.to_owned())
}
