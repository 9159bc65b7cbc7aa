//! What a reader does with a page, by keyboard and by mouse.

use serde_json::{Value, json};

use crate::page::Page;

/// Keys that have no character, as WebDriver names them.
pub(crate) mod key {
    pub(crate) const TAB: &str = "\u{e004}";
    pub(crate) const ENTER: &str = "\u{e007}";
    pub(crate) const SHIFT: &str = "\u{e008}";
    pub(crate) const END: &str = "\u{e010}";
    pub(crate) const HOME: &str = "\u{e011}";
    pub(crate) const LEFT: &str = "\u{e012}";
    pub(crate) const RIGHT: &str = "\u{e014}";
    pub(crate) const DOWN: &str = "\u{e015}";
}

impl Page {
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

    /// Writes a text by key after key.
    pub(crate) fn write(&self, text: &str) {
        let stroke = |c: char| {
            let key = c.to_string();
            [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]
        };
        let actions: Vec<_> = text.chars().flat_map(stroke).collect();
        self.session.act(&json!([{ "type": "key", "id": "keyboard", "actions": actions }]));
    }

    /// Gives an element the focus.
    pub(crate) fn focus(&self, selector: &str) {
        self.session.run("document.querySelector(arguments[0]).focus()", &json!(selector));
    }

    /// Gives a field a value as if it was chosen there.
    pub(crate) fn set(&self, selector: &str, value: &str) {
        let script = "const field = document.querySelector(arguments[0].selector);
            field.value = arguments[0].value;
            for (const kind of ['input', 'change']) field.dispatchEvent(new Event(kind, { bubbles: true }));";
        self.session.run(script, &json!({ "selector": selector, "value": value }));
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

    /// Moves the mouse to a place in the window.
    pub(crate) fn point(&self, x: f64, y: f64) {
        self.use_mouse(&[mouse_to(x.round(), y.round())]);
    }

    /// Clicks at a share of an element's width.
    pub(crate) fn click_at(&self, selector: &str, share: f64) {
        let (x, y) = self.place(selector, share);
        self.use_mouse(&[mouse_to(x, y), mouse("pointerDown"), mouse("pointerUp")]);
    }

    fn use_mouse(&self, actions: &[Value]) {
        self.session.act(&json!([{ "type": "pointer", "id": "mouse", "actions": actions }]));
    }

    /// A place in the window that lies in an element, which is brought into view.
    fn place(&self, selector: &str, share: f64) -> (f64, f64) {
        let script = "const element = document.querySelector(arguments[0].selector);
            element.scrollIntoView({ block: 'center', behavior: 'instant' });
            // A link of two lines is hit where there is some of it.
            const { left, top, width, height } = element.getClientRects()[0];
            return [left + width * arguments[0].share, top + height / 2];";
        let place = self.session.run(script, &json!({ "selector": selector, "share": share }));
        let part = |index: usize| place[index].as_f64().expect("a number").round();
        (part(0), part(1))
    }
}

fn mouse(kind: &str) -> Value {
    json!({ "type": kind, "button": 0 })
}

fn mouse_to(x: f64, y: f64) -> Value {
    json!({ "type": "pointerMove", "duration": 0, "origin": "viewport", "x": x, "y": y })
}
