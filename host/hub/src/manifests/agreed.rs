//! The rules by which a plan becomes a version, whether a hub runs or not.

use super::{ApplyError, Checked, Content, Entered, Ledger, Plan, Unverified, Version, VersionView};
use crate::approvers::{Approver, Approvers, SignedManifest, agrees};
use crate::audit::Decision;
use crate::force::{InForce, directories};
use crate::registry::chain;
use jiff::Timestamp;
use manifest::diff::{Change, Side, diff};

/// Versions that are listed.
const LISTED: u32 = 100;

/// What an operator has agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// The version that they have compared it with; 0 for none.
    pub base: u64,
    /// That it may grant more.
    pub widen: bool,
    /// An approver's word for that, where there are approvers.
    pub signed: Option<SignedManifest>,
}

/// Who may agree that a manifest grants more.
#[derive(Clone, Copy)]
pub(crate) struct Who<'a> {
    pub(crate) approvers: &'a Approvers,
    pub(crate) hub: &'a str,
}

impl Agreed {
    /// Whether this plan is what was agreed to.
    pub(crate) fn to(self, plan: &Plan, before: &InForce, who: Who<'_>) -> Result<Option<Approver>, ApplyError> {
        let last = before.version.unwrap_or(0);
        if self.base != last {
            return Err(ApplyError::Outpaced { base: self.base, last });
        }
        if plan.same {
            return Err(ApplyError::Nothing(last));
        }
        if plan.widens && !self.widen {
            return Err(ApplyError::Widens(last));
        }
        if !plan.widens {
            return Ok(None);
        }
        let what = (self.base, &plan.digest);
        Ok(agrees(who.approvers, who.hub, what, self.signed.as_ref(), Timestamp::now())?)
    }
}

/// Puts content in force as the next version; what cannot be believed is not in force, and yet the numbers go on from
/// it. The audit log is told that it was applied, or that an older one was gone back to.
pub(crate) async fn enter(
    ledger: &Ledger,
    content: Content,
    widened: bool,
    approver: Option<Approver>,
) -> Result<Version, ApplyError> {
    let base = ledger.last_number().await?;
    let (digest, commit, of, by) = (content.digest(), content.commit.clone(), content.of, content.by.clone());
    let approver = approver.map(|approver| (approver.name, approver.key));
    let decision = |version| match of {
        Some(of) => Decision::ManifestRolledBack { version, of, digest, by, approver },
        None => Decision::ManifestApplied { version, digest, commit, widened, by, approver },
    };
    match ledger.enter(base, content, decision).await? {
        Entered::Version(version) => Ok(*version),
        Entered::Outpaced(last) => Err(ApplyError::Outpaced { base, last }),
    }
}

/// The content of an older version, as it was: its own lock, its own places of mounts.
pub(crate) async fn older(ledger: &Ledger, number: u64, by: &str) -> Result<Checked, ApplyError> {
    let version = ledger.version(number).await?;
    let read = manifest::read(&version.content.files).map_err(ApplyError::Manifest)?;
    let (by, at) = (crate::clean::line(by, 64), Timestamp::now());
    let content = Content { of: Some(number), by, at, ..version.content };
    let warnings = read.warnings.iter().map(ToString::to_string).collect();
    Ok(Checked { manifest: read.manifest, content, warnings })
}

/// What changes from one version to another.
pub(crate) async fn compare(ledger: &Ledger, old: u64, new: u64) -> Result<Vec<Change>, ApplyError> {
    let (old, new) = (older(ledger, old, "").await?, older(ledger, new, "").await?);
    let places = |side: &Checked| directories(&side.manifest, &side.content.mounts);
    let (here, there) = (places(&old), places(&new));
    let old = Side { manifest: &old.manifest, mounts: &here, components: &old.content.components };
    let new = Side { manifest: &new.manifest, mounts: &there, components: &new.content.components };
    Ok(diff(&old, &new))
}

/// The last versions, newest first; one that cannot be believed says so.
pub(crate) async fn listed(ledger: &Ledger) -> Result<Vec<VersionView>, ApplyError> {
    let view = |(number, version): (u64, Result<_, Unverified>)| match version {
        Ok(version) => VersionView::of(version, false),
        Err(error) => VersionView::unverified(number, chain(&error)),
    };
    Ok(ledger.versions(LISTED).await?.into_iter().map(view).collect())
}
