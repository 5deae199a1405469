//! A Redis of our own, for the limits that replicas would share.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::child::{Child, ChildError};

const READY_TIMEOUT: Duration = Duration::from_secs(10);

/// The program that the tests use, too; `None`, and a reason on stderr, where there is none.
pub(crate) fn find(repository: &Path) -> Option<PathBuf> {
    let output = Command::new("sh").arg(repository.join("tests/redis.sh")).output().ok()?;
    if !output.status.success() {
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    let printed = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(printed.trim())).filter(|path| path.is_file())
}

/// Starts one that keeps nothing on disk.
pub(crate) async fn start(program: &Path, address: SocketAddr, directory: &Path) -> Result<Child, ChildError> {
    let mut command = Command::new(program);
    command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string(), "--save", "", "--appendonly", "no"]);
    command.arg("--dir").arg(directory);
    let mut redis = Child::start("redis", command, directory)?;
    redis.ready(READY_TIMEOUT, async |_| pings(address).await).await?;
    Ok(redis)
}

async fn pings(address: SocketAddr) -> Option<()> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(b"PING\r\n").await.ok()?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).await.ok()?;
    (&answer == b"+PONG\r\n").then_some(())
}
