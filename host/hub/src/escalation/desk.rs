//! The book, made durable: nothing is answered, and nothing runs, before it is on the disk.
//!
//! What takes something away happens in memory first and at once, and the store follows ([`Desk::settle`]). What gives
//! something is in the store first. A hub that dies in between has given nothing that it did not have the right to.

use super::approval::{Answer, Event, Refusal, State};
use super::asked::{Asked, Given};
use super::binding::{ApprovalId, Binding};
use super::book::{self, Book, Change, Full, Standing};
use super::clock::Clock;
use super::statement::Statement;
use crate::api::SessionId;
use crate::approvers::{Approver, NotApproved};
use crate::audit::Decision;
use crate::store::{Store, StoreError};
use jiff::Timestamp;
use manifest::Digest;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The longest reason of an approver's that is kept, in bytes.
const WHY_BYTES: usize = 1 << 10;

/// All approvals of a hub.
pub(crate) struct Desk {
    book: Mutex<Book>,
    store: Store,
    clock: Clock,
    /// Grows with each change.
    changed: watch::Sender<u64>,
}

/// An answer that somebody sends in.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    pub(crate) decision: Answer,
    /// SSHSIG, as text.
    pub(crate) signature: String,
    pub(crate) why: Option<String>,
}

/// A call that may run under a lease. It has to be given back once, with [`Desk::finish`] or [`Desk::not_run`].
#[derive(Debug)]
pub(crate) struct Pass {
    pub(crate) id: ApprovalId,
    /// Cancelled when the lease is taken back.
    pub(crate) broken: CancellationToken,
    epoch: u64,
    claimed: bool,
}

/// Why nobody was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotOpened {
    #[error("{} = {}: an approver has to answer some of them first", .0.limit, .0.value)]
    Full(Full),
    #[error("the request cannot be stored")]
    Store(#[from] StoreError),
}

/// Why an answer is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAnswered {
    #[error("there is no such approval")]
    Unknown,
    #[error("it is not answered: {0}")]
    Refused(Refusal),
    #[error("it is not answered: {0}")]
    Signature(NotApproved),
    #[error("the statement cannot be made")]
    Statement(#[source] serde_json::Error),
    #[error("the answer cannot be stored")]
    Store(#[from] StoreError),
}

/// Why a call does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotClaimed {
    #[error("{0}")]
    Refused(Refusal),
    #[error("the claim cannot be stored")]
    Store(#[from] StoreError),
}

impl Desk {
    /// Takes up what the hub before this one left. Nothing that it had allowed is allowed now.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(crate) async fn open(store: Store, clock: Clock, epoch: u64) -> Result<Self, StoreError> {
        let mut book = Book::default();
        let now = clock.now();
        for row in store.standing_approvals().await? {
            if row.state == State::Denied {
                book.remember_denial(&row.asked);
                continue;
            }
            let (id, old) = (row.asked.id.clone(), row.asked.binding.epoch != epoch);
            book.restore(Arc::new(row.asked), row.state, now);
            if old {
                book.take_back(&id, "the epoch is another one");
            }
        }
        let desk = Self { book: Mutex::new(book), store, clock, changed: watch::Sender::new(0) };
        desk.settle().await?;
        Ok(desk)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How a call stands.
    pub(crate) fn standing(&self, by: &Binding) -> Standing {
        self.change(|book, now| book.standing(by, now))
    }

    /// Whether one more may wait.
    pub(crate) fn room(&self, by: &Binding) -> Result<(), Full> {
        self.lock().room(by)
    }

    /// Asks: from here on somebody can answer. `digest` is what the log has of the arguments.
    pub(crate) async fn ask(&self, asked: Asked, digest: String) -> Result<(Arc<Asked>, Timestamp), NotOpened> {
        let expires = expires(&asked);
        self.room(&asked.binding).map_err(NotOpened::Full)?;
        let Binding { principal, session, tool, tier, component, manifest, epoch, request, .. } = asked.binding.clone();
        let approval = asked.id.clone();
        let told = Decision::ApprovalRequested {
            approval,
            principal,
            session,
            tool,
            tier,
            component,
            manifest,
            epoch,
            arguments: digest,
            request: request.map(|request| request.origin()),
            expires,
        };
        self.store.add_approval(&asked, told).await?;
        let asked = Arc::new(asked);
        let opened = self.change(|book, now| {
            // Another call of the same may have asked while this one was written down.
            if let Standing::Pending(first, expires) = book.standing(&asked.binding, now) {
                book.open_void(asked.clone());
                return Ok((first, expires));
            }
            // And others may have taken the room.
            if let Err(full) = book.room(&asked.binding) {
                book.open_void(asked.clone());
                return Err(NotOpened::Full(full));
            }
            book.open(asked.clone());
            Ok((asked.clone(), expires))
        });
        self.settle().await?;
        opened
    }

    /// Takes an answer, if `check` finds that somebody who may has signed it. Durable when this returns.
    pub(crate) async fn answer(
        &self,
        hub: &str,
        id: &ApprovalId,
        signed: Signed,
        check: impl Fn(&Asked, &[u8], &str) -> Result<Approver, NotApproved>,
    ) -> Result<(), NotAnswered> {
        if self.lock().get(id).is_none() && self.store.approval(id).await?.is_none() {
            return Err(NotAnswered::Unknown);
        }
        let Signed { decision, signature, why } = signed;
        let (asked, at) = {
            let (asked, at) = self.change(|book, now| (book.answerable(id, now), now));
            (asked.map_err(NotAnswered::Refused)?, at)
        };
        let statement = Statement::of(hub, id, &asked.binding, expires(&asked), decision);
        let statement = statement.map_err(NotAnswered::Statement)?;
        let Approver { name, key, .. } =
            check(&asked, &statement.bytes(), &signature).map_err(NotAnswered::Signature)?;
        let why = why.map(|why| crate::clean::bounded(&why, WHY_BYTES)).filter(|why| !why.is_empty());
        let approver = name.to_string();
        let given = Given {
            decision,
            approver: approver.clone(),
            key: key.clone(),
            at,
            why: why.clone(),
            signature: signature.clone(),
        };
        let (to, told) = match decision {
            Answer::Approve => (State::Approved, Decision::ApprovalGranted { approval: id.clone(), approver, key }),
            Answer::Deny => (State::Denied, Decision::ApprovalDenied { approval: id.clone(), approver, key, why }),
        };
        if !self.store.answer_approval(id, to, &given, told).await? {
            return Err(NotAnswered::Refused(Refusal::NotPending));
        }
        // What was taken back meanwhile stays taken back; the store is told so after this.
        let answered = self.change(|book, _| book.answered(id, given)).map_err(NotAnswered::Refused);
        // Whoever was revoked while this was written down has allowed nothing.
        if decision == Answer::Approve && check(&asked, &statement.bytes(), &signature).is_err() {
            self.take_back(id, "its approver was revoked");
        }
        self.settle().await?;
        answered
    }

    /// Lets a call run: the one that claims the approval, or one more under its lease. A claim is durable when this
    /// returns, so that no frame is sent that a hub which dies could not answer for.
    pub(crate) async fn claim(&self, id: &ApprovalId, by: &Binding, call: Uuid) -> Result<Pass, NotClaimed> {
        let begun = self.change(|book, now| book.begin(id, by, now));
        let (claimed, broken) = begun.map_err(NotClaimed::Refused)?;
        let pass = Pass { id: id.clone(), broken, epoch: by.epoch, claimed };
        if claimed {
            let told = Decision::ApprovalClaimed { approval: id.clone(), call };
            let written = self.store.change_approval(id, State::Claimed, told).await;
            if !matches!(written, Ok(true)) {
                self.change(|book, _| book.end(id, true, Event::NotRun));
                return Err(written.map_or_else(NotClaimed::Store, |_| NotClaimed::Refused(Refusal::Used)));
            }
        }
        if pass.broken.is_cancelled() {
            self.give_back(&pass, Event::NotRun).await;
            return Err(NotClaimed::Refused(Refusal::Void));
        }
        Ok(pass)
    }

    /// Whether a result of this call may be let out.
    pub(crate) fn stands(&self, pass: &Pass, epoch: u64) -> bool {
        !pass.broken.is_cancelled() && pass.epoch == epoch
    }

    /// A call has ended, and whether anybody knows how.
    pub(crate) async fn finish(&self, pass: &Pass, known: bool) {
        self.give_back(pass, Event::Ended { known }).await;
    }

    /// A call was stopped before its runner heard of it.
    pub(crate) async fn not_run(&self, pass: &Pass) {
        self.give_back(pass, Event::NotRun).await;
    }

    async fn give_back(&self, pass: &Pass, event: Event) {
        self.change(|book, _| book.end(&pass.id, pass.claimed, event));
        self.follow().await;
    }

    /// Every lease and every approval that waits is void, from this moment on. The store follows.
    pub(crate) fn void_all(&self) -> usize {
        self.change(|book, _| book.take_back_all(|_| true, "the red button was pressed"))
    }

    /// The same of a session that has ended.
    pub(crate) fn void_session(&self, session: &SessionId) -> usize {
        self.change(|book, _| book.take_back_all(book::of_session(session), "its session has ended"))
    }

    /// The same of all that was asked under another manifest than the one that is in force now.
    pub(crate) fn void_others_than(&self, manifest: &Digest) -> usize {
        let which = book::not_of_manifest(manifest);
        self.change(|book, _| book.take_back_all(which, "another manifest is in force"))
    }

    /// The same of all that this key has allowed: its person answers nothing any more.
    pub(crate) fn void_of_key(&self, key: &str) -> usize {
        self.change(|book, _| book.take_back_given(key, "its approver was revoked"))
    }

    /// Takes one back; false when there was nothing to take. Calls under it are broken off.
    pub(crate) fn take_back(&self, id: &ApprovalId, why: &'static str) -> bool {
        self.change(|book, _| book.take_back(id, why))
    }

    /// Time passes.
    pub(crate) fn sweep(&self) {
        self.change(Book::sweep);
    }

    /// Tells the store what memory has decided.
    ///
    /// # Errors
    /// When it cannot be told; it will be told again.
    pub(crate) async fn settle(&self) -> Result<(), StoreError> {
        let mut left = self.lock().take_unwritten();
        left.reverse();
        while let Some(Change { id, to, why }) = left.pop() {
            let told = told(&id, to, why);
            let written = match told {
                Some(told) => self.store.change_approval(&id, to, told).await.map(drop),
                None => Ok(()),
            };
            if let Err(error) = written {
                left.push(Change { id, to, why });
                left.reverse();
                self.lock().put_back(left);
                return Err(error);
            }
        }
        Ok(())
    }

    /// The same, for who cannot do anything about it.
    pub(crate) async fn follow(&self) {
        if let Err(error) = self.settle().await {
            tracing::error!(error = &error as &dyn std::error::Error, "what became of an approval is not stored yet");
        }
    }

    /// Looks at the book.
    pub(super) fn look<R>(&self, at: impl FnOnce(&Book) -> R) -> R {
        at(&self.lock())
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Completes with each change from now on.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// One change of the book, at one time.
    fn change<R>(&self, what: impl FnOnce(&mut Book, Timestamp) -> R) -> R {
        let result = {
            let mut book = self.lock();
            what(&mut book, self.clock.now())
        };
        self.changed.send_modify(|number| *number = number.wrapping_add(1));
        result
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer has to come before this moment.
pub(super) fn expires(asked: &Asked) -> Timestamp {
    super::approval::Approval::requested(asked.binding.clone(), asked.requested).expires
}

/// What the audit log has to say of a change. What a person says, and a claim, are told where they are made.
fn told(id: &ApprovalId, to: State, why: &str) -> Option<Decision> {
    let (approval, reason) = (id.clone(), why.to_owned());
    match to {
        State::Executed => Some(Decision::ApprovalExecuted { approval }),
        State::Expired => Some(Decision::ApprovalExpired { approval }),
        State::Void => Some(Decision::ApprovalVoid { approval, reason }),
        State::OutcomeUnknown => Some(Decision::ApprovalOutcomeUnknown { approval, reason }),
        State::Pending | State::Approved | State::Denied | State::Claimed => None,
    }
}
