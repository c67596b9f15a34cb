//! The approvers as they are in force: one value, exchanged as a whole.

use super::key::ApproverKey;
use super::statement::{APPROVAL_NAMESPACE, APPROVER_NAMESPACE, MANIFEST_NAMESPACE};
use super::view::ApproverView;
use super::{Approver, ApproverName, Need, NotApproved, Presence, SecondFactor, signature};
use jiff::Timestamp;
use manifest::Tier;
use std::collections::BTreeSet;

/// One of them, of now or of before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Enrolled {
    pub(crate) name: ApproverName,
    pub(crate) key: ApproverKey,
    /// Principals that are this person: for them somebody else answers.
    pub(crate) principals: BTreeSet<String>,
    /// Whether whoever enrolled it says that its passphrase is asked for each time.
    pub(crate) passphrase: bool,
    pub(crate) added: Timestamp,
    /// The approver who signed for it; none for the first one, who was enrolled on the operator's word.
    pub(crate) by: Option<ApproverName>,
    pub(crate) revoked: Option<Timestamp>,
}

/// All of them. A key that was revoked stays known, and is never taken again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Approvers {
    all: Vec<Enrolled>,
}

impl Approvers {
    pub(crate) fn new(all: Vec<Enrolled>) -> Self {
        Self { all }
    }

    /// Those who may answer.
    pub(crate) fn in_force(&self) -> impl Iterator<Item = &Enrolled> {
        self.all.iter().filter(|one| one.revoked.is_none())
    }

    /// Whether none was ever enrolled, so that the next one is on the operator's word. Not after the last one was
    /// revoked: then nobody could tell an operator from an agent with his shell.
    pub(crate) fn is_new(&self) -> bool {
        self.all.is_empty()
    }

    pub(crate) fn named(&self, name: &ApproverName) -> Option<&Enrolled> {
        self.in_force().find(|one| one.name == *name)
    }

    /// One with this key, in force or not.
    pub(crate) fn with_key(&self, key: &ApproverKey) -> Option<&Enrolled> {
        self.all.iter().find(|one| one.key == *key)
    }

    /// All but one, whose key stays known.
    pub(crate) fn without(&self, key: &ApproverKey, at: Timestamp) -> Self {
        let mut all = self.all.clone();
        all.iter_mut().filter(|one| one.key == *key).for_each(|one| one.revoked = Some(at));
        Self { all }
    }

    pub(crate) fn views(&self) -> Vec<ApproverView> {
        self.all.iter().map(Enrolled::view).collect()
    }

    /// Who has signed a change of the approvers themselves: whoever may change them may answer everything, so a
    /// signature has to show presence as for the highest tier.
    pub(crate) fn check_change(&self, statement: &[u8], signature: &str) -> Result<Approver, NotApproved> {
        self.signer(statement, signature, APPROVER_NAMESPACE).and_then(present)
    }

    /// Who has signed that a version of the manifest may grant more.
    pub(crate) fn check_manifest(&self, statement: &[u8], signature: &str) -> Result<Approver, NotApproved> {
        self.signer(statement, signature, MANIFEST_NAMESPACE).and_then(present)
    }

    fn signer(&self, statement: &[u8], text: &str, namespace: &'static str) -> Result<Approver, NotApproved> {
        if self.in_force().next().is_none() {
            return Err(NotApproved::NoApprover);
        }
        let read = signature::read(text, namespace)?;
        let Some(one) = self.all.iter().find(|one| read.is_by(&one.key)) else {
            return Err(NotApproved::UnknownKey(read.fingerprint()));
        };
        if one.revoked.is_some() {
            return Err(NotApproved::Revoked(read.fingerprint()));
        }
        let shown = read.over(statement, namespace, &one.key)?;
        let said = if one.passphrase { Presence::Passphrase } else { Presence::NotShown };
        Ok(Approver { name: one.name.clone(), key: one.key.fingerprint(), presence: shown.max(said) })
    }
}

/// Whether somebody was there.
fn present(approver: Approver) -> Result<Approver, NotApproved> {
    if approver.presence == Presence::NotShown { Err(NotApproved::NeedsPresence) } else { Ok(approver) }
}

impl SecondFactor for Approvers {
    fn check(&self, statement: &[u8], signature: &str, need: Need<'_>) -> Result<Approver, NotApproved> {
        let approver = self.signer(statement, signature, APPROVAL_NAMESPACE)?;
        let one = self.named(&approver.name).ok_or(NotApproved::NoApprover)?;
        if !one.is_named(need) {
            return Err(NotApproved::NotNamed(approver.name));
        }
        if one.is_person(need.requester) {
            return Err(NotApproved::Requester(approver.name));
        }
        match need.tier {
            Tier::Critical => present(approver),
            Tier::User | Tier::Write | Tier::Admin => Ok(approver),
        }
    }

    fn any_for(&self, need: Need<'_>) -> bool {
        let present = |one: &Enrolled| need.tier != Tier::Critical || one.shows_presence();
        self.in_force().any(|one| one.is_named(need) && !one.is_person(need.requester) && present(one))
    }
}

impl Enrolled {
    /// Whether this person is that principal: by what was said when they were enrolled, or by name.
    fn is_person(&self, principal: &str) -> bool {
        self.name.as_str() == principal || self.principals.contains(principal)
    }

    fn is_named(&self, need: Need<'_>) -> bool {
        need.approvers.is_none_or(|names| names.contains(&self.name))
    }

    /// Whether its signatures can show that somebody was there.
    pub(crate) fn shows_presence(&self) -> bool {
        self.passphrase || self.key.is_token()
    }

    pub(crate) fn view(&self) -> ApproverView {
        ApproverView {
            name: self.name.clone(),
            key: self.key.as_str().to_owned(),
            fingerprint: self.key.fingerprint(),
            principals: self.principals.clone(),
            passphrase: self.passphrase,
            added: self.added,
            by: self.by.clone(),
            revoked: self.revoked,
        }
    }
}
