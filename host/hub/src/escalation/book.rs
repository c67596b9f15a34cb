//! All approvals and leases of a hub, in memory. No I/O and no clock: what it decides, [`super::desk`] makes durable.

use super::approval::{Action, Answer, Approval, Event, Refusal, State};
use super::asked::{Asked, Given};
use super::binding::{ApprovalId, Binding, Key};
use super::lease::{Lease, LeaseAction, LeaseEvent, LeaseState};
use crate::api::SessionId;
use jiff::{SignedDuration, Timestamp};
use manifest::Digest;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Requests that wait for an answer: whoever is asked too much says yes to everything.
const PER_SESSION: usize = 8;
const PER_PRINCIPAL: usize = 64;
const IN_ALL: usize = 1000;
/// One that has ended is remembered so long, for who asks how it ended.
const REMEMBER: SignedDuration = SignedDuration::from_secs(600);

/// The approvals.
#[derive(Default)]
pub(super) struct Book {
    entries: BTreeMap<ApprovalId, Entry>,
    latest: HashMap<Key, ApprovalId>,
    /// A denial sticks to its call for the session.
    denied: HashMap<Key, ApprovalId>,
    /// What the store has not been told yet.
    unwritten: Vec<Change>,
}

/// One of them.
pub(super) struct Entry {
    pub(super) asked: Arc<Asked>,
    pub(super) approval: Approval,
    pub(super) lease: Option<Lease>,
    pub(super) given: Option<Given>,
    /// Cancelled when it is taken back: a call under it is let out no more.
    pub(super) broken: CancellationToken,
    /// Calls under way.
    running: u32,
}

/// A state that the store is still to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) id: ApprovalId,
    pub(super) to: State,
    /// For the audit log.
    pub(super) why: &'static str,
}

/// How a call stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nobody was asked, or nobody answered in time.
    Unasked,
    /// Somebody was asked.
    Pending(Arc<Asked>, Timestamp),
    /// Somebody said no.
    Denied(ApprovalId),
    /// It may run, if it is claimed.
    Allowed(ApprovalId),
}

/// A bound on what waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full {
    pub(crate) limit: &'static str,
    pub(crate) value: usize,
}

impl Book {
    /// How a call stands. What is of the same call under another manifest, component or epoch is void.
    pub(super) fn standing(&mut self, by: &Binding, now: Timestamp) -> Standing {
        let key = by.key();
        if let Some(id) = self.denied.get(&key) {
            return Standing::Denied(id.clone());
        }
        let Some(id) = self.latest.get(&key).cloned() else { return Standing::Unasked };
        self.look(&id, now);
        if self.entries.get(&id).is_some_and(|entry| entry.approval.binding != *by) {
            self.take_back(&id, "what it was asked under is not in force any more");
            return Standing::Unasked;
        }
        let Some(entry) = self.entries.get(&id) else { return Standing::Unasked };
        let under_lease = entry.lease.as_ref().is_some_and(|lease| lease.state == LeaseState::Open);
        match entry.approval.state {
            State::Pending => Standing::Pending(entry.asked.clone(), entry.approval.expires),
            State::Approved => Standing::Allowed(id),
            State::Claimed | State::Executed if under_lease => Standing::Allowed(id),
            _ => Standing::Unasked,
        }
    }

    /// Whether there is room for one more.
    pub(super) fn room(&self, by: &Binding) -> Result<(), Full> {
        let pending = || self.entries.values().filter(|entry| entry.approval.state == State::Pending);
        let of = |wanted: &dyn Fn(&Binding) -> bool| pending().filter(|entry| wanted(&entry.approval.binding)).count();
        let bounds = [
            ("pending_approvals_per_session", PER_SESSION, of(&|other| other.session == by.session)),
            ("pending_approvals_per_principal", PER_PRINCIPAL, of(&|other| other.principal == by.principal)),
            ("pending_approvals", IN_ALL, pending().count()),
        ];
        bounds.into_iter().try_for_each(
            |(limit, value, found)| {
                if found >= value { Err(Full { limit, value }) } else { Ok(()) }
            },
        )
    }

    /// A new one. It is in the store.
    pub(super) fn open(&mut self, asked: Arc<Asked>) {
        let approval = Approval::requested(asked.binding.clone(), asked.requested);
        self.insert(Entry { asked, approval, lease: None, given: None, broken: CancellationToken::new(), running: 0 });
    }

    /// One that is in the store and asks for nothing: another call of the same was faster, or there is no room.
    pub(super) fn open_void(&mut self, asked: Arc<Asked>) {
        let why = "the same was asked before, or too much was";
        self.unwritten.push(Change { id: asked.id.clone(), to: State::Void, why });
    }

    /// One that a dead hub left; as it is from now on.
    pub(super) fn restore(&mut self, asked: Arc<Asked>, state: State, now: Timestamp) {
        let approval = Approval { state, ..Approval::requested(asked.binding.clone(), asked.requested) };
        let (approval, actions) = approval.step(Event::Restarted(now));
        let id = asked.id.clone();
        let broken = CancellationToken::new();
        self.insert(Entry { asked, approval, lease: None, given: None, broken, running: 0 });
        self.follow(&id, actions, "the hub was started anew");
    }

    /// A denial that was there before this process.
    pub(super) fn remember_denial(&mut self, asked: &Asked) {
        self.denied.insert(asked.binding.key(), asked.id.clone());
    }

    fn insert(&mut self, entry: Entry) {
        let id = entry.asked.id.clone();
        self.latest.insert(entry.approval.binding.key(), id.clone());
        self.entries.insert(id, entry);
    }

    pub(super) fn get(&self, id: &ApprovalId) -> Option<&Entry> {
        self.entries.get(id)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Whether an answer would be taken now.
    pub(super) fn answerable(&mut self, id: &ApprovalId, now: Timestamp) -> Result<Arc<Asked>, Refusal> {
        self.look(id, now);
        let entry = self.entries.get(id).ok_or(Refusal::NotPending)?;
        match entry.approval.state {
            State::Pending => Ok(entry.asked.clone()),
            State::Expired => Err(Refusal::Expired),
            State::Void => Err(Refusal::Void),
            _ => Err(Refusal::NotPending),
        }
    }

    /// An answer that is in the store. It came at the time that it says.
    pub(super) fn answered(&mut self, id: &ApprovalId, given: Given) -> Result<(), Refusal> {
        let event = Event::Answered(given.at, given.decision);
        let denied = given.decision == Answer::Deny;
        let actions = self.step(id, event);
        for action in &actions {
            if let Action::Refuse(why) = action {
                return Err(*why);
            }
        }
        let Some(entry) = self.entries.get_mut(id) else { return Err(Refusal::NotPending) };
        entry.given = Some(given);
        for action in actions {
            if let Action::Grant(lease) = action {
                entry.lease = Some(lease);
            }
        }
        if denied {
            self.denied.insert(entry.approval.binding.key(), id.clone());
        }
        Ok(())
    }

    /// A call wants to run. Whether it is the one that claims the approval; then it may run once the store has it.
    pub(super) fn begin(
        &mut self,
        id: &ApprovalId,
        by: &Binding,
        now: Timestamp,
    ) -> Result<(bool, CancellationToken), Refusal> {
        self.look(id, now);
        let state = self.entries.get(id).map(|entry| entry.approval.state).ok_or(Refusal::NotApproved)?;
        let claims = !matches!(state, State::Claimed | State::Executed);
        if claims {
            let actions = self.step(id, Event::Claimed(now, by.clone()));
            if !actions.contains(&Action::Run) {
                let why = actions.into_iter().find_map(|action| match action {
                    Action::Refuse(why) => Some(why),
                    _ => None,
                });
                return Err(why.unwrap_or(Refusal::NotApproved));
            }
        }
        match self.lease(id, LeaseEvent::Called(now, by.clone())) {
            LeaseAction::Run => {}
            LeaseAction::Refuse(why) => return Err(why),
            LeaseAction::BreakOff | LeaseAction::Nothing => return Err(Refusal::NotApproved),
        }
        let entry = self.entries.get_mut(id).ok_or(Refusal::NotApproved)?;
        entry.running = entry.running.saturating_add(1);
        Ok((claims, entry.broken.clone()))
    }

    /// A call under it is over.
    pub(super) fn end(&mut self, id: &ApprovalId, claimed: bool, event: Event) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.running = entry.running.saturating_sub(1);
        }
        let why = match event {
            Event::NotRun => "it was stopped before a runner heard of it",
            _ => "its runner gave no end that can be believed",
        };
        if claimed {
            let actions = self.step(id, event);
            self.follow(id, actions, why);
        }
    }

    /// Time passes, for all of them. What is long over is forgotten.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        let all: Vec<_> = self.entries.keys().cloned().collect();
        for id in &all {
            self.look(id, now);
        }
        let over = |entry: &Entry| {
            let lasts = matches!(entry.approval.state, State::Pending | State::Approved | State::Claimed)
                || entry.lease.as_ref().is_some_and(|lease| lease.state == LeaseState::Open);
            let until = entry.approval.usable_until.unwrap_or(entry.approval.expires).checked_add(REMEMBER);
            !lasts && entry.running == 0 && until.is_ok_and(|until| now >= until)
        };
        let gone: Vec<_> = self.entries.extract_if(.., |_, entry| over(entry)).collect();
        for (id, entry) in gone {
            let key = entry.approval.binding.key();
            if self.latest.get(&key) == Some(&id) {
                self.latest.remove(&key);
            }
        }
    }

    /// Takes one back, whatever it has come to; whether there was anything to take.
    pub(super) fn take_back(&mut self, id: &ApprovalId, why: &'static str) -> bool {
        let actions = self.step(id, Event::TakenBack);
        let stopped = !actions.is_empty();
        self.follow(id, actions, why);
        let broken = self.lease(id, LeaseEvent::TakenBack) == LeaseAction::BreakOff;
        if let Some(entry) = self.entries.get(id)
            && broken
        {
            entry.broken.cancel();
        }
        stopped || broken
    }

    /// Takes back all that `which` names; how many.
    pub(super) fn take_back_all(&mut self, which: impl Fn(&Binding) -> bool, why: &'static str) -> usize {
        let taken = self.entries.iter().filter(|(_, entry)| which(&entry.approval.binding));
        let taken: Vec<_> = taken.map(|(id, _)| id.clone()).collect();
        taken.iter().filter(|id| self.take_back(id, why)).count()
    }

    /// Takes back all that a key has allowed; how many.
    pub(super) fn take_back_given(&mut self, key: &str, why: &'static str) -> usize {
        let given = |entry: &Entry| entry.given.as_ref().is_some_and(|given| given.key == key);
        let taken: Vec<_> = self.entries.iter().filter(|(_, entry)| given(entry)).map(|(id, _)| id.clone()).collect();
        taken.iter().filter(|id| self.take_back(id, why)).count()
    }

    /// What the store is to be told, and is from here on not told again.
    pub(super) fn take_unwritten(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.unwritten)
    }

    /// It could not be told.
    pub(super) fn put_back(&mut self, changes: Vec<Change>) {
        let later = std::mem::replace(&mut self.unwritten, changes);
        self.unwritten.extend(later);
    }

    fn look(&mut self, id: &ApprovalId, now: Timestamp) {
        let actions = self.step(id, Event::Looked(now));
        self.follow(id, actions, "nobody answered, or used the answer, in time");
        self.lease(id, LeaseEvent::Looked(now));
    }

    fn step(&mut self, id: &ApprovalId, event: Event) -> Vec<Action> {
        let Some(entry) = self.entries.get_mut(id) else { return vec![Action::Refuse(Refusal::NotPending)] };
        let (next, actions) = entry.approval.clone().step(event);
        entry.approval = next;
        actions
    }

    fn lease(&mut self, id: &ApprovalId, event: LeaseEvent) -> LeaseAction {
        let Some(entry) = self.entries.get_mut(id) else { return LeaseAction::Nothing };
        let Some(lease) = entry.lease.take() else { return LeaseAction::Nothing };
        let (next, action) = lease.step(event);
        entry.lease = Some(next);
        action
    }

    fn follow(&mut self, id: &ApprovalId, actions: Vec<Action>, why: &'static str) {
        for action in actions {
            if let Action::Store(to) = action {
                self.unwritten.push(Change { id: id.clone(), to, why });
            }
        }
    }
}

/// A session has ended.
pub(super) fn of_session(session: &SessionId) -> impl Fn(&Binding) -> bool {
    let session = session.clone();
    move |binding| binding.session == session
}

/// Another manifest is in force.
pub(super) fn not_of_manifest(manifest: &Digest) -> impl Fn(&Binding) -> bool {
    let manifest = manifest.clone();
    move |binding| binding.manifest != manifest
}
