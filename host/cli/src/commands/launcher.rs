//! `safeclaw launcher`: the one process that holds the container engine's socket. It runs no Wasm, speaks no MCP and
//! keeps nothing but what it was told to admit.

use crate::data::Data;
use crate::engine::{EngineAt, ImageIs};
use crate::started::asked_to_stop;
use ::hub::data;
use anyhow::Context;
use container::launcher::host::{self, Connect, Places};
use container::launcher::{Record, operator};
use container::{HubId, ImageId, Launcher, LauncherConfig, LauncherError};
use std::ffi::OsString;
use std::fs;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// How long a record may still be held by a launcher whose hub has just ended.
const RECORD_TIMEOUT: Duration = Duration::from_secs(5);
const RECORD_RETRY: Duration = Duration::from_millis(20);
/// After a connection that could not be taken.
const PAUSE: Duration = Duration::from_millis(100);

/// Start containers for a hub, which then needs no access to the container engine.
///
/// `safeclaw hub` starts one itself. Run it apart where the two have different rights, as in two containers: then
/// start the hub with --launcher unix:///PATH. It serves one hub at a time and takes new manifests from the
/// operator alone (`safeclaw manifest apply`). docs/launcher.md says what it can do.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where the hub reaches it: a Unix socket that is made here
    #[arg(long, value_name = "PATH", required_unless_present = "inherited")]
    listen: Option<PathBuf>,
    /// The hub is at the other end of standard input: `safeclaw hub` says this, nobody else
    #[arg(long, conflicts_with = "listen", hide = true)]
    inherited: bool,
    /// A user whose hub may connect, besides the one who runs this
    #[arg(long, value_name = "UID")]
    allow_uid: Option<u32>,
    /// What no tool may see besides the data directory: the manifest's directory, above all; may be repeated
    #[arg(long, value_name = "DIR")]
    private: Vec<PathBuf>,
    /// Where it remembers which manifests were admitted; not within the data directory [default: DATA-launcher]
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    engine: EngineAt,
    #[command(flatten)]
    image: ImageIs,
}

/// Where the launcher of a data directory remembers what was admitted, and where its operator's socket is
/// (`container::launcher::operator::socket`): beside it, since the hub may write in it.
pub(crate) fn record_beside(data: &Path) -> PathBuf {
    let mut name = data.file_name().map_or_else(|| OsString::from("safeclaw"), OsString::from);
    name.push("-launcher");
    data.with_file_name(name)
}

/// What one is built with, whoever connects.
#[derive(Clone)]
struct Ground {
    data: PathBuf,
    engine: PathBuf,
    image: ImageId,
    forbidden: Vec<PathBuf>,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let data = arguments.data.directory()?;
    let directory = arguments.record.clone().unwrap_or_else(|| record_beside(&data));
    let directory = std::path::absolute(directory)?;
    let private = arguments.private.iter().map(std::path::absolute).collect::<Result<Vec<_>, _>>()?;
    let forbidden = [data.clone(), directory.clone()].into_iter().chain(private).collect();
    let image = arguments.image.id(&data)?;
    let ground = Ground { engine: arguments.engine.socket()?, image, forbidden, data };
    match &arguments.listen {
        None => inherited(&ground, &directory).await,
        Some(path) => listening(&ground, &directory, path, arguments.allow_uid).await,
    }
    .map(|()| ExitCode::SUCCESS)
}

/// One hub, at the other end of standard input. It ends with it and not before: a signal that was meant for all
/// programs of a terminal or a service must not take the engine from a hub that is still ending its calls.
async fn inherited(ground: &Ground, directory: &Path) -> anyhow::Result<()> {
    let hub = std::io::stdin().as_fd().try_clone_to_owned().context("there is no standard input")?;
    let hub = std::os::unix::net::UnixStream::from(hub);
    hub.peer_addr().context("standard input is not a hub's connection; say --listen PATH")?;
    hub.set_nonblocking(true)?;
    let hub = UnixStream::from_std(hub)?;
    let ended = {
        let record = Arc::new(open(directory).await?);
        let operators = operator::bind(&record)?;
        let places = ground.places()?;
        tokio::select! {
            ended = host::serve(hub, record.clone(), places.clone(), ground.connect(), std::future::pending()) => ended,
            () = operator::serve(operators, record, places) => anyhow::bail!("the operator's socket was lost"),
            never = deaf() => never?,
        }
        // With the record's lock gone, the next hub's launcher need not wait for the end of this one's containers.
    };
    tokio::select! {
        () = ended.clean() => Ok(()),
        never = deaf() => never?,
    }
}

/// Takes the signals that end programs, and does nothing.
async fn deaf<T>() -> anyhow::Result<T> {
    loop {
        let asked = asked_to_stop().await?;
        tracing::debug!("{asked}: this ends with its hub");
    }
}

/// One hub after the other, until it is asked to stop.
async fn listening(ground: &Ground, directory: &Path, path: &Path, allow_uid: Option<u32>) -> anyhow::Result<()> {
    let record = Arc::new(open(directory).await?);
    let operators = operator::bind(&record)?;
    let listener = bind(path, allow_uid)?;
    let mut tasks = JoinSet::new();
    let places = ground.places()?;
    tasks.spawn(operator::serve(operators, Arc::clone(&record), places.clone()));
    eprintln!("launcher  unix://{}", path.display());
    let asked = asked_to_stop();
    tokio::pin!(asked);
    loop {
        let hub = tokio::select! {
            hub = next(&listener, allow_uid) => hub,
            asked = &mut asked => return asked.map(|why| eprintln!("{why}: no hub is connected")),
        };
        let mut why = None;
        let stop = async { why = Some((&mut asked).await) };
        let ended = host::serve(hub, Arc::clone(&record), places.clone(), ground.connect(), stop).await;
        if let Some(why) = why {
            eprintln!("{}: the hub is cut off, and its containers end with it", why?);
            ended.clean().await;
            return Ok(());
        }
        ended.clean().await;
    }
}

/// The next hub that may connect.
async fn next(listener: &UnixListener, allow_uid: Option<u32>) -> UnixStream {
    loop {
        let refused = match listener.accept().await {
            Ok((stream, _)) => match stream.peer_cred().map(|peer| peer.uid()) {
                Ok(uid) if permitted(uid, allow_uid) => return stream,
                Ok(uid) => format!("user {uid} may not connect: say --allow-uid {uid} if it is the hub's"),
                Err(error) => error.to_string(),
            },
            Err(error) => {
                sleep(PAUSE).await;
                error.to_string()
            }
        };
        tracing::warn!("{refused}");
    }
}

fn permitted(uid: u32, allow_uid: Option<u32>) -> bool {
    uid == rustix::process::geteuid().as_raw() || Some(uid) == allow_uid
}

/// A socket for hubs. With another user allowed, the directory has to keep out whoever is not meant.
fn bind(path: &Path, allow_uid: Option<u32>) -> anyhow::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt as _;
    let listener = ::hub::stdio::bind(path)?;
    if allow_uid.is_some() {
        // Whoever connects is asked who he is.
        fs::set_permissions(path, fs::Permissions::from_mode(0o666))
            .with_context(|| format!("{} cannot be opened to another user", path.display()))?;
    }
    Ok(listener)
}

/// Opens the record, waiting a moment for a launcher that is just ending.
async fn open(directory: &Path) -> Result<Record, LauncherError> {
    let give_up = Instant::now() + RECORD_TIMEOUT;
    loop {
        match Record::open(directory) {
            Err(LauncherError::Busy(_)) if Instant::now() < give_up => sleep(RECORD_RETRY).await,
            opened => return opened,
        }
    }
}

impl Ground {
    fn places(&self) -> anyhow::Result<Places> {
        let data = match self.data.canonicalize() {
            // The hub has not been started yet; it makes it under this name.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => self.data.clone(),
            found => found.with_context(|| format!("{} cannot be looked at", self.data.display()))?,
        };
        Ok(Places { artefacts: data::artefacts(&data), frames: data::frames(&data) })
    }

    /// How a hub that has said who it is gets its launcher.
    fn connect(&self) -> Connect {
        let ground = self.clone();
        Box::new(move |hub_id: HubId, hub_key: String| {
            let config = LauncherConfig {
                hub_id,
                socket: ground.engine,
                image: ground.image,
                hub_key,
                protected: ::manifest::protected_paths().into_iter().map(|protected| protected.path).collect(),
                forbidden: ground.forbidden,
            };
            Box::pin(Launcher::connect(config))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_lies_beside_the_data_and_not_in_it() {
        let data = Path::new("/home/ada/.local/share/safeclaw");
        let record = record_beside(data);
        assert_eq!(record, Path::new("/home/ada/.local/share/safeclaw-launcher"));
        assert!(!record.starts_with(data));
    }

    #[test]
    fn only_this_user_and_the_one_that_was_named_may_connect() {
        let us = rustix::process::geteuid().as_raw();
        assert!(permitted(us, None) && permitted(us + 1, Some(us + 1)));
        assert!(!permitted(us + 1, None) && !permitted(us + 2, Some(us + 1)));
    }
}
