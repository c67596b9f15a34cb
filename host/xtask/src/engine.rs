//! Which container engine a task uses: the user's, or a private one that ends with the task.

use crate::daemon::{self, Daemon};
use crate::place::Place;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// An engine that answers, and is stopped with this value if we started it.
#[derive(Debug)]
pub(crate) struct Engine {
    /// Its socket.
    pub(crate) socket: PathBuf,
    daemon: Option<Daemon>,
}

impl Engine {
    /// Whether it was started by this command, with a configuration of our own.
    pub(crate) fn is_private(&self) -> bool {
        self.daemon.is_some()
    }

    /// Its address as `--engine` takes it.
    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.socket.display())
    }
}

/// Which engine comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prefer {
    /// The one at `DOCKER_HOST` or the usual socket; a private one where none answers.
    TheUsers,
    /// A private one: tests never touch the user's containers.
    Private,
}

/// What it means that there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Go on without; nothing is installed or started for it.
    IsNone,
    /// Start one, installing it where that is possible.
    IsStarted,
}

/// Finds one, or starts one.
pub(crate) async fn find(place: &Place, prefer: Prefer, missing: Missing) -> anyhow::Result<Option<Engine>> {
    if prefer == Prefer::TheUsers {
        let socket = users_socket(std::env::var("DOCKER_HOST").ok().as_deref())?;
        if answers(&socket).await {
            eprintln!("engine    the one at {}", socket.display());
            return Ok(Some(Engine { socket, daemon: None }));
        }
    }
    if missing == Missing::IsNone {
        return Ok(None);
    }
    let Some(daemon) = daemon::start(place).await? else { return Ok(None) };
    Ok(Some(Engine { socket: daemon.socket.clone(), daemon: Some(daemon) }))
}

/// Where the user's engine listens.
fn users_socket(docker_host: Option<&str>) -> anyhow::Result<PathBuf> {
    match docker_host {
        None | Some("") => Ok(PathBuf::from("/var/run/docker.sock")),
        Some(host) => match host.strip_prefix("unix://") {
            Some(path) => Ok(PathBuf::from(path)),
            None => anyhow::bail!(
                "DOCKER_HOST is {host}, and engines on other machines are not supported: unset it, or name a unix:// socket"
            ),
        },
    }
}

/// Whether an engine answers there, within two seconds.
pub(crate) async fn answers(socket: &Path) -> bool {
    let ping = async {
        let mut stream = UnixStream::connect(socket).await.ok()?;
        stream.write_all(b"GET /_ping HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n").await.ok()?;
        let mut answer = Vec::new();
        (&mut stream).take(4096).read_to_end(&mut answer).await.ok()?;
        answer.starts_with(b"HTTP/1.1 200").then_some(())
    };
    matches!(tokio::time::timeout(Duration::from_secs(2), ping).await, Ok(Some(())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_local_socket_is_taken() {
        assert_eq!(users_socket(None).ok(), Some(PathBuf::from("/var/run/docker.sock")));
        assert_eq!(
            users_socket(Some("unix:///run/user/1000/d.sock")).ok(),
            Some(PathBuf::from("/run/user/1000/d.sock"))
        );
        assert!(users_socket(Some("tcp://10.0.0.1:2375")).is_err());
        assert!(users_socket(Some("ssh://somewhere")).is_err());
    }
}
