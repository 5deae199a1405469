//! A real Redis for one test: in a folder of its own, killed with it.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A running server. Killed when it is dropped, also by a test that fails.
pub struct Server {
    child: Child,
    pub folder: tempfile::TempDir,
    first: Vec<String>,
    options: Vec<String>,
}

/// The binary, as `tests/redis.sh` finds it.
fn binary() -> Option<PathBuf> {
    static BINARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    BINARY
        .get_or_init(|| {
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/redis.sh");
            let found = Command::new(script).output().expect("a shell runs the script");
            if found.status.success() {
                return Some(PathBuf::from(String::from_utf8(found.stdout).expect("a path").trim()));
            }
            let why = String::from_utf8_lossy(&found.stderr);
            let required = ["CI", "ATTACHE_REQUIRE_REDIS"].iter().any(|name| std::env::var_os(name).is_some());
            assert!(!required, "there must be a Redis here: {why}");
            eprintln!("skipped, since there is no Redis: {why}");
            None
        })
        .clone()
}

impl Server {
    /// Starts one. None: the test is skipped, and that was said.
    pub fn start(options: &[&str]) -> Option<Self> {
        Self::start_as(&[], options)
    }

    /// The same, for a server that is told first what it is.
    pub fn start_as(first: &[&str], options: &[&str]) -> Option<Self> {
        binary()?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let (first, options) = (own(first), own(options));
        let child = Self::spawn(&folder, &first, &options);
        Some(Self { child, folder, first, options })
    }

    fn spawn(folder: &tempfile::TempDir, first: &[String], options: &[String]) -> Child {
        let socket = folder.path().join("redis.sock");
        let _none = fs::remove_file(&socket);
        let tcp = options.iter().any(|option| option == "--port");
        let child = Command::new(binary().expect("it was there before"))
            .args(first)
            .arg("--unixsocket")
            .arg(&socket)
            .args(if first.is_empty() { &["--save", ""][..] } else { &[] })
            .arg("--dir")
            .arg(folder.path())
            .args(if tcp { &[][..] } else { &["--port", "0"] })
            .args(options)
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        let begun = Instant::now();
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "Redis does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        child
    }

    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.folder.path().join("redis.sock").display())
    }

    /// Sends a signal: `STOP`, `CONT`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.expect("kill runs").success());
    }

    pub fn kill(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it ends");
    }

    /// Starts it again, empty.
    pub fn again(&mut self) {
        self.child = Self::spawn(&self.folder, &self.first, &self.options);
    }

    /// Asks it something, on a connection of its own.
    pub fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let client = redis::Client::open(self.url()).expect("a good address");
        let begun = Instant::now();
        let mut connection = loop {
            match client.get_connection() {
                Ok(connection) => break connection,
                // One that is busy starting, or stepping up, may drop whoever comes.
                Err(_) if begun.elapsed() < Duration::from_secs(5) => std::thread::sleep(Duration::from_millis(20)),
                Err(error) => panic!("it does not listen: {error}"),
            }
        };
        let mut command = redis::Cmd::new();
        words.iter().for_each(|word| drop(command.arg(*word).clone()));
        command.query(&mut connection).expect("it answers")
    }

    /// All keys that would stay for ever, but for shelves.
    pub fn immortal(&self) -> Vec<String> {
        let keys: Vec<String> = self.ask(&["KEYS", "*"]);
        keys.into_iter().filter(|key| !key.contains(":shelf") && self.ask::<i64>(&["PTTL", key]) < 0).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed already.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// A port that nobody uses, below those that the kernel gives to outgoing connections (from 32768 on): such a
/// connection could take it before the child listens there. Given to nobody else in this process.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    loop {
        let next = (std::process::id() * 61 + GIVEN.fetch_add(1, Ordering::Relaxed)) % 20_000;
        let port = 12_000 + u16::try_from(next).expect("it is below 20,000");
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
