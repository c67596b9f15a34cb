//! The operator's own way to the launcher: a socket beside its record, which no hub reaches. One thing can be said
//! on it: these are the classes of a manifest that hubs may have from now on.

use super::host::Places;
use super::wire::{self, Inbox, Order, Reply};
use super::{LauncherError, Record};
use crate::class::ClassSpec;
use manifest::{ClassId, Digest};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

/// The whole of one conversation.
const TIME: Duration = Duration::from_secs(10);
/// After a connection that could not be taken.
const PAUSE: Duration = Duration::from_millis(100);

/// Where it is, for a launcher whose record lies in this directory.
#[must_use]
pub fn socket(record: &Path) -> PathBuf {
    record.join("operator.sock")
}

/// Tells the launcher of a manifest that its hub may have from now on. To be called before the hub is told.
///
/// # Errors
/// No launcher answers ([`LauncherError::NoLauncher`]: then [`Record::admit`] does the same), or it refuses.
pub async fn admit(
    socket: &Path,
    manifest: Digest,
    classes: BTreeMap<ClassId, ClassSpec>,
) -> Result<(), LauncherError> {
    let stream =
        UnixStream::connect(socket).await.map_err(|error| LauncherError::NoLauncher(socket.to_owned(), error))?;
    let conversation = async {
        let (from, mut to) = stream.into_split();
        to.write_all(&wire::frame(&Order::Admit { manifest, classes })?).await?;
        let text = Inbox::without_descriptors(from).next().await?.ok_or(ErrorKind::UnexpectedEof)?;
        wire::read::<Reply>(&text)
    };
    match timeout(TIME, conversation).await {
        Ok(Ok(Reply::Done)) => Ok(()),
        Ok(Ok(Reply::Refused(fault))) => Err(fault.into()),
        Ok(Ok(_)) => Err(LauncherError::Said("the launcher answered what it was not asked".to_owned())),
        Ok(Err(error)) => Err(LauncherError::NoLauncher(socket.to_owned(), error)),
        Err(_) => Err(LauncherError::NoLauncher(socket.to_owned(), ErrorKind::TimedOut.into())),
    }
}

/// Takes the socket. Whoever holds the record's lock may remove what an earlier launcher left.
///
/// # Errors
/// What the file system says.
pub fn bind(record: &Record) -> Result<UnixListener, LauncherError> {
    let path = socket(record.directory());
    let failed = |source| LauncherError::Record { path: path.clone(), source };
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    // The directory lets nobody else in while the mode is not yet set.
    let listener = UnixListener::bind(&path).map_err(failed)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    Ok(listener)
}

/// Serves operators, one after the other, until it is dropped.
pub async fn serve(listener: UnixListener, record: Arc<Record>, places: Places) {
    loop {
        let accepted = listener.accept().await.and_then(|(stream, _)| ours(&stream).map(|()| stream));
        let served = match accepted {
            Ok(stream) => {
                timeout(TIME, hear(stream, &record, &places)).await.unwrap_or(Err(ErrorKind::TimedOut.into()))
            }
            Err(error) => {
                tokio::time::sleep(PAUSE).await;
                Err(error)
            }
        };
        if let Err(error) = served {
            tracing::warn!(%error, "an operator was not served");
        }
    }
}

/// The socket's mode says so already; a mode can be changed by mistake.
fn ours(stream: &UnixStream) -> io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    if uid == rustix::process::geteuid().as_raw() || uid == 0 {
        return Ok(());
    }
    Err(io::Error::new(ErrorKind::PermissionDenied, format!("user {uid} is not the operator")))
}

async fn hear(stream: UnixStream, record: &Record, places: &Places) -> io::Result<()> {
    let (from, mut to) = stream.into_split();
    let Some(text) = Inbox::without_descriptors(from).next().await? else { return Ok(()) };
    let Order::Admit { manifest, classes } = wire::read(&text)?;
    let admitted = places.hold(&classes).and_then(|()| record.admit(manifest.clone(), classes));
    if admitted.is_ok() {
        tracing::info!(%manifest, "admitted by the operator");
    }
    let reply = admitted.map_or_else(|error| Reply::Refused(error.into()), |()| Reply::Done);
    to.write_all(&wire::frame(&reply)?).await?;
    to.shutdown().await
}
