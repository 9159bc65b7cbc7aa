//! General search on real histories: 51 logs of etcd registers together, and Porcupine's
//! histories of appended text, whose values are repeated, key by key.
//!
//! The histories are read from the folder that `SQUALL_HISTORIES` names; reading is not
//! measured. Each verdict is compared with the expected one first.

use std::collections::{BTreeMap, HashMap};
use std::env;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use squall_checker::Budget;
use squall_checker::model::{Register, RegisterOp, TextId, TextOp, TextRegister, ValueId};
use squall_checker::search::{NEVER, Searched, Timed, search};

type Registers = Vec<Timed<RegisterOp>>;

/// One file of text: the texts named, and the operations by key.
type Texts = (TextRegister, Vec<Vec<Timed<TextOp>>>);

/// The operations of a log, by beginnings.
fn register(log: &str) -> Registers {
    let mut operations: Vec<Option<Timed<RegisterOp>>> = Vec::new();
    let mut in_flight: HashMap<&str, usize> = HashMap::new();
    let lines = log.lines().filter_map(|line| line.strip_prefix("INFO  jepsen.util - "));
    for (position, line) in (1..).zip(lines) {
        let words: Vec<&str> =
            line.split([' ', '\t', '[', ']']).filter(|word| !word.is_empty()).collect();
        let [process, kind, f, values @ ..] = words.as_slice() else { panic!("{line}") };
        let value = |at: usize| {
            let number = values.get(at).and_then(|value| value.parse().ok());
            number.map_or(ValueId::INITIAL, |number: u32| ValueId(number + 1))
        };
        if *kind == ":invoke" {
            let op = match *f {
                ":read" => RegisterOp::Read(ValueId::INITIAL),
                ":write" => RegisterOp::Write(value(0)),
                _ => RegisterOp::Cas { expected: value(0), new: value(1) },
            };
            in_flight.insert(process, operations.len());
            operations.push(Some(Timed { op, invoked: position, returned: NEVER }));
            continue;
        }
        let slot = &mut operations[in_flight[process]];
        let Some(timed) = slot else { panic!("{line}") };
        match (*kind, timed.op) {
            (":ok", RegisterOp::Read(_)) => timed.op = RegisterOp::Read(value(0)),
            (":fail", RegisterOp::Cas { expected, .. }) => timed.op = RegisterOp::Refused(expected),
            (":fail", _) => *slot = None,
            _ => {}
        }
        if let Some(timed) = slot
            && *kind != ":info"
        {
            timed.returned = position;
        }
    }
    let took_part = |timed: &Timed<RegisterOp>| {
        timed.returned != NEVER || !matches!(timed.op, RegisterOp::Read(_))
    };
    operations.into_iter().flatten().filter(took_part).collect()
}

/// The field of a printed map, without quotes.
fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let start = line.find(name).expect("the field is there") + name.len() + 1;
    let rest = &line[start..];
    match rest.strip_prefix('"') {
        Some(text) => text.split('"').next().expect("a split has a part"),
        None => rest.split([',', '}']).next().expect("a split has a part"),
    }
}

/// The operations of Porcupine's history, by key.
fn texts(history: &str) -> Texts {
    let mut numbers: HashMap<&str, u32> = HashMap::new();
    let mut model = TextRegister::default();
    let mut keys: BTreeMap<&str, Vec<Timed<TextOp>>> = BTreeMap::new();
    let mut in_flight: HashMap<&str, (&str, usize)> = HashMap::new();
    for (position, line) in (1..).zip(history.lines()) {
        let text = match field(line, ":value") {
            "nil" => "",
            text => text,
        };
        let number = *numbers.entry(text).or_insert_with(|| {
            model.texts.push(text.into());
            model.texts.len() as u32 - 1
        });
        let op = match field(line, ":f") {
            ":get" => TextOp::Get(TextId(number)),
            ":put" => TextOp::Put(TextId(number)),
            _ => TextOp::Append(TextId(number)),
        };
        let process = field(line, ":process");
        if field(line, ":type") == ":invoke" {
            let key = field(line, ":key");
            let operations = keys.entry(key).or_default();
            in_flight.insert(process, (key, operations.len()));
            operations.push(Timed { op, invoked: position, returned: NEVER });
        } else {
            let (key, index) = in_flight[process];
            let timed = &mut keys.get_mut(key).expect("it began")[index];
            timed.returned = position;
            if let TextOp::Get(_) = timed.op {
                timed.op = op;
            }
        }
    }
    (model, keys.into_values().collect())
}

fn is_linearizable(searched: &Searched) -> bool {
    match searched {
        Searched::Linearizable(_) => true,
        Searched::Violation { .. } => false,
        Searched::Exhausted(progress) => panic!("{progress}"),
    }
}

fn decide_texts((model, keys): &Texts) -> bool {
    keys.iter().all(|key| is_linearizable(&search(model, key, &Budget::default())))
}

fn decide(criterion: &mut Criterion) {
    let Some(folder) = env::var_os("SQUALL_HISTORIES") else {
        println!("skipped: SQUALL_HISTORIES is not set");
        return;
    };
    let folder = Path::new(&folder).join("porcupine");
    let expected = fs::read_to_string(folder.join("expected.tsv")).expect("a list of histories");
    let mut registers: Vec<Registers> = Vec::new();
    let mut group = criterion.benchmark_group("search");
    group.measurement_time(Duration::from_secs(3));
    for line in expected.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let &[file, model, _, verdict, _] = columns.as_slice() else { panic!("{line}") };
        let history = fs::read_to_string(folder.join(file)).expect("a history");
        if model == "cas-register" {
            let operations = register(&history);
            let found = is_linearizable(&search(&Register, &operations, &Budget::default()));
            assert_eq!(found, verdict == "linearizable", "{file}");
            registers.push(operations);
        } else {
            let texts = texts(&history);
            assert_eq!(decide_texts(&texts), verdict == "linearizable", "{file}");
            group.bench_function(file, |bencher| bencher.iter(|| decide_texts(black_box(&texts))));
        }
    }
    let name = format!("{} logs of etcd", registers.len());
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            for operations in &registers {
                black_box(search(&Register, black_box(operations), &Budget::default()));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, decide);
criterion_main!(benches);
