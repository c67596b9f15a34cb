//! The containers that a launcher has made and not yet seen removed: what it may be told to attach to, and
//! whose events it passes on.

use crate::message::{ContainerName, Event, EventKind};
use manifest::ClassId;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{broadcast, oneshot};

/// Events that a slow receiver may lag behind by; each is a few dozen bytes.
const EVENTS: usize = 1024;

/// One container.
#[derive(Debug)]
pub(super) struct Ward<X> {
    pub(super) class: ClassId,
    pub(super) created_unix_s: u64,
    /// What the kind of launcher knows besides.
    pub(super) more: X,
    attached: bool,
    started: bool,
    exit: Option<oneshot::Sender<i64>>,
    died: bool,
}

/// All of them, and whom to tell.
#[derive(Debug)]
pub(super) struct Wards<X> {
    alive: Mutex<BTreeMap<ContainerName, Ward<X>>>,
    events: broadcast::Sender<Event>,
}

/// Whether a container could be claimed for an attachment.
#[derive(Debug)]
pub(super) enum Claim {
    Yours(oneshot::Receiver<i64>),
    Taken,
    Unknown,
}

impl<X> Wards<X> {
    pub(super) fn new() -> Self {
        Self { alive: Mutex::default(), events: broadcast::channel(EVENTS).0 }
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<ContainerName, Ward<X>>> {
        // Nothing that can panic runs under this lock.
        self.alive.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, name: ContainerName, class: ClassId, created_unix_s: u64, more: X) {
        let ward = Ward { class, created_unix_s, more, attached: false, started: false, exit: None, died: false };
        self.lock().insert(name, ward);
    }

    pub(super) fn claim(&self, name: &ContainerName) -> Claim {
        match self.lock().get_mut(name) {
            None => Claim::Unknown,
            Some(ward) if ward.attached => Claim::Taken,
            Some(ward) => {
                let (exit, told) = oneshot::channel();
                ward.attached = true;
                ward.exit = Some(exit);
                Claim::Yours(told)
            }
        }
    }

    pub(super) fn is_running(&self, name: &ContainerName) -> bool {
        self.lock().get(name).is_some_and(|ward| ward.started && !ward.died)
    }

    /// Nobody will tell what becomes of them.
    pub(super) fn abandon(&self) {
        self.lock().clear();
    }

    /// Passes on what happened, once each: an engine that is asked again repeats itself.
    pub(super) fn happened(&self, name: &ContainerName, what: EventKind) {
        let mut alive = self.lock();
        let Some(ward) = alive.get_mut(name) else { return };
        let news = match what {
            EventKind::Started => !std::mem::replace(&mut ward.started, true),
            EventKind::OutOfMemory => !ward.died,
            EventKind::Died(code) => {
                if let Some(exit) = ward.exit.take() {
                    // Whoever attached may have gone.
                    let _ = exit.send(code);
                }
                !std::mem::replace(&mut ward.died, true)
            }
            EventKind::Removed => alive.remove(name).is_some(),
        };
        drop(alive);
        if news {
            // Without a receiver there is nobody to tell.
            let _ = self.events.send(Event { container: name.clone(), what });
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn events_are_passed_on_once_and_only_for_own_containers() {
        let wards = Wards::new();
        let mut events = wards.subscribe();
        let (ours, other) = (ContainerName("ours".into()), ContainerName("other".into()));
        wards.add(ours.clone(), ClassId("user".into()), 0, ());
        let Claim::Yours(mut exit) = wards.claim(&ours) else { unreachable!("it was just added") };
        assert!(matches!(wards.claim(&ours), Claim::Taken));
        assert!(matches!(wards.claim(&other), Claim::Unknown));
        for what in
            [EventKind::Started, EventKind::Started, EventKind::Died(137), EventKind::Died(137), EventKind::Removed]
        {
            wards.happened(&other, what);
            wards.happened(&ours, what);
        }
        let mut seen = Vec::new();
        while let Ok(event) = events.try_recv() {
            assert_eq!(event.container, ours);
            seen.push(event.what);
        }
        assert_eq!(seen, [EventKind::Started, EventKind::Died(137), EventKind::Removed]);
        assert_eq!(exit.try_recv().unwrap(), 137);
        assert!(matches!(wards.claim(&ours), Claim::Unknown));
    }
}
