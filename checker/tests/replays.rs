//! Real histories with known verdicts, from the folder that `SQUALL_HISTORIES` names.
//!
//! `porcupine/expected.tsv` there lists files with their model, the number of their operations
//! and their verdict. All of them must be read, without being told what they are, must have their
//! verdict, and its proof must hold.

use std::env;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use squall_checker::certificate::Certificate;
use squall_checker::formats::{ReadOptions, read};
use squall_checker::history::History;
use squall_checker::model::ModelName;
use squall_checker::placement::{Placed, all_but_one};
use squall_checker::verdict::Conclusion;
use squall_checker::{Budget, CheckOptions, check, verify};

/// One line of the list.
struct Listed {
    file: String,
    model: String,
    operations: usize,
    verdict: String,
}

/// The folder and what it lists, or `None` if there is no such folder here.
fn listed() -> Option<(PathBuf, Vec<Listed>)> {
    let Some(folder) = env::var_os("SQUALL_HISTORIES") else {
        println!("skipped: SQUALL_HISTORIES is not set");
        return None;
    };
    let folder = Path::new(&folder).join("porcupine");
    let list = fs::read_to_string(folder.join("expected.tsv")).expect("a list of histories");
    let listed = list.lines().skip(1).map(|line| {
        let mut columns = line.split('\t').map(str::to_owned);
        let mut column = || columns.next().expect("file, model, operations, expected, ms");
        let (file, model, operations, verdict) = (column(), column(), column(), column());
        Listed { file, model, operations: operations.parse().expect("a number"), verdict }
    });
    Some((folder, listed.collect()))
}

fn history(folder: &Path, listed: &Listed) -> History {
    let file = File::open(folder.join(&listed.file)).expect("a history");
    read(BufReader::new(file), ReadOptions::default()).expect(&listed.file)
}

#[test]
fn every_history_is_read_whole() {
    let Some((folder, listed)) = listed() else { return };
    assert!(!listed.is_empty(), "no history listed");
    for listed in listed {
        let history = history(&folder, &listed);
        assert_eq!(history.operations.len(), listed.operations, "{}", listed.file);
        assert!(!history.torn, "{}", listed.file);
    }
}

#[test]
fn every_history_has_its_known_verdict_and_a_proof() {
    let Some((folder, listed)) = listed() else { return };
    for listed in listed {
        let history = history(&folder, &listed);
        let model: ModelName = listed.model.parse().expect("a model");
        // Those of Porcupine are recognised by their functions; the logs of etcd are of
        // registers with and without compare-and-set.
        let asked = (model == ModelName::CasRegister).then_some(model);
        let options = CheckOptions { model: asked, ..Default::default() };
        let analysis = check(&history, &options).expect("operations of the model");
        assert_eq!(analysis.model, listed.model, "{}", listed.file);
        assert_eq!(analysis.verdict.to_string(), listed.verdict, "{}", listed.file);
        let verified = verify(&history, &Certificate::of(&analysis)).expect(&listed.file);
        assert_eq!(verified.verdict, analysis.verdict, "{}", listed.file);
    }
}

#[test]
fn all_operations_but_one_of_a_contradiction_fit_an_order() {
    let Some((folder, listed)) = listed() else { return };
    let (mut contradictions, mut placed) = (0, 0);
    for listed in listed.iter().filter(|listed| listed.verdict == "violation") {
        let history = history(&folder, listed);
        let model: ModelName = listed.model.parse().expect("a model");
        let options = CheckOptions { model: Some(model), ..Default::default() };
        let analysis = check(&history, &options).expect("operations of the model");
        for key in &analysis.keys {
            let Conclusion::Violation(found) = &key.conclusion else { continue };
            // One by itself has no others.
            contradictions += u32::from(found.operations.len() > 1);
            let placement = all_but_one(&history, model, found, &Budget::default());
            let Some(placement) = placement else { continue };
            placed += 1;
            assert!(found.operations.contains(&placement.left_out), "{}", listed.file);
            assert!(placement.order.is_sorted_by_key(|placed| placed.point_ns));
            for Placed { id, point_ns } in &placement.order {
                assert!(found.operations.contains(id) && *id != placement.left_out);
                let operation = history.get(*id);
                assert!(operation.invoked.time_ns() <= *point_ns, "{}: {id:?}", listed.file);
            }
        }
    }
    println!("{placed} of {contradictions} contradictions of several operations have a placement");
    assert!(placed * 2 > contradictions && placed > 0);
}
