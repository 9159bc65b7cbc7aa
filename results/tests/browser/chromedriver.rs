//! A chromedriver process of one's own, on a free port, ended with its owner.

use std::env;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long chromedriver may take to listen, on a busy machine.
const START_MAX: Duration = Duration::from_secs(30);

/// Where the two programs are.
pub(crate) struct Programs {
    pub(crate) chromium: PathBuf,
    pub(crate) chromedriver: PathBuf,
}

impl Programs {
    /// Looks for both of them on the PATH.
    ///
    /// # Panics
    /// When one is absent and `SQUALL_NO_SKIPS` says that nothing may be skipped.
    pub(crate) fn find() -> Option<Self> {
        let chromium = on_path("chromium").or_else(|| on_path("google-chrome"));
        let found = chromium.zip(on_path("chromedriver"));
        if found.is_none() {
            let allowed = env::var_os("SQUALL_NO_SKIPS").is_none();
            assert!(allowed, "no chromium: install chromium and chromium-driver");
            println!("skipped: no chromium");
        }
        found.map(|(chromium, chromedriver)| Self { chromium, chromedriver })
    }
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// A running chromedriver; it is killed and reaped on drop.
pub(crate) struct Chromedriver {
    process: Child,
    port: u16,
}

impl Chromedriver {
    pub(crate) fn start(programs: &Programs) -> Self {
        let mut command = Command::new(&programs.chromedriver);
        // The kernel chooses the port, so that no two ever want the same one.
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("chromedriver starts");
        let said = process.stdout.take().expect("its output is a pipe");
        // Owned from here on, so that it ends even when it never tells its port.
        let mut started = Self { process, port: 0 };
        started.port = port(said).expect("chromedriver says on which port it listens");
        started
    }

    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        // It fails only where the process is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The port that chromedriver tells; what it says later is read and dropped, lest it waits
/// for a reader.
fn port(said: ChildStdout) -> Result<u16, mpsc::RecvTimeoutError> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(said).lines().map_while(Result::ok) {
            let port = line.split_once("started successfully on port ");
            if let Some(port) = port.and_then(|(_, port)| port.trim_end_matches('.').parse().ok()) {
                // Nobody listens any more once the port is known.
                let _ = tell.send(port);
            }
        }
    });
    told.recv_timeout(START_MAX)
}
