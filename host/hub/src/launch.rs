//! Containers started, watched and reaped: the launcher's messages put together.

mod fates;

use crate::audit::{Audit, AuditError, Entry};
use crate::metrics::RunnerMetrics;
use crate::runner::{Born, Departure, Fate, Reap, Runner, RunnerEnd, Streams, Verdict, Why};
use container::{Attached, ContainerName, Create, Created, Diagnostics, Launcher, LauncherError};
use fates::Fates;
use manifest::{ClassId, Digest};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// After a stream's end, until the engine has said why: it does so some 40 ms later.
const FATE_TIMEOUT: Duration = Duration::from_secs(1);

/// Starts runners. Every container that it starts is reaped, whoever loses interest when.
#[derive(Clone)]
pub(crate) struct Starter {
    launcher: Launcher,
    fates: Arc<Fates>,
    tasks: TaskTracker,
    audit: Audit,
    metrics: Arc<RunnerMetrics>,
}

/// Why there is no runner.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartFailure {
    #[error("no container could be started")]
    Launcher(#[from] LauncherError),
    #[error("{0}")]
    Runner(RunnerEnd),
    #[error("its start could not be recorded")]
    Unrecorded(#[from] AuditError),
}

/// A container that was just started.
pub(crate) struct Opened {
    pub(crate) created: Created,
    pub(crate) streams: Streams,
    pub(crate) container: Container,
}

impl Starter {
    pub(crate) fn new(launcher: Launcher, tasks: TaskTracker, audit: Audit) -> Self {
        let fates = Arc::new(Fates::default());
        tokio::spawn(fates::watch(launcher.events(), Arc::downgrade(&fates)));
        Self { launcher, fates, tasks, audit, metrics: Arc::default() }
    }

    /// What it counts.
    pub(crate) fn metrics(&self) -> &Arc<RunnerMetrics> {
        &self.metrics
    }

    pub(crate) fn launcher(&self) -> &Launcher {
        &self.launcher
    }

    /// Starts a container of a class, as this manifest has it.
    pub(crate) async fn open(&self, manifest: &Digest, class: &ClassId) -> Result<Opened, LauncherError> {
        let created = self.launcher.create(Create { manifest: manifest.clone(), class: class.clone() }).await?;
        self.fates.expect(&created.container);
        let mut container = Container {
            name: created.container.clone(),
            class: class.clone(),
            starter: Some(self.clone()),
            exit: None,
            diagnostics: None,
        };
        let Attached { input, output, diagnostics, exit } = self.launcher.attach(&created.container).await?;
        container.exit = Some(exit);
        container.diagnostics = Some(diagnostics);
        Ok(Opened { created, streams: Streams { input, output }, container })
    }

    /// Starts a runner and waits for its hello. One that cannot be written down does not live.
    pub(crate) async fn runner(&self, manifest: &Digest, class: &ClassId) -> Result<Runner, StartFailure> {
        let Opened { created, streams, container } = self.open(manifest, class).await?;
        let born = Born { container: created.container, posture: created.posture };
        let (runner, posture, class) = (born.container.clone(), born.posture.clone(), class.clone());
        let reap: Reap = Box::new(move |departure, why| Box::pin(container.judge(departure, why)));
        let met = Runner::meet(streams, born, reap, &self.tasks).await.map_err(StartFailure::Runner)?;
        self.audit.write(Entry::RunnerStarted { runner, class, posture }).await?;
        Ok(met)
    }
}

/// A container that someone owns. Dropping it kills it.
pub(crate) struct Container {
    name: ContainerName,
    class: ClassId,
    /// `None` once it was reaped.
    starter: Option<Starter>,
    exit: Option<oneshot::Receiver<i64>>,
    diagnostics: Option<Diagnostics>,
}

impl Container {
    /// Kills it, if it still runs, and says what became of it.
    pub(crate) async fn reap(mut self, departure: Departure, reason: &str) -> Fate {
        if departure == Departure::ByItself
            && let Some(exit) = self.exit.take()
        {
            // Late is no worse than unknown: the fate then says nothing.
            drop(timeout(FATE_TIMEOUT, exit).await);
        }
        let Some(starter) = self.starter.clone() else { return Fate::default() };
        let gone = kill(&starter.launcher, &self.name).await;
        // Not before: whoever is dropped while it kills has the drop below kill again.
        self.starter = None;
        let fate = Fate { left: !gone, ..starter.fates.take(&self.name) };
        self.report(departure, reason, fate);
        fate
    }

    /// Kills a runner's container, and writes down what nobody wanted. A log that hangs does not keep a liar alive,
    /// and an engine that hangs does not keep it out of the log.
    async fn judge(self, departure: Departure, why: Why) -> Fate {
        let (runner, class) = (self.name.clone(), self.class.clone());
        let audit = self.starter.as_ref().map(|starter| starter.audit.clone());
        if let Some(starter) = &self.starter {
            starter.metrics.ended(&why);
        }
        let record = async |entry| {
            if let Some(audit) = audit {
                // The runner is killed either way; the log thread says that it cannot write.
                drop(audit.write(entry).await);
            }
        };
        let (reason, told) = (why.for_audit(), why.to_string());
        let reap = self.reap(departure, &told);
        match why.verdict() {
            Verdict::Wanted => {
                let fate = reap.await;
                let Fate { out_of_memory, exit_code, .. } = fate;
                record(Entry::RunnerEnded { runner, class, reason, exit_code, out_of_memory }).await;
                fate
            }
            Verdict::Breach => tokio::join!(reap, record(Entry::RunnerKilled { runner, class, reason })).0,
            Verdict::Loss => {
                let fate = reap.await;
                let Fate { out_of_memory, exit_code, .. } = fate;
                record(Entry::RunnerLost { runner, class, reason, exit_code, out_of_memory }).await;
                fate
            }
        }
    }

    fn report(&self, departure: Departure, reason: &str, fate: Fate) {
        // Bounded where it is collected; whoever broke out of wall 1 writes it, and it goes into our own log.
        let said = self.diagnostics.as_ref().map(|said| crate::clean::text(&said.text())).unwrap_or_default();
        let (container, class) = (&self.name, &self.class);
        if departure == Departure::ByItself || !said.is_empty() {
            tracing::warn!(%container, %class, ?fate, said, "the runner {reason}");
        } else {
            tracing::debug!(%container, %class, ?fate, "the runner {reason}");
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let Some(starter) = self.starter.take() else { return };
        let name = self.name.clone();
        // Without a runtime the process is ending: the runner's input closes with it, and that ends the runner.
        if let Ok(runtime) = Handle::try_current() {
            starter.tasks.clone().spawn_on(
                async move {
                    kill(&starter.launcher, &name).await;
                    starter.fates.take(&name);
                },
                &runtime,
            );
        }
    }
}

/// Whether it is gone.
async fn kill(launcher: &Launcher, name: &ContainerName) -> bool {
    launcher
        .kill(name)
        .await
        .inspect_err(|error| {
            tracing::error!(container = %name, error = error as &dyn std::error::Error, "a container may be left over");
        })
        .is_ok()
}
