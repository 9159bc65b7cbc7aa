//! The harness notices what it is there to notice.

use crate::page::on_html;

#[test]
fn errors_requests_and_dialogs_are_noticed() {
    let page = "<!doctype html><title>wrong</title><img src='http://127.0.0.1:9/elsewhere.png'>\
                <script>setTimeout(() => { throw new Error('planted') });</script>";
    on_html(page, |page| {
        page.wait_until("document.readyState === 'complete'");
        let troubles = page.troubles().join("\n");
        assert!(troubles.contains("planted"), "{troubles}");
        assert!(troubles.contains("a request: http://127.0.0.1:9/elsewhere.png"), "{troubles}");
        assert!(!troubles.contains("a dialog"), "{troubles}");

        page.run("setTimeout(() => alert('planted too'))");
        let dialog = page.troubles().join("\n");
        assert!(dialog.contains("a dialog: \"planted too\""), "{dialog}");
    });
}
