//! Text that is read, replaced and appended to.

use serde_json::{Value as Json, json};
use squall_checker::model::ModelName;

use crate::trials::{Deed, End, Played, Random, Tally, examine, record};

/// The text after an operation; null reads as nothing.
fn step(text: &String, deed: &Deed) -> Option<String> {
    let said = |value: &Json| value.as_str().unwrap_or("").to_owned();
    match deed.f {
        "get" if deed.end == End::Info => Some(text.clone()),
        "get" => (said(&deed.result) == *text).then(|| text.clone()),
        "put" => Some(said(&deed.argument)),
        _ => Some(text.clone() + &said(&deed.argument)),
    }
}

pub(crate) fn generate(random: &mut Random) -> Vec<Played> {
    let mut text = String::new();
    let mut written = 0;
    let wrong = [0, 25, 50][random.below(3)];
    let repeats = random.chance(50);
    let count = 1 + random.below(8);
    let mut played = record(random, count, |random| {
        let mut deed = match random.below(5) {
            0..3 => {
                let found = match (text.is_empty(), random.chance(50)) {
                    (true, true) => Json::Null,
                    _ => json!(text),
                };
                Deed::ok("get", Json::Null, found)
            }
            place => {
                written += 1;
                let value = json!(if repeats {
                    ["a", "b", ""][random.below(3)].to_owned()
                } else {
                    format!("{written}.")
                });
                Deed::ok(["put", "append"][place - 3], value, Json::Null)
            }
        };
        if random.chance(20) {
            deed.end = if random.chance(70) { End::Info } else { End::Fail };
            deed.result = Json::Null;
        }
        if deed.f != "get" && (deed.end == End::Ok || deed.end == End::Info && random.chance(50)) {
            text = step(&text, &deed).expect("only reads can be wrong");
        }
        deed
    });
    let texts: Vec<Json> = played.iter().map(|it| it.deed.result.clone()).collect();
    for one in &mut played {
        if random.chance(wrong) && one.deed.f == "get" && one.deed.end == End::Ok {
            let other = texts[random.below(texts.len())].clone();
            one.deed.result = if random.chance(10) { json!("ghost") } else { other };
        }
    }
    played
}

#[test]
fn texts_agree_with_brute_force() {
    let mut random = Random::new(4);
    let mut tally = Tally::default();
    for _ in 0..20_000 {
        let played = generate(&mut random);
        examine(&played, ModelName::KvAppend, &String::new(), &step, &mut random, &mut tally);
    }
    assert!(tally.linearizable > 4000 && tally.violations > 2000, "{tally:#?}");
    assert!(tally.longest.chars().count() <= 320, "{}", tally.longest);
}
