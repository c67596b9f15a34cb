//! A manifest is applied while the hub runs: checked, stored as a version, put in force in one step, told.
//!
//! The order is the promise. Nothing is changed before the version is on the disk, and nothing is answered before it
//! is in force: from the answer on, lists are the new ones, a tool that lost its grant is refused, its calls in
//! flight have been told to end, and no runner of the older version takes another call.

use super::{Hub, Inner, start};
use crate::api::{RegisterError, Registration, StartError};
use crate::audit::Entry;
use crate::failpoint::failpoint;
use crate::force::InForce;
use crate::manifests::agreed::{self, Agreed, Who};
use crate::manifests::{Applied, ApplyError, Checked, Content, Ledger, Plan, Proposal, Version, VersionView, check};
use crate::metrics;
use crate::registry::chain;
use container::{ClassSpec, Forbidden, MountSpec};
use jiff::Timestamp;
use manifest::diff::Change;
use manifest::{Access, ClassId, ComponentName};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

impl Hub {
    /// What a proposal would change.
    ///
    /// # Errors
    /// See [`ApplyError`]; as for all that follow.
    pub fn plan(&self, proposal: Proposal) -> Result<Plan, ApplyError> {
        let force = self.0.force.load();
        self.0.ledger()?;
        Ok(check(proposal, &force)?.plan(&force))
    }

    /// Puts a proposal in force.
    ///
    /// # Errors
    /// See [`ApplyError`].
    pub async fn apply(&self, proposal: Proposal, agreed: Agreed) -> Result<Applied, ApplyError> {
        let inner = &self.0;
        let ledger = inner.ledger()?;
        let _one_at_a_time = inner.applying.lock().await;
        let before = inner.force.load_full();
        let applied = async {
            let checked = check(proposal, &before)?;
            inner.enter(ledger, &before, &checked, agreed).await
        };
        let applied = applied.await;
        inner.metrics.applied(metrics::Apply::Apply, &applied);
        applied
    }

    /// What going back to a version would change.
    ///
    /// # Errors
    /// See [`ApplyError`].
    pub async fn plan_rollback(&self, to: u64) -> Result<Plan, ApplyError> {
        let force = self.0.force.load_full();
        Ok(agreed::older(self.0.ledger()?, to, "").await?.plan(&force))
    }

    /// Puts the content of an older version in force, as a new one.
    ///
    /// # Errors
    /// See [`ApplyError`].
    pub async fn roll_back(&self, to: u64, by: &str, agreed: Agreed) -> Result<Applied, ApplyError> {
        let inner = &self.0;
        let ledger = inner.ledger()?;
        let _one_at_a_time = inner.applying.lock().await;
        let before = inner.force.load_full();
        let applied = async {
            let checked = agreed::older(ledger, to, by).await?;
            inner.enter(ledger, &before, &checked, agreed).await
        };
        let applied = applied.await;
        inner.metrics.applied(metrics::Apply::Rollback, &applied);
        applied
    }

    /// The last versions, newest first.
    ///
    /// # Errors
    /// See [`ApplyError`].
    pub async fn versions(&self) -> Result<Vec<VersionView>, ApplyError> {
        agreed::listed(self.0.ledger()?).await
    }

    /// One version, with its files.
    ///
    /// # Errors
    /// See [`ApplyError`].
    pub async fn version(&self, number: u64) -> Result<VersionView, ApplyError> {
        Ok(VersionView::of(self.0.ledger()?.version(number).await?, true))
    }

    /// What changes from one version to another, in either direction.
    ///
    /// # Errors
    /// See [`ApplyError`].
    pub async fn compare(&self, old: u64, new: u64) -> Result<Vec<Change>, ApplyError> {
        agreed::compare(self.0.ledger()?, old, new).await
    }
}

impl Inner {
    fn ledger(&self) -> Result<&Ledger, ApplyError> {
        if self.is_draining() {
            return Err(ApplyError::Draining);
        }
        self.ledger.as_ref().ok_or(ApplyError::Fixed)
    }

    /// Everything from a checked proposal to its being in force. The caller holds `applying`.
    async fn enter(
        &self,
        ledger: &Ledger,
        before: &InForce,
        checked: &Checked,
        agreed: Agreed,
    ) -> Result<Applied, ApplyError> {
        let plan = checked.plan(before);
        let approvers = self.approvers.load_full();
        let approver = agreed.to(&plan, before, Who { approvers: &approvers, hub: &self.hub_id })?;
        let mut next = self.prepared(before, checked).await?;
        failpoint!("apply.prepared");
        next.version = Some(agreed::enter(ledger, checked.content.clone(), plan.widens, approver).await?.number);
        let applied = self.turn(before, next);
        failpoint!("apply.turned");
        self.desk.follow().await;
        self.tell().await;
        Ok(applied)
    }

    /// What would be in force: its containers admitted, its components ready. Nothing is in force of it yet.
    async fn prepared(&self, before: &InForce, checked: &Checked) -> Result<InForce, ApplyError> {
        let content = &checked.content;
        let classes = start::classes(&checked.manifest, &content.mounts, self.data.root())?;
        apart(&classes, content.directory.as_deref(), self.data.root())?;
        let next = InForce::version(None, content, checked.manifest.clone()).admitted(&classes);
        for warning in self.starter.launcher().admit(next.admission.clone(), classes).await? {
            tracing::warn!("{warning}");
        }
        let (mut components, mut faults) = (BTreeMap::new(), before.catalogue.faults.clone());
        for (name, registration) in &before.catalogue.components {
            if !next.manifest.components.contains_key(name) {
                components.insert(name.clone(), registration.clone());
                continue;
            }
            // Compiled anew only where the manifest says other imports may trap.
            match self.registrar.refresh(&next, Registration::clone(registration)).await {
                Ok(registration) => drop(components.insert(name.clone(), Arc::new(registration))),
                Err(error) => drop(faults.insert(name.clone(), chain(&error))),
            }
        }
        Ok(next.with(components, faults))
    }

    /// Puts it in force.
    pub(super) fn turn(&self, before: &InForce, next: InForce) -> Applied {
        let next = Arc::new(next);
        self.force.store(next.clone());
        // What was allowed under another one is allowed no more, should that one come back as well.
        self.desk.void_others_than(&next.digest);
        let keeps = |profile: &_, tool: &str| before.keeps(&next, &self.denied_tiers, profile, tool);
        let broken_off = self.flights.withdraw(keeps);
        self.pool.turn(&next.admission);
        self.want();
        self.changes.send_modify(|count| *count += 1);
        tracing::info!(version = next.version, digest = %next.digest, broken_off, "a manifest is in force");
        Applied {
            version: next.version.unwrap_or(0),
            digest: next.digest.clone(),
            broken_off,
            problems: next.catalogue.problems.clone(),
        }
    }

    /// Registers a component. Under versions its file becomes part of the one in force, as a new version.
    pub(super) async fn add_component(
        &self,
        name: &ComponentName,
        wasm: Arc<Vec<u8>>,
    ) -> Result<Registration, RegisterError> {
        let _one_at_a_time = self.applying.lock().await;
        let before = self.force.load_full();
        let registration = self.registrar.register(&before, name, wasm).await?;
        let locked_in = match (&self.ledger, before.version) {
            (Some(ledger), Some(number)) => self
                .lock_in(ledger, number, &before, &registration)
                .await
                .map_err(|error| RegisterError::Version { name: name.clone(), source: Box::new(error) })?,
            _ => false,
        };
        if !locked_in {
            self.offer(&registration);
        }
        Ok(registration)
    }

    /// Makes a file part of what is in force, as a new version; not if it is that already, or nobody names it.
    pub(super) async fn lock_in(
        &self,
        ledger: &Ledger,
        number: u64,
        before: &InForce,
        new: &Registration,
    ) -> Result<bool, ApplyError> {
        let named = before.manifest.components.contains_key(&new.name);
        let locked = before.lock.as_ref().and_then(|lock| lock.get(&new.name));
        if !named || locked == Some(&new.component) {
            return Ok(false);
        }
        let last = ledger.version(number).await?;
        let mut content =
            Content { commit: None, of: None, by: "operator".to_owned(), at: Timestamp::now(), ..last.content };
        content.components.insert(new.name.clone(), new.component.clone());
        let Version { number, digest, content } = agreed::enter(ledger, content, true, None).await?;
        let next = InForce { version: Some(number), digest, lock: Some(content.components), ..before.clone() };
        self.turn(before, next.including(new));
        self.metrics.applied(metrics::Apply::Component, &Ok::<_, ApplyError>(()));
        self.tell().await;
        Ok(true)
    }

    /// Tells the audit log what was decided and is not in it yet.
    pub(crate) async fn tell(&self) {
        let _one_at_a_time = self.telling.lock().await;
        let told = async {
            for decided in self.store.untold().await? {
                let decision = decided.decision;
                if let Err(error) = self.audit.write_durable(Entry::Decided(decided)).await {
                    tracing::error!(%error, %decision, "a decision is in force and not yet in the audit log");
                    return Ok(());
                }
                failpoint!("outbox.written");
                self.store.told(decision).await?;
                failpoint!("outbox.told");
            }
            Ok::<(), crate::store::StoreError>(())
        };
        if let Err(error) = told.await {
            tracing::error!(error = &error as &dyn std::error::Error, "what was decided cannot be told the audit log");
        }
    }
}

/// A mount that holds the manifest's files or the hub's, or lies among them, would let a tool propose what is applied
/// next.
pub(crate) fn apart(
    classes: &BTreeMap<ClassId, ClassSpec>,
    directory: Option<&Path>,
    data: &Path,
) -> Result<(), ApplyError> {
    let forbidden = Forbidden::with(directory.into_iter().chain([data]).map(Path::to_owned));
    // Whether protected paths can be held is the launcher's to say.
    let mounts = classes.values().flat_map(|class| &class.mounts);
    let mounts: Vec<_> = mounts.map(|mount| MountSpec { access: Access::Read, ..mount.clone() }).collect();
    let checked = container::mounts::check(&mounts, &forbidden, &[]);
    checked.map(drop).map_err(|error| ApplyError::Place(StartError::Launcher(error.into())))
}
