//! A process that we started. It ends when this value is dropped: only that process, by its id.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::{self, Instant};

const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// The end of a failed process's output that is shown.
const LOG_TAIL_BYTES: usize = 2000;

#[derive(Debug)]
pub(crate) struct Child {
    name: &'static str,
    process: std::process::Child,
    log: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ChildError {
    #[error("cannot start {name} ({program}): {error}")]
    Start { name: &'static str, program: String, error: io::Error },
    #[error("{name} ended too early ({status}); its output ends with:\n{output}")]
    Ended { name: &'static str, status: String, output: String },
    #[error("{name} was not ready within {} s; its output ends with:\n{output}", .timeout.as_secs())]
    NotReady { name: &'static str, timeout: Duration, output: String },
}

impl Child {
    /// Starts `command`, its output in a file in `directory`.
    pub(crate) fn start(name: &'static str, mut command: Command, directory: &Path) -> Result<Self, ChildError> {
        let program = command.get_program().display().to_string();
        let log = directory.join(format!("{name}.log"));
        let spawn = || {
            let output = File::create(&log)?;
            command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).spawn()
        };
        match { spawn }() {
            Ok(process) => Ok(Self { name, process, log }),
            Err(error) => Err(ChildError::Start { name, program, error }),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until `ready` gives something, looking at the output so far each time.
    pub(crate) async fn ready<T>(
        &mut self,
        timeout: Duration,
        mut ready: impl AsyncFnMut(&str) -> Option<T>,
    ) -> Result<T, ChildError> {
        let deadline = Instant::now() + timeout;
        loop {
            let output = self.output();
            if let Some(found) = ready(&output).await {
                return Ok(found);
            }
            let output = tail(&output);
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(ChildError::Ended { name: self.name, status: status.to_string(), output });
            }
            if Instant::now() > deadline {
                return Err(ChildError::NotReady { name: self.name, timeout, output });
            }
            time::sleep(POLL_INTERVAL).await;
        }
    }

    fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

/// The last part of it, cut at a line.
fn tail(output: &str) -> String {
    let mut bytes = 0;
    let mut lines: Vec<&str> = output
        .lines()
        .rev()
        .take_while(|line| {
            bytes += line.len();
            bytes <= LOG_TAIL_BYTES
        })
        .collect();
    lines.reverse();
    lines.join("\n")
}

impl Drop for Child {
    fn drop(&mut self) {
        // Both fail only when the process has already ended, which is what we want.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
