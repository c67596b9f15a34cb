//! Removes containers that nobody owns: what a dead hub of the same data directory left, what the engine made
//! for one after its death, and what it did not remove when it was told. It asks again until they are gone, and
//! so it is also the first to know that the engine does not answer.

use crate::data::DataDir;
use crate::registry::chain;
use container::{ContainerName, Launcher, LauncherError};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Between two rounds.
const EVERY: Duration = Duration::from_secs(10);
/// The same while something is wrong.
const AGAIN: Duration = Duration::from_secs(2);
/// How long a hub's start waits for what a dead one left. The rest is removed while it serves.
const AT_START: Duration = Duration::from_secs(10);
/// How long a round may take. An engine that does not even list its containers within this is as good as gone.
const ROUND: Duration = Duration::from_secs(15);

/// Not mended from here: a hub that has given up its rights can start no other.
const GONE: &str = "the launcher has ended, so that no runner can be started, and a call that needs a new one fails: \
                    stop this hub and start it again (its launcher first, where that runs apart)";

/// What is wrong with the engine, for whoever asks how the hub is.
#[derive(Debug, Default)]
pub(crate) struct Trouble(Mutex<Vec<String>>);

impl Trouble {
    /// Each in one line, with what it means.
    pub(crate) fn told(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Logs what is new, and what is over.
    fn set(&self, now: Vec<String>) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        now.iter().filter(|line| !told.contains(line)).for_each(|line| tracing::warn!("{line}"));
        if now.is_empty() && !told.is_empty() {
            tracing::info!("the container engine answers, and nothing is left over in it");
        }
        *told = now;
    }
}

/// The first round, before the hub starts anything. One container that cannot be removed keeps no hub from
/// starting.
pub(super) async fn begin(launcher: &Launcher, trouble: &Trouble) -> Result<(), LauncherError> {
    let leftovers = launcher.remove_leftovers(AT_START).await?;
    removed(&leftovers.removed);
    trouble.set(leftovers.left.iter().map(left).collect());
    Ok(())
}

/// Round after round, until the hub stops. While one runs, nobody else gets the data directory: a hub with the
/// same id would find its containers taken for leftovers.
pub(super) async fn run(launcher: Launcher, trouble: Arc<Trouble>, data: Weak<DataDir>, stop: CancellationToken) {
    let rounds = async {
        loop {
            sleep(if trouble.told().is_empty() { EVERY } else { AGAIN }).await;
            let Some(_ours) = data.upgrade() else { return };
            round(&launcher, &trouble).await;
        }
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = rounds => {}
    }
}

async fn round(launcher: &Launcher, trouble: &Trouble) {
    // What is being removed when the time is up goes on being removed.
    let problems = match timeout(ROUND, launcher.remove_leftovers(ROUND / 2)).await {
        Ok(Ok(leftovers)) => {
            removed(&leftovers.removed);
            leftovers.left.iter().map(left).collect()
        }
        Ok(Err(LauncherError::Gone)) => vec![GONE.to_owned()],
        Ok(Err(error)) => vec![unanswered(&chain(&error))],
        Err(_) => vec![unanswered(&format!("it does not list its containers within {} s", ROUND.as_secs()))],
    };
    trouble.set(problems);
}

fn removed(names: &[ContainerName]) {
    for container in names {
        tracing::warn!(%container, "removed a container that nobody owned");
    }
}

fn left((container, error): &(ContainerName, LauncherError)) -> String {
    format!("container `{container}` is left over and could not be removed yet: {}", chain(error))
}

fn unanswered(why: &str) -> String {
    format!("the container engine does not answer ({why}): a call that needs a new runner fails until it does")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_told_until_it_is_over() {
        let trouble = Trouble::default();
        let stuck =
            (ContainerName("safeclaw-x".into()), LauncherError::StillListed(ContainerName("safeclaw-x".into())));
        trouble.set(vec![left(&stuck)]);
        assert!(trouble.told().concat().contains("`safeclaw-x` is left over"), "{:?}", trouble.told());
        trouble.set(vec![unanswered("no")]);
        assert!(trouble.told().concat().contains("a new runner fails until it does"));
        trouble.set(Vec::new());
        assert!(trouble.told().is_empty());
    }
}
