//! The suite file: what to run and what each run must come to.
//!
//! ```toml
//! name = "smoke"
//!
//! [defaults]            # any field of a plan
//! time = "10s"
//!
//! [[cell]]
//! name = "bugs"
//! expect = "violation"
//! [cell.matrix]         # one run for every combination
//! bug = ["stale-read", "ack-before-commit"]
//! seed = [1, 2]
//! ```

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use squall_results::summary::RunVerdict;
use toml::{Table, Value};

use crate::plan::{Plan, PlanError, is_plain_name};

/// Most cells of one suite.
const CELLS_MAX: usize = 10_000;

/// A suite, expanded.
#[derive(Clone, Debug, PartialEq)]
pub struct Suite {
    /// Its name, a plain folder name.
    pub name: String,
    /// Its cells, in the order of the file and of the matrices' fields.
    pub cells: Vec<CellPlan>,
}

/// One run of a suite.
#[derive(Clone, Debug, PartialEq)]
pub struct CellPlan {
    /// Its name, unique in the suite.
    pub name: String,
    /// The verdict it must come to.
    pub expect: RunVerdict,
    /// What is run, resolved; its name is the cell's.
    pub plan: Plan,
}

/// A file that is not a suite.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// Not TOML, or with fields a suite does not have.
    #[error("read the suite")]
    Toml(#[from] toml::de::Error),
    /// There is nothing to run.
    #[error("run the suite `{0}`: it has no cells; add a `[[cell]]`")]
    Empty(String),
    /// More cells than anybody means.
    #[error("run `{name}`: it makes more than {CELLS_MAX} cells; shorten a matrix")]
    TooLarge {
        /// The suite or the cell.
        name: String,
    },
    /// A cell's plan is not one.
    #[error("use the cell `{cell}`")]
    Plan {
        /// The cell.
        cell: String,
        /// What is wrong with its plan.
        source: PlanError,
    },
    /// A field in the matrix has no values to run through.
    #[error("use the cell `{cell}`: give matrix field `{field}` a list with at least one value")]
    Matrix {
        /// The cell.
        cell: String,
        /// The field.
        field: String,
    },
    /// A name that is not a plain folder name.
    #[error("use the name `{0}`: use letters, digits, `-`, `_` and `.`, not beginning with `.`")]
    Name(String),
    /// Two cells would share a folder.
    #[error("use the cell `{0}`: another one has the same name")]
    Repeated(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSuite {
    name: String,
    #[serde(default)]
    defaults: Table,
    #[serde(default)]
    cell: Vec<RawCell>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCell {
    name: String,
    expect: RunVerdict,
    #[serde(default)]
    plan: Table,
    #[serde(default)]
    matrix: BTreeMap<String, Value>,
}

impl Suite {
    /// Reads a suite and expands its matrices.
    ///
    /// # Errors
    /// Names the cell and the field that cannot be used, and why.
    pub fn from_toml(text: &str) -> Result<Self, SuiteError> {
        let raw: RawSuite = toml::from_str(text)?;
        if !is_plain_name(&raw.name) {
            return Err(SuiteError::Name(raw.name));
        }
        let mut cells: Vec<CellPlan> = Vec::new();
        for cell in &raw.cell {
            for (suffix, fields) in combinations(cell)? {
                let name = [&cell.name, &suffix].map(String::as_str).concat();
                cells.push(expand(cell, &name, &raw.defaults, fields)?);
                if cells.len() > CELLS_MAX {
                    return Err(SuiteError::TooLarge { name: raw.name });
                }
            }
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = cells.iter().find(|cell| !names.insert(&cell.name)) {
            return Err(SuiteError::Repeated(twice.name.clone()));
        }
        if cells.is_empty() {
            return Err(SuiteError::Empty(raw.name));
        }
        Ok(Self { name: raw.name, cells })
    }
}

/// Every choice of one value per matrix field, with what it adds to the cell's name.
fn combinations(cell: &RawCell) -> Result<Vec<(String, Table)>, SuiteError> {
    let lengths = cell.matrix.values().map(|values| values.as_array().map_or(1, Vec::len));
    if lengths.fold(1, usize::saturating_mul) > CELLS_MAX {
        return Err(SuiteError::TooLarge { name: cell.name.clone() });
    }
    let mut all = vec![(String::new(), Table::new())];
    for (field, values) in &cell.matrix {
        let values = values
            .as_array()
            .filter(|values| !values.is_empty())
            .ok_or_else(|| SuiteError::Matrix { cell: cell.name.clone(), field: field.clone() })?;
        let grow = |(suffix, fields): (String, Table)| {
            values.iter().map(move |value| {
                let mut fields = fields.clone();
                fields.insert(field.clone(), value.clone());
                (format!("{suffix}-{}", in_name(field, value)), fields)
            })
        };
        all = all.into_iter().flat_map(grow).collect();
    }
    Ok(all)
}

/// A matrix value as part of a folder name: `stale-read`, `seed7`.
fn in_name(field: &str, value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => format!("{field}{other}"),
    };
    text.replace(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c), "_")
}

fn expand(
    cell: &RawCell,
    name: &str,
    defaults: &Table,
    fields: Table,
) -> Result<CellPlan, SuiteError> {
    let mut table = defaults.clone();
    table.extend(cell.plan.clone());
    table.extend(fields);
    table.insert("name".to_owned(), Value::String(name.to_owned()));
    let failed = |source| SuiteError::Plan { cell: name.to_owned(), source };
    // Through text, so that an error shows the line it means.
    let text = toml::to_string(&table).expect("a table that was read can be written");
    let plan = Plan::from_toml(&text).and_then(Plan::resolve).map_err(failed)?;
    Ok(CellPlan { name: name.to_owned(), expect: cell.expect, plan })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_makes_a_cell_of_every_combination() {
        let suite = Suite::from_toml(
            r#"
            name = "s"
            [defaults]
            time = "10s"
            nodes = 3
            [[cell]]
            name = "clean"
            expect = "linearizable"
            plan = { nodes = 5 }
            [[cell]]
            name = "bugs"
            expect = "violation"
            [cell.matrix]
            bug = ["stale-read", "ack-before-commit"]
            seed = [1, 2]
            "#,
        )
        .expect("a suite");
        let names: Vec<_> = suite.cells.iter().map(|cell| cell.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "clean",
                "bugs-stale-read-seed1",
                "bugs-stale-read-seed2",
                "bugs-ack-before-commit-seed1",
                "bugs-ack-before-commit-seed2",
            ]
        );
        assert_eq!(suite.cells[0].plan.nodes, 5);
        assert_eq!(suite.cells[4].plan.nodes, 3);
        assert_eq!(suite.cells[4].plan.seed, 2);
        assert_eq!(suite.cells[4].plan.bug.as_deref(), Some("ack-before-commit"));
        assert_eq!(suite.cells[4].expect, RunVerdict::Violation);
        assert!(suite.cells[0].plan.schedule.is_some());
    }

    fn refused(text: &str) -> String {
        let error = Suite::from_toml(text).expect_err("not a suite");
        crate::run::chain(&error)
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(refused("name = 's'").contains("no cells"));
        for name in ["", "../up", "/etc", "a/b", ".hidden"] {
            assert!(refused(&format!("name = '{name}'")).contains("letters"), "{name}");
        }
        let cell = "name = 's'\n[[cell]]\nname = 'c'\nexpect = 'linearizable'\n";
        let nodes = refused(&format!("{cell}plan = {{ nodes = 0 }}"));
        assert!(nodes.contains("`c`") && nodes.contains("nodes = 0"), "{nodes}");
        let field = refused(&format!("{cell}plan = {{ nods = 3 }}"));
        assert!(field.contains("`c`") && field.contains("nods"), "{field}");
        let matrix = refused(&format!("{cell}matrix = {{ seed = [] }}"));
        assert!(matrix.contains("`seed`"), "{matrix}");
        let twice = refused(&format!("{cell}{}", cell.replace("name = 's'\n", "")));
        assert!(twice.contains("same name"), "{twice}");
        let verdict = refused(&cell.replace("linearizable", "pass"));
        assert!(verdict.contains("pass"), "{verdict}");
    }
}
