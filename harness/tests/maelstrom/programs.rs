//! Programs that are nodes, well or badly.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::SystemTime,
};

/// The example that is a right node, unless it is told otherwise.
///
/// `cargo test` builds examples along with the tests unless it is asked for certain tests; then it
/// is built here.
pub(crate) fn raft() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let own = env::current_exe().expect("a test knows where it is");
        let target = own.parent().and_then(Path::parent).expect("target/debug/deps");
        let program = target.join("examples/maelstrom_raft");
        if written(&program) < newest_source() {
            let built = Command::new(env!("CARGO"))
                .args(["build", "--package", "squall", "--example", "maelstrom_raft", "--offline"])
                .current_dir(env!("CARGO_MANIFEST_DIR"))
                .status();
            assert!(built.expect("cargo runs").success(), "the example is built");
        }
        assert!(program.is_file(), "{} is missing", program.display());
        program
    })
}

fn newest_source() -> Option<SystemTime> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/maelstrom_raft");
    let sources = fs::read_dir(folder).expect("the example is there").flatten();
    sources.map(|source| written(&source.path())).max().flatten()
}

fn written(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|file| file.modified()).ok()
}

/// A shell script: what a node does once it knows who it is. `$client` is who asked it last;
/// `ask` waits for the next message and `answer BODY` answers it.
pub(crate) fn script(then: &str) -> Vec<String> {
    let words = r#"
        ask() {
            read -r message || exit 0
            client=$(printf '%s' "$message" | sed 's/.*"src":"\([^"]*\)".*/\1/')
            msg_id=$(printf '%s' "$message" | sed 's/.*"msg_id":\([0-9]*\).*/\1/')
        }
        answer() {
            printf '{"src":"n1","dest":"%s","body":{"in_reply_to":%s,%s}}\n' \
                "$client" "$msg_id" "$1"
        }
        ask
    "#;
    ["/bin/sh", "-c", &format!("{words}\n{then}")].map(str::to_owned).into()
}

/// The end of `init`, in a [`script`].
pub(crate) const INIT_OK: &str = "answer '\"type\":\"init_ok\"'\n";
