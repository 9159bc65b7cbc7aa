//! Suites: every cell is run whatever the others do, and the exit code tells the worst.

use crate::squall::{Place, finish, processes_naming};

fn suite_folder(place: &Place, name: &str) -> std::path::PathBuf {
    let mut runs = std::fs::read_dir(place.store().join(name)).expect("the suite left a folder");
    runs.next().expect("one run of the suite").expect("a readable folder").path()
}

#[test]
fn a_suite_goes_on_after_a_failure_and_reports_every_cell() {
    let place = Place::new();
    let suite = place.file(
        "suite.toml",
        "name = 'two'\n\
         [defaults]\nnodes = 1\ntime = '2s'\nnemesis = 'none'\nseed = 1\n\
         [[cell]]\nname = 'wrongly-expected'\nexpect = 'violation'\n\
         [[cell]]\nname = 'clean'\nexpect = 'linearizable'\n",
    );
    let (code, said) = finish(place.with_store(&format!("suite {suite}")));
    assert_eq!(code, 11, "an expected verdict was not reached: {said}");
    let folder = suite_folder(&place, "two");
    let json = std::fs::read(folder.join("suite.json")).expect("a JSON report");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    let as_expected: Vec<_> = json["cells"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|cell| (cell["name"].as_str().expect("a name"), cell["as_expected"] == true))
        .collect();
    assert_eq!(as_expected, [("wrongly-expected", false), ("clean", true)]);
    let html = std::fs::read_to_string(folder.join("suite.html")).expect("an HTML report");
    let run_dir = json["cells"][1]["run_dir"].as_str().expect("a folder");
    assert!(html.contains(&format!("{run_dir}/report.html")), "the suite links its runs");
    assert!(folder.join(run_dir).join("report.html").exists());
    assert!(folder.join("junit.xml").exists());
    assert!(processes_naming(place.path()).is_empty());
}
