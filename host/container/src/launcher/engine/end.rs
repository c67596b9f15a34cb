//! The end of a container. The engine alone cannot be trusted with it: where the first thread of a program
//! has ended and another lives, it reports a kill that it did not do (MECHANICS, first finding). So the
//! process is killed first, the engine asked second, and then it is looked whether anything is left.

use super::connect::{asked, found};
use super::survivors::Processes;
use super::{EngineLauncher, pid};
use crate::launcher::LauncherError;
use crate::message::{ContainerName, EventKind};
use bollard::errors::Error as EngineError;
use bollard::query_parameters as query;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Between two looks.
const STEP: Duration = Duration::from_millis(10);
/// How long a removal may take; the engine itself gives up on a process after 12 seconds.
const REMOVAL: Duration = Duration::from_secs(20);
/// How long the kernel may take to end what was sent SIGKILL.
const DEATH: Duration = Duration::from_secs(5);
/// How long the engine's own events may lag behind.
const NEWS: Duration = Duration::from_secs(1);

impl EngineLauncher {
    pub(in crate::launcher) async fn kill(self: &Arc<Self>, name: &ContainerName) -> Result<(), LauncherError> {
        let (launcher, name) = (Arc::clone(self), name.clone());
        self.apart(async move { launcher.end(&name).await }).await
    }

    pub(super) async fn end(&self, name: &ContainerName) -> Result<(), LauncherError> {
        let _ending = self.under_way.end(name);
        let ended = self.end_now(name).await;
        if ended.is_err()
            && let Some(ward) = self.wards.lock().get_mut(name)
        {
            ward.more.lingers = true;
        }
        ended
    }

    async fn end_now(&self, name: &ContainerName) -> Result<(), LauncherError> {
        let known = self.id_of(name);
        if let Some(id) = &known {
            // Needs no engine: one that hangs keeps nothing running.
            Processes::of(id, None).kill();
        }
        let seen = self.look(name).await?;
        let first_process = seen.as_ref().and_then(|seen| pid(seen.state.as_ref()?.pid));
        let Some(id) = seen.and_then(|seen| seen.id).or(known) else {
            // Neither the engine nor this launcher has ever heard of it, or both have seen it go.
            return Ok(());
        };
        let mut processes = Processes::of(&id, first_process);
        processes.kill();

        let force = query::RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        let removal = async {
            match self.docker.remove_container(&id, Some(force)).await {
                // It is gone, or going.
                Err(EngineError::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
                other => other,
            }
        };
        let removed = asked("remove a container", removal).await;

        let deadline = Instant::now() + REMOVAL;
        while found("inspect a container", self.docker.inspect_container(&id, None)).await?.is_some() {
            if Instant::now() > deadline {
                removed?;
                return Err(LauncherError::StillListed(name.clone()));
            }
            sleep(STEP).await;
        }
        let deadline = Instant::now() + DEATH;
        while let Some(pid) = processes.survivor() {
            if Instant::now() > deadline {
                return Err(LauncherError::Survivor { container: name.clone(), pid });
            }
            processes.kill();
            sleep(STEP).await;
        }
        let deadline = Instant::now() + NEWS;
        while self.id_of(name).is_some() && Instant::now() < deadline {
            sleep(STEP).await;
        }
        self.wards.happened(name, EventKind::Removed);
        Ok(())
    }
}
