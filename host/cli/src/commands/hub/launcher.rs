//! The hub's launcher: started by it as a child, or running already.

use crate::commands::launcher::record_beside;
use crate::logs::Logs;
use crate::started::HubIs;
use anyhow::Context;
use container::ImageId;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long the end of a hub may wait for the end of its launcher, which ends what the hub could not.
const END: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(10);

/// Which one.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct At {
    /// The socket of a `safeclaw launcher` that is running [default: the hub starts one itself]
    #[arg(long = "launcher", value_name = "unix:///PATH", value_parser = socket, conflicts_with = "record")]
    running: Option<PathBuf>,
    /// Where the hub's own launcher remembers which manifests were admitted [default: DATA-launcher]
    #[arg(long = "launcher-record", value_name = "DIR")]
    record: Option<PathBuf>,
}

fn socket(text: &str) -> Result<PathBuf, String> {
    match text.strip_prefix("unix://") {
        Some(path) if path.starts_with('/') => Ok(PathBuf::from(path)),
        _ => Err("a launcher is named by its socket, unix:///PATH".to_owned()),
    }
}

/// A launcher that waits to be told who the hub is.
pub(super) struct Connected {
    pub(super) connection: UnixStream,
    /// If it is ours to wait for.
    pub(super) child: Option<Child>,
}

impl At {
    pub(super) fn connect(&self, hub: &HubIs, image: &ImageId, logs: &Logs) -> anyhow::Result<Connected> {
        match &self.running {
            Some(path) => {
                let unreachable = || format!("no launcher answers at {}: start `safeclaw launcher`", path.display());
                Ok(Connected { connection: UnixStream::connect(path).with_context(unreachable)?, child: None })
            }
            None => self.start(hub, image, logs),
        }
    }

    /// Refuses a record that the hub could write: it would then apply manifests to itself.
    pub(super) fn outside(&self, writable: &[PathBuf], data: &Path) -> anyhow::Result<()> {
        if self.running.is_some() {
            // Of a launcher that runs apart only itself knows where its record is.
            return Ok(());
        }
        let record = self.record(data)?;
        // A link in either is followed; what is not there yet is compared by name.
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let above = record.parent().map(real).unwrap_or_default();
        let record = record.file_name().map_or_else(|| above.clone(), |name| real(&above.join(name)));
        match writable.iter().find(|directory| record.starts_with(real(directory))) {
            Some(directory) => anyhow::bail!(
                "the launcher's record {} lies in {}, where the hub writes: say --launcher-record DIR",
                record.display(),
                directory.display()
            ),
            None => Ok(()),
        }
    }

    fn record(&self, data: &Path) -> anyhow::Result<PathBuf> {
        Ok(match &self.record {
            Some(record) => std::path::absolute(record)?,
            None => record_beside(data),
        })
    }

    /// This very program, with the other end as its standard input. What it is started with, nobody can change
    /// later: the hub itself only names classes.
    fn start(&self, hub: &HubIs, image: &ImageId, logs: &Logs) -> anyhow::Result<Connected> {
        let data = hub.data.directory()?;
        let record = self.record(&data)?;
        let (connection, theirs) = UnixStream::pair().context("no connection to a launcher can be made")?;
        let mut engine = std::ffi::OsString::from("unix://");
        engine.push(hub.engine.socket()?);
        let manifest = hub.manifest.is_said().then(|| hub.manifest.directory()).transpose()?;
        let private: Vec<_> = manifest.into_iter().chain(hub.egress.config.files()).collect();
        let child = Command::new("/proc/self/exe")
            .arg0("safeclaw")
            .args(logs.arguments())
            .args(["launcher", "--inherited", "--image", &image.to_string()])
            .args(["--engine".as_ref(), engine.as_os_str()])
            .args(["--data".as_ref(), data.as_os_str()])
            .args(["--record".as_ref(), record.as_os_str()])
            .args(private.iter().flat_map(|directory| ["--private".as_ref(), directory.as_os_str()]))
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            // Ctrl-C is for the hub, which ends its calls with the launcher's help.
            .process_group(0)
            .spawn()
            .context("the launcher could not be started")?;
        Ok(Connected { connection, child: Some(child) })
    }
}

/// Waits until it has ended, and no longer than is good for whoever waits for the hub.
pub(super) fn wait(child: Option<Child>) {
    let Some(mut child) = child else { return };
    let give_up = Instant::now() + END;
    while matches!(child.try_wait(), Ok(None)) && Instant::now() < give_up {
        thread::sleep(STEP);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn the_hub_cannot_write_its_launchers_record() {
        let folder = tempfile::tempdir().unwrap();
        let (root, data) = (folder.path().to_owned(), folder.path().join("data"));
        std::fs::create_dir(&data).unwrap();
        std::os::unix::fs::symlink(&data, root.join("link")).unwrap();
        let at = |record: Option<&str>| At { running: None, record: record.map(|name| root.join(name)) };
        at(None).outside(&[data.clone()], &data).unwrap();
        at(Some("other")).outside(&[data.clone()], &data).unwrap();
        for (record, writable) in [(None, &root), (Some("data/record"), &data), (Some("link/record"), &data)] {
            let refused = at(record).outside(&[data.clone(), writable.clone()], &data).unwrap_err().to_string();
            assert!(refused.contains("--launcher-record"), "{record:?}: {refused}");
        }
    }

    #[test]
    fn a_launcher_is_on_this_machine() {
        assert_eq!(socket("unix:///run/l.sock"), Ok(PathBuf::from("/run/l.sock")));
        for text in ["/run/l.sock", "unix://l.sock", "tcp://10.0.0.1:1", ""] {
            assert!(socket(text).is_err(), "{text}");
        }
    }
}
