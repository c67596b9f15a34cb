//! Sockets in the data directory that only the hub's own user can open.

use rustix::fs::{Mode, fchmod};
use std::io;
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixSocket};

/// Connections that wait in the kernel.
const BACKLOG: u32 = 64;

/// A socket that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {path}")]
pub struct SocketError {
    /// The socket.
    pub path: PathBuf,
    /// The cause.
    #[source]
    pub source: io::Error,
}

/// Listens on `path`, mode 0600 from its first moment. A socket that a dead hub left is replaced: the caller
/// holds the data directory's lock.
///
/// # Errors
/// When something that is not a socket is in the way, or the path is too long for one.
pub fn bind(path: &Path) -> Result<UnixListener, SocketError> {
    listen(path).map_err(|source| SocketError { path: path.to_owned(), source })
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    use std::os::unix::fs::FileTypeExt;
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path)?,
        Ok(_) => return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is something that is no socket")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let socket = UnixSocket::new_stream()?;
    // Before it has a name: afterwards there would be a moment in which others may connect.
    fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    socket.bind(path)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn the_socket_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.sock");
        let _listener = bind(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn a_dead_hubs_socket_is_replaced_and_a_file_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.sock");
        drop(bind(&path).unwrap());
        drop(bind(&path).unwrap());
        let file = dir.path().join("file");
        std::fs::write(&file, "precious").unwrap();
        assert!(bind(&file).is_err());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    }
}
