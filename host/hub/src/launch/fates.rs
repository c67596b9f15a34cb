//! What became of each container, as the engine's events tell it: a stream that ends does not say why.

use crate::runner::Fate;
use container::{ContainerName, Event, EventKind};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::broadcast::{self, error::RecvError};

/// Fates of the containers that are expected to have one.
#[derive(Default)]
pub(super) struct Fates(Mutex<BTreeMap<ContainerName, Fate>>);

impl Fates {
    /// From now on, remember what happens to it.
    pub(super) fn expect(&self, container: &ContainerName) {
        self.lock().insert(container.clone(), Fate::default());
    }

    /// What happened to it; nothing is remembered any more.
    pub(super) fn take(&self, container: &ContainerName) -> Fate {
        self.lock().remove(container).unwrap_or_default()
    }

    fn happened(&self, event: &Event) {
        let mut fates = self.lock();
        let Some(fate) = fates.get_mut(&event.container) else { return };
        match event.what {
            EventKind::OutOfMemory => fate.out_of_memory = true,
            EventKind::Died(code) => fate.exit_code = Some(code),
            EventKind::Started | EventKind::Removed => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ContainerName, Fate>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs until the launcher or whoever wants to know is gone.
pub(super) async fn watch(mut events: broadcast::Receiver<Event>, fates: Weak<Fates>) {
    loop {
        let event = events.recv().await;
        let Some(fates) = fates.upgrade() else { return };
        match event {
            Ok(event) => fates.happened(&event),
            Err(RecvError::Lagged(missed)) => tracing::warn!(missed, "containers may end without a reason"),
            Err(RecvError::Closed) => return,
        }
    }
}
