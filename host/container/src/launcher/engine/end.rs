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
use futures_util::{StreamExt as _, stream};
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
/// Leftovers removed at once.
const AT_ONCE: usize = 4;

impl EngineLauncher {
    pub(in crate::launcher) async fn kill(self: &Arc<Self>, name: &ContainerName) -> Result<(), LauncherError> {
        let (launcher, name) = (Arc::clone(self), name.clone());
        self.apart(async move { launcher.end(&name).await }).await
    }

    pub(in crate::launcher) async fn remove_leftovers(self: &Arc<Self>) -> Result<Vec<ContainerName>, LauncherError> {
        let listed = self.list().await?;
        let left = listed.into_iter().map(|listed| listed.container).filter(|name| self.id_of(name).is_none());
        let ends =
            stream::iter(left.collect::<Vec<_>>()).map(|name| async move { self.kill(&name).await.map(|()| name) });
        let ends: Vec<_> = ends.buffer_unordered(AT_ONCE).collect().await;
        ends.into_iter().collect()
    }

    pub(super) async fn end(&self, name: &ContainerName) -> Result<(), LauncherError> {
        let known = self.id_of(name);
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
