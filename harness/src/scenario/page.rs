//! A transcript as one self-contained HTML page.

use std::fmt::Write as _;

use super::{Step, Transcript};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;\
padding:0 1rem;color:#1a1a1a;background:#fff}table{border-collapse:collapse;width:100%}\
td,th{padding:.4rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid #ddd}\
td.at{white-space:nowrap;text-align:right;color:#666;font-variant-numeric:tabular-nums}\
tr.held .mark{color:#146c2e}tr.broken{background:#fde8e8}tr.broken .mark{color:#a40000}\
tr.noted td{color:#666}.saw{color:#444}.verdict{font-weight:600}\
@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#16181c}td,th{border-color:#333}\
td.at,tr.noted td,.saw{color:#a9a9a9}tr.broken{background:#4a1f1f}tr.held .mark{color:#6fcf8a}\
tr.broken .mark{color:#ff8a8a}}";

/// Renders a transcript.
#[must_use]
pub fn html(transcript: &Transcript) -> String {
    let (all, broken) = transcript.expectations();
    let verdict = match (&transcript.broke_off, broken) {
        (Some(why), _) => format!("The script broke off: failed to {why}"),
        (None, 0) => format!("All {all} expectations held"),
        (None, _) => format!("{broken} of {all} expectations did not hold"),
    };
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{name}</title><style>{STYLE}</style></head><body>\
         <h1>{name}</h1><p>{sentence}</p><p class=\"verdict\">{verdict}.</p><p>{started}; \
         {network}; {took} ms.</p><table><thead><tr><th>Seconds</th><th></th><th>Step</th></tr>\
         </thead><tbody>",
        name = escaped(&transcript.scenario),
        sentence = escaped(&transcript.sentence),
        verdict = escaped(&verdict),
        started = escaped(&transcript.started_utc),
        network = escaped(&transcript.network),
        took = transcript.took_ms,
    );
    for line in &transcript.lines {
        let (class, mark, text) = match &line.step {
            Step::Did { what } => ("did", "", escaped(what)),
            Step::Noted { what } => ("noted", "", escaped(what)),
            Step::Expected { what, saw, held } => {
                let (class, mark) = if *held { ("held", "✓") } else { ("broken", "✗") };
                let saw = escaped(saw);
                (class, mark, format!("{}<div class=\"saw\">seen: {saw}</div>", escaped(what)))
            }
        };
        let seconds = std::time::Duration::from_millis(line.at_ms).as_secs_f64();
        // Writing to a string cannot fail.
        let _ = write!(
            page,
            "<tr class=\"{class}\"><td class=\"at\">{seconds:.2}</td><td class=\"mark\">{mark}\
             </td><td>{text}</td></tr>"
        );
    }
    page.push_str("</tbody></table></body></html>\n");
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Line;

    #[test]
    fn what_nodes_say_cannot_become_markup() {
        let saw = "<script>&\"".to_owned();
        let step = Step::Expected { what: "a < b".to_owned(), saw, held: false };
        let page = html(&Transcript {
            squall: 1,
            scenario: "s".to_owned(),
            sentence: String::new(),
            started_utc: String::new(),
            network: String::new(),
            lines: vec![Line { at_ms: 1500, step }],
            broke_off: None,
            took_ms: 2000,
        });
        assert!(page.contains("a &lt; b") && page.contains("&lt;script&gt;&amp;&quot;"), "{page}");
        assert!(page.contains("1 of 1 expectations did not hold"), "{page}");
    }
}
