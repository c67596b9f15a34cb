//! Versions of a data directory whose hub does not run: applied now, in force with the next start, and told the audit
//! log then. The directory's lock is held, so no hub starts in between.

use super::agreed::{self, Agreed, Who};
use super::{Applied, ApplyError, Checked, Ledger, Plan, Proposal, VersionView, check};
use crate::api::StartError;
use crate::approvers::{Approvers, ApproversView};
use crate::data::DataDir;
use crate::force::InForce;
use crate::hub::{apart, classes};
use crate::registry::{Sealer, Shelf};
use crate::store::{Location, Store};
use manifest::diff::Change;
use std::path::Path;

/// The versions of a hub that does not run.
pub struct Cold {
    data: DataDir,
    ledger: Ledger,
    before: InForce,
    approvers: Approvers,
    hub: String,
}

impl Cold {
    /// Takes the data directory's lock.
    ///
    /// # Errors
    /// When a hub runs on it, or it cannot be used.
    pub async fn open(data: &Path, store: Option<Location>) -> Result<Self, StartError> {
        let data = DataDir::open(data)?;
        let seed = data.key_seed()?;
        let store = Store::open(&store.unwrap_or_else(|| Location::within(data.root()))).await?;
        let approvers = Approvers::new(store.approvers().await?);
        let hub = data.hub_id()?;
        let ledger = Ledger::new(store, &seed, data.root());
        let shelf = Shelf::new(&data, Sealer::from_seed(&seed));
        let unread = |source| StartError::Data { path: data.components(), what: "read", source };
        let registered = shelf.registrations().map_err(unread)?.into_iter().filter_map(|(_, record)| record.ok());
        // What cannot be believed is nothing to compare with; the next version stands by itself.
        let last = ledger.last().await.ok().flatten();
        let read = last.and_then(|version| Some((manifest::read(&version.content.files).ok()?.manifest, version)));
        let before = match read {
            Some((manifest, version)) => InForce::version(Some(version.number), &version.content, manifest),
            None => InForce::nothing(String::new()),
        };
        let before = registered.fold(before, |force, registration| force.including(&registration));
        Ok(Self { data, ledger, before, approvers, hub })
    }

    /// Those who may agree that a manifest grants more.
    #[must_use]
    pub fn approvers(&self) -> ApproversView {
        let (first, approvers) = (self.approvers.is_new(), self.approvers.views());
        // Nobody is enrolled while the hub is stopped, so there is no nonce.
        ApproversView { hub: self.hub.clone(), nonce: String::new(), first, approvers }
    }

    /// See [`crate::Hub::plan`].
    ///
    /// # Errors
    /// See [`ApplyError`]; as for all that follow.
    pub fn plan(&self, proposal: Proposal) -> Result<Plan, ApplyError> {
        Ok(check(proposal, &self.before)?.plan(&self.before))
    }

    /// See [`crate::Hub::apply`].
    ///
    /// # Errors
    /// See [`ApplyError`].
    pub async fn apply(&self, proposal: Proposal, agreed: Agreed) -> Result<Applied, ApplyError> {
        self.enter(check(proposal, &self.before)?, agreed).await
    }

    /// See [`crate::Hub::plan_rollback`].
    ///
    /// # Errors
    /// See [`ApplyError`].
    pub async fn plan_rollback(&self, to: u64) -> Result<Plan, ApplyError> {
        Ok(agreed::older(&self.ledger, to, "").await?.plan(&self.before))
    }

    /// See [`crate::Hub::roll_back`].
    ///
    /// # Errors
    /// See [`ApplyError`].
    pub async fn roll_back(&self, to: u64, by: &str, agreed: Agreed) -> Result<Applied, ApplyError> {
        self.enter(agreed::older(&self.ledger, to, by).await?, agreed).await
    }

    /// See [`crate::Hub::versions`].
    ///
    /// # Errors
    /// See [`ApplyError`].
    pub async fn versions(&self) -> Result<Vec<VersionView>, ApplyError> {
        agreed::listed(&self.ledger).await
    }

    /// See [`crate::Hub::version`].
    ///
    /// # Errors
    /// See [`ApplyError`].
    pub async fn version(&self, number: u64) -> Result<VersionView, ApplyError> {
        Ok(VersionView::of(self.ledger.version(number).await?, true))
    }

    /// See [`crate::Hub::compare`].
    ///
    /// # Errors
    /// See [`ApplyError`].
    pub async fn compare(&self, old: u64, new: u64) -> Result<Vec<Change>, ApplyError> {
        agreed::compare(&self.ledger, old, new).await
    }

    async fn enter(&self, checked: Checked, agreed: Agreed) -> Result<Applied, ApplyError> {
        let plan = checked.plan(&self.before);
        // With the hub stopped as well: else stopping it would be the way round.
        let approver = agreed.to(&plan, &self.before, Who { approvers: &self.approvers, hub: &self.hub })?;
        let classes = classes(&checked.manifest, &checked.content.mounts, self.data.root())?;
        apart(&classes, checked.content.directory.as_deref(), self.data.root())?;
        let version = agreed::enter(&self.ledger, checked.content, plan.widens, approver).await?;
        Ok(Applied { version: version.number, digest: version.digest, broken_off: 0, problems: Vec::new() })
    }
}
