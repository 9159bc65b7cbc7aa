//! A page that was written to disk and opened from there, and what a reader does with it.

use std::fs;
use std::path::Path;
use std::sync::{PoisonError, RwLock};

use serde_json::{Value, json};
use squall_results::report;
use squall_results::summary::summarize;

use crate::chromedriver::Programs;
use crate::invented::Invented;
use crate::session::Session;

/// Keys that have no character, as WebDriver names them.
pub(crate) mod key {
    pub(crate) const TAB: &str = "\u{e004}";
    pub(crate) const SHIFT: &str = "\u{e008}";
    pub(crate) const HOME: &str = "\u{e011}";
    pub(crate) const LEFT: &str = "\u{e012}";
    pub(crate) const RIGHT: &str = "\u{e014}";
}

/// Held while a browser is open; whoever measures time takes it for itself.
static MACHINE: RwLock<()> = RwLock::new(());

/// A page in a browser.
pub(crate) struct Page {
    session: Session,
    address: String,
}

/// The report of a run as it stands on disk.
pub(crate) fn html(run: &Invented) -> String {
    let logs = run.logs.as_ref();
    let results = summarize(&run.history, &run.analysis, &run.probes, logs, run.facts.clone());
    report::render(&run.material(&results))
}

/// Opens the report of a run, lets `read` use it, and demands that nothing went wrong
/// meanwhile.
pub(crate) fn on_report(run: &Invented, read: impl FnOnce(&Page)) {
    let shared = || MACHINE.read().unwrap_or_else(PoisonError::into_inner);
    on_page(
        shared,
        || html(run),
        |page| {
            read(page);
            page.assert_quiet();
        },
    );
}

/// The same for any page, without the demand.
pub(crate) fn on_html(html: &str, read: impl FnOnce(&Page)) {
    let shared = || MACHINE.read().unwrap_or_else(PoisonError::into_inner);
    on_page(shared, || html.to_owned(), read);
}

/// As [`on_report`], while no other browser is open.
pub(crate) fn on_report_alone(html: impl FnOnce() -> String, read: impl FnOnce(&Page)) {
    let alone = || MACHINE.write().unwrap_or_else(PoisonError::into_inner);
    on_page(alone, html, |page| {
        read(page);
        page.assert_quiet();
    });
}

fn on_page<G>(hold: impl FnOnce() -> G, html: impl FnOnce() -> String, read: impl FnOnce(&Page)) {
    let Some(programs) = Programs::find() else { return };
    let _held = hold();
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("report.html");
    fs::write(&file, html()).expect("written");
    read(&Page::open(&programs, &file));
}

impl Page {
    fn open(programs: &Programs, file: &Path) -> Self {
        let session = Session::start(programs);
        let address = format!("file://{}", file.display());
        // What the browser shows of its own accord is none of the page's business.
        session.go("about:blank");
        for log in ["browser", "performance"] {
            session.log(log);
        }
        session.go(&address);
        Self { session, address }
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
        let shown = self.each(selector, "element.checkVisibility() ? element.innerText : ''");
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
    /// When it is not true after ten seconds.
    pub(crate) fn wait_until(&self, condition: &str) {
        let script = format!(
            "const done = arguments[1], end = performance.now() + 10000;
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

    /// Presses and releases a key.
    pub(crate) fn press(&self, key: &str) {
        self.press_with(&[], key);
    }

    /// The same while others are held.
    pub(crate) fn press_with(&self, held: &[&str], key: &str) {
        let stroke = |kind: &'static str| move |key: &&str| json!({ "type": kind, "value": key });
        let down = held.iter().chain([&key]).map(stroke("keyDown"));
        let up = held.iter().chain([&key]).rev().map(stroke("keyUp"));
        let actions: Vec<_> = down.chain(up).collect();
        self.session.act(&json!([{ "type": "key", "id": "keyboard", "actions": actions }]));
    }

    /// Clicks in the middle of an element, `times` in quick succession.
    pub(crate) fn click(&self, selector: &str, times: usize) {
        let (x, y) = self.place(selector, 0.5);
        let mut actions = vec![mouse_to(x, y)];
        for _ in 0..times {
            actions.extend([mouse("pointerDown"), mouse("pointerUp")]);
        }
        self.use_mouse(&actions);
    }

    /// Draws the mouse with its button held from one place of an element to another, both
    /// as shares of its width.
    pub(crate) fn drag(&self, selector: &str, from: f64, to: f64) {
        let (x1, y) = self.place(selector, from);
        let (x2, _) = self.place(selector, to);
        self.use_mouse(&[
            mouse_to(x1, y),
            mouse("pointerDown"),
            mouse_to((x1 + x2) / 2.0, y),
            mouse_to(x2, y),
            mouse("pointerUp"),
        ]);
    }

    fn use_mouse(&self, actions: &[Value]) {
        self.session.act(&json!([{ "type": "pointer", "id": "mouse", "actions": actions }]));
    }

    /// A place in the window that lies in an element, which is brought into view.
    fn place(&self, selector: &str, share: f64) -> (f64, f64) {
        let script = "const element = document.querySelector(arguments[0].selector);
            element.scrollIntoView({ block: 'center', behavior: 'instant' });
            const { left, top, width, height } = element.getBoundingClientRect();
            return [left + width * arguments[0].share, top + height / 2];";
        let place = self.session.run(script, &json!({ "selector": selector, "share": share }));
        let part = |index: usize| place[index].as_f64().expect("a number").round();
        (part(0), part(1))
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
            .filter(|address| *address != self.address && !address.starts_with("data:"));
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

fn mouse(kind: &str) -> Value {
    json!({ "type": kind, "button": 0 })
}

fn mouse_to(x: f64, y: f64) -> Value {
    json!({ "type": "pointerMove", "duration": 0, "origin": "viewport", "x": x, "y": y })
}
