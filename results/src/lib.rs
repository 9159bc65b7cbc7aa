//! Run directories, results.json, HTML reports and JUnit.
