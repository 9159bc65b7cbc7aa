//! The store under test, as a program.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::SystemTime,
};

/// The example `tiny_kv`.
///
/// `cargo test` builds examples along with the tests, unless it is asked for certain tests only;
/// then it is built here.
pub(crate) fn tiny_kv() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        let own = env::current_exe().expect("a test knows where it is");
        let profile = own.parent().and_then(Path::parent).expect("it is in target/PROFILE/deps");
        let program = profile.join("examples/tiny_kv");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tiny_kv.rs");
        if written(&program) < written(&source) {
            build(profile);
        }
        assert!(program.is_file(), "{} is missing", program.display());
        program
    });
    program.clone()
}

fn build(profile: &Path) {
    let target = profile.parent().expect("it is in target/PROFILE");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--package", "squall", "--example", "tiny_kv", "--offline"]);
    cargo.arg("--target-dir").arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
    // What Cargo tells this test of its own package would have build scripts run again.
    let told = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in env::vars().filter(|(name, _)| told(name)) {
        cargo.env_remove(name);
    }
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.status().expect("cargo runs");
    assert!(status.success(), "`cargo build --example tiny_kv` failed: {status}");
}

fn written(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|file| file.modified()).ok()
}
