//! A whole map, with operations on one key and on several.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use squall_checker::model::ModelName;

use crate::trials::{Deed, End, Played, Random, Tally, examine, record};

type Map = BTreeMap<String, Json>;

fn get(map: &Map, key: &str) -> Json {
    map.get(key).cloned().unwrap_or(Json::Null)
}

/// The map after an operation; a key that is absent holds null.
fn step(map: &Map, deed: &Deed) -> Option<Map> {
    let mut after = map.clone();
    let Some(key) = deed.key else {
        if deed.f == "write" {
            for (key, value) in deed.argument.as_object().expect("a map") {
                after.insert(key.clone(), value.clone());
            }
            return Some(after);
        }
        let Some(found) = deed.result.as_object() else { return Some(after) };
        return found.iter().all(|(key, value)| get(map, key) == *value).then_some(after);
    };
    let held = get(map, key);
    match (deed.f, deed.end) {
        ("read", End::Ok) if held != deed.result => return None,
        ("read", _) => {}
        ("write", _) => {
            after.insert(key.to_owned(), deed.argument.clone());
        }
        ("delete", _) => {
            after.insert(key.to_owned(), Json::Null);
        }
        (_, End::Fail) if held == deed.argument[0] => return None,
        (_, End::Fail) => {}
        _ if held != deed.argument[0] => return None,
        _ => {
            after.insert(key.to_owned(), deed.argument[1].clone());
        }
    }
    Some(after)
}

pub(crate) fn generate(random: &mut Random) -> Vec<Played> {
    let keys = ["a", "b"];
    let mut map = Map::new();
    let wrong = [0, 10, 30][random.below(3)];
    let count = 2 + random.below(6);
    let mut whole = false;
    let mut played = record(random, count, |random| {
        let key = keys[random.below(2)];
        let any = |random: &mut Random| json!(random.below(4));
        let mut deed = match random.below(8) {
            0 | 1 => Deed { key: Some(key), ..Deed::ok("read", Json::Null, get(&map, key)) },
            2 => Deed { key: Some(key), ..Deed::ok("write", any(random), Json::Null) },
            3 => Deed { key: Some(key), ..Deed::ok("delete", Json::Null, Json::Null) },
            4 => {
                let expected =
                    if random.chance(50) { get(&map, key) } else { json!(random.below(4)) };
                let end = if expected == get(&map, key) { End::Ok } else { End::Fail };
                let argument = json!([expected, random.below(4)]);
                Deed { key: Some(key), end, ..Deed::ok("cas", argument, Json::Null) }
            }
            5 => Deed::ok("write", json!({"a": random.below(4), "b": random.below(4)}), Json::Null),
            _ => {
                let found = json!({"a": get(&map, "a"), "b": get(&map, "b")});
                Deed::ok("read", Json::Null, found)
            }
        };
        whole |= deed.key.is_none();
        if deed.end == End::Ok && random.chance(20) {
            deed.end = End::Info;
            deed.result = Json::Null;
            if random.chance(50) {
                return deed;
            }
        }
        if deed.end != End::Fail {
            map = step(&map, &deed).unwrap_or_else(|| map.clone());
        }
        deed
    });
    if !whole {
        // One operation on several keys makes the map one object.
        let last = played.last_mut().expect("an operation");
        last.deed = Deed::ok("read", Json::Null, json!({}));
    }
    for one in &mut played {
        if one.deed.f == "read" && one.deed.end == End::Ok && random.chance(wrong) {
            let value = json!(random.below(4));
            match &mut one.deed.result {
                Json::Object(found) if !found.is_empty() => {
                    found.insert(keys[random.below(2)].to_owned(), value);
                }
                Json::Object(_) => {}
                result => *result = value,
            }
        }
    }
    played
}

#[test]
fn maps_agree_with_brute_force() {
    let mut random = Random::new(6);
    let mut tally = Tally::default();
    for _ in 0..20_000 {
        let played = generate(&mut random);
        examine(&played, ModelName::Kv, &Map::new(), &step, &mut random, &mut tally);
    }
    assert!(tally.linearizable > 4000 && tally.violations > 2000, "{tally:#?}");
    assert!(tally.longest.chars().count() <= 320, "{}", tally.longest);
}
