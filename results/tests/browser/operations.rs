//! The lane with a line for each client, on a canvas: pointed at, and filtered by key.

use serde_json::{Value, json};

use crate::invented::{Ending, run};
use crate::page::{Page, on_report};

/// Where in the window the first operation of client 3 is drawn: the planted write of 31.
const OF_CLIENT_3: &str = "
    document.getElementById('clients').scrollIntoView({ block: 'center', behavior: 'instant' });
    const i = operations.process.indexOf(3);
    const { x, width, y } = clients.bar(run.axis, i);
    const box = document.getElementById('clients').getBoundingClientRect();
    return [box.left + x + width / 2, box.top + y + clients.pitch / 2];";

#[test]
fn pointing_at_an_operation_reads_it_out() {
    on_report(&run(815, 3_000, Ending::Violation), |page| {
        page.click("#jump", 1);
        page.wait_until("run.pending === false");
        let place = page.run(OF_CLIENT_3);
        let at = |index: usize| place[index].as_f64().expect("a number");
        page.point(at(0), at(1));
        let told = page.text("#readout");
        assert!(told.contains("client 3 → n1: write 31 on key 17, ok after"), "{told}");
        assert!(told.contains("invoked at 1.7200 s"), "{told}");
        // Above the lane there is none.
        page.point(
            at(0),
            at(1)
                - page.each("#clients", "element.getBoundingClientRect().bottom")[0]
                    .as_f64()
                    .expect("a number")
                    / 2.0,
        );
        assert!(!page.text("#readout").contains("client 3"), "{}", page.text("#readout"));
    });
}

/// How opaque each pixel of the canvas is, row by row.
const OPAQUE: &str = "
    const canvas = document.getElementById('clients'), { width, height } = canvas;
    // A copy, since to read the canvas itself would change how it is drawn from then on.
    const copy = Object.assign(document.createElement('canvas'), { width, height })
      .getContext('2d', { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, width, height);
    const opaque = data.filter((_, i) => i % 4 === 3);";

/// How many pixels of the canvas are as good as opaque.
fn bright(page: &Page) -> u64 {
    page.wait_until("run.pending === false");
    let count = page.run(&format!("{OPAQUE} return opaque.filter((it) => it > 200).length;"));
    count.as_u64().expect("a number")
}

fn picture(page: &Page) -> Value {
    page.wait_until("run.pending === false");
    page.run("return document.getElementById('clients').toDataURL()")
}

/// Operations of key 17 that are not drawn brightly in their places.
const MISSED: &str = "
    let seen = 0;
    const missed = [], ratio = devicePixelRatio;
    for (let i = 0; i < operations.shown; i++) {
      if (operations.name(operations.key[i]) !== '17') continue;
      if (operations.end(i) < run.axis.from || operations.start[i] > run.axis.to) continue;
      seen++;
      const bar = clients.bar(run.axis, i), left = Math.floor(bar.x * ratio);
      const first = Math.round((bar.y + clients.pitch / 2 - 1) * ratio) * width + left;
      const most = Math.max(...opaque.slice(first, first + Math.ceil(bar.width * ratio) + 1));
      // A bar of a pixel lies on two of them.
      if (most < 110) missed.push(operations.sentence(i));
    }
    return { seen, missed };";

#[test]
fn the_operations_of_one_key_stand_out() {
    on_report(&run(815, 8_000, Ending::Violation), |page| {
        let all = picture(page);
        let before = bright(page);
        page.focus("#key-filter");
        page.write("17");
        let after = bright(page);
        assert!(after * 4 < before, "all others are dim: {after} of {before}");
        assert!(after > 20, "{after}");
        assert_ne!(picture(page), all);
        let found = page.run(&format!("{OPAQUE}{MISSED}"));
        assert!(found["seen"].as_u64() > Some(100), "{found}");
        assert_eq!(found["missed"], json!([]), "nothing hides them");
        page.set("#key-filter", "");
        assert!(picture(page) == all, "as it was");
        page.set("#key-filter", "no such key");
        assert!(bright(page) * 4 < before, "none is meant, but for the contradiction");
    });
}

#[test]
fn every_key_is_offered() {
    on_report(&run(815, 3_000, Ending::Linearizable), |page| {
        let offered = page.each("#keys option", "element.value");
        let wanted: Vec<Value> = (0..40).map(|key| json!(key.to_string())).collect();
        assert_eq!(offered, wanted, "each once, as people count");
    });
}
