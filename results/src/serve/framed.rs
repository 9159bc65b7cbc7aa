//! A page from a run's folder in a frame of ours, below a bar that leads back.
//!
//! A page by itself may lead its browser anywhere, whatever its policy says. In a frame it may
//! lead nothing but the frame, and the page around it lets the frame go nowhere but here.

use askama::Template;

use super::reply::{Refusal, Reply};
use super::{CSS, address};

#[derive(Template)]
#[template(path = "serve/framed.html")]
struct Page<'p> {
    css: &'static str,
    here: &'static str,
    title: String,
    back: &'p str,
    back_to: &'p str,
    file: String,
    address: String,
}

/// The page around the file at `path`, which leads back to the page `back` of `back_to`.
pub(super) fn page(back: &str, back_to: &str, path: &[&str]) -> Result<Reply, Refusal> {
    let file = path.join("/");
    let page = Page {
        css: CSS,
        here: "",
        title: format!("{file} of {back_to}"),
        back,
        back_to,
        address: format!("{back}{}", address::escaped_id(&file)),
        file,
    };
    page.render().map(Reply::Frame).map_err(|error| Refusal::broken(&error))
}
