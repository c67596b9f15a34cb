//! What the hub shows of an approval, and of a lease. The hub says all of it; what a component says of its tool is
//! marked as such, and what an agent sent stands as JSON in which nothing hides.

use super::approval::{Answer, State};
use super::asked::{Asked, Given};
use super::binding::ApprovalId;
use super::book::Entry;
use super::desk::{Desk, expires};
use super::lease::{LeaseState, Uses};
use super::request::RequestBinding;
use super::statement::Statement;
use super::{differs, shown};
use crate::store::StoreError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How many of those that are over are listed.
const RECENT: u32 = 100;

/// Contents are not arguments.
const CONTENTS: &str = "only the arguments are bound: what is in the files that they name, or at the places that they name, may change until the call runs, and after";

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalSummary {
    /// Its id.
    pub id: String,
    /// `pending`, `approved`, `denied`, `expired`, `void`, `claimed`, `executed` or `outcome_unknown`.
    pub state: String,
    /// The tool.
    pub tool: String,
    /// Its tier.
    pub tier: manifest::Tier,
    /// Who asks.
    pub principal: String,
    /// From which session.
    pub session: String,
    /// With which profile.
    pub profile: String,
    /// Since when.
    pub requested: Timestamp,
    /// An answer has to come before this moment.
    pub expires: Timestamp,
    /// Who has answered, and with which key.
    pub approver: Option<String>,
    /// The key's fingerprint.
    pub key: Option<String>,
    /// In the approver's words.
    pub why: Option<String>,
}

/// All that an approver is shown of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalView {
    /// The same as in the list.
    #[serde(flatten)]
    pub summary: ApprovalSummary,
    /// The hub that asks.
    pub hub: String,
    /// Digest of the Wasm.
    pub component: String,
    /// Digest of the manifest in force.
    pub manifest: String,
    /// The epoch.
    pub epoch: u64,
    /// The arguments in canonical form (RFC 8785), exactly; their SHA-256 is in the statements.
    pub arguments: String,
    /// The same over several lines, with every character that cannot be seen as its JSON escape.
    pub arguments_shown: String,
    /// The request that is to be allowed, where it is one request and not the whole call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestBinding>,
    /// What the tool may do, in words.
    pub grants: Vec<String>,
    /// What is other than the last time that a person allowed this tool to this principal.
    pub changed: Vec<String>,
    /// What else to know before answering.
    pub notes: Vec<String>,
    /// Words of whoever made the component, as a JSON string: nobody has checked them.
    pub component_says: String,
    /// What is signed.
    pub statements: Statements,
}

/// Both statements of an approval, as they are signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statements {
    /// To allow it.
    pub approve: String,
    /// Not to allow it.
    pub deny: String,
}

/// A lease that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseView {
    /// Its id: the approval's that gave it.
    pub id: String,
    /// The tool.
    pub tool: String,
    /// Its tier.
    pub tier: manifest::Tier,
    /// Whose it is.
    pub principal: String,
    /// In which session.
    pub session: String,
    /// Digest of the arguments, which no call under it may change.
    pub arguments_sha256: String,
    /// No call begins at this moment or later.
    pub ends: Timestamp,
    /// Whether one call may run under it, and no more.
    pub once: bool,
    /// Calls that were begun.
    pub calls: u32,
}

impl Desk {
    /// Those that wait, oldest first, and then the last ones that do not.
    pub(crate) async fn approvals(&self) -> Result<Vec<ApprovalSummary>, StoreError> {
        let now = self.look(|book| book.entries().map(Now::of).collect::<Vec<_>>());
        let (mut pending, mut over): (Vec<_>, Vec<_>) = now.into_iter().partition(|one| one.state == State::Pending);
        for row in self.store().approvals(RECENT).await? {
            let known = |one: &&Now| one.asked.id == row.asked.id;
            if pending.iter().chain(&over).all(|one| !known(&one)) {
                over.push(Now { state: row.state, asked: row.asked.into(), given: row.given });
            }
        }
        pending.sort_by_key(|one| one.asked.requested);
        over.sort_by_key(|one| std::cmp::Reverse(one.asked.requested));
        over.truncate(usize::try_from(RECENT).unwrap_or(usize::MAX));
        Ok(pending.iter().chain(&over).map(Now::summary).collect())
    }

    /// One, in full.
    pub(crate) async fn approval(&self, hub: &str, id: &ApprovalId) -> Result<Option<ApprovalView>, StoreError> {
        let found = match self.look(|book| book.get(id).map(Now::of)) {
            Some(now) => Some(now),
            None => self.store().approval(id).await?.map(|row| Now {
                state: row.state,
                asked: row.asked.into(),
                given: row.given,
            }),
        };
        let Some(now) = found else { return Ok(None) };
        let (asked, binding) = (&now.asked, &now.asked.binding);
        let last = self.store().last_allowed(&binding.principal, binding.tool.as_str(), asked.requested).await?;
        let changed = match &last {
            Some(row) => differs::since(&row.asked, asked),
            None => vec!["this principal was never allowed this tool before, as far as this hub remembers".to_owned()],
        };
        let statement = |decision| {
            Statement::of(hub, &asked.id, binding, expires(asked), decision)
                .map(|statement| statement.text().to_owned())
        };
        let damaged = |error: serde_json::Error| StoreError::Damaged(error.to_string());
        let until = if binding.request.is_some() {
            "it allows the repeated call to make this one request, once, within 300 s of the answer"
        } else if binding.is_once() {
            "it allows one call, which has to begin within 300 s of the answer"
        } else {
            "it allows this call, again and again, until 300 s after the answer"
        };
        let outside = asked
            .outside
            .map(|since| format!("this session has read from outside since {since}: what it read may be what asks"));
        let notes = [until.to_owned(), CONTENTS.to_owned()];
        let notes = notes.into_iter().chain(outside).chain(shown::letters(&asked.arguments)).collect();
        Ok(Some(ApprovalView {
            summary: now.summary(),
            hub: hub.to_owned(),
            component: binding.component.to_string(),
            manifest: binding.manifest.to_string(),
            epoch: binding.epoch,
            arguments: asked.arguments.clone(),
            arguments_shown: shown::pretty(&asked.arguments),
            request: binding.request.clone(),
            grants: asked.grants.clone(),
            changed,
            notes,
            component_says: shown::quoted(&asked.tool_says),
            statements: Statements {
                approve: statement(Answer::Approve).map_err(damaged)?,
                deny: statement(Answer::Deny).map_err(damaged)?,
            },
        }))
    }

    /// Those under which a call may begin now.
    pub(crate) fn leases(&self) -> Vec<LeaseView> {
        let now = self.now();
        let view = |entry: &Entry| {
            let lease = entry.lease.as_ref().filter(|lease| lease.state == LeaseState::Open && now < lease.ends)?;
            let live = matches!(entry.approval.state, State::Approved | State::Claimed | State::Executed);
            live.then(|| LeaseView {
                id: entry.asked.id.to_string(),
                tool: lease.binding.tool.to_string(),
                tier: lease.binding.tier,
                principal: lease.binding.principal.clone(),
                session: lease.binding.session.to_string(),
                arguments_sha256: lease.binding.arguments.to_string(),
                ends: lease.ends,
                once: lease.uses == Uses::One,
                calls: lease.calls,
            })
        };
        self.look(|book| book.entries().filter_map(view).collect())
    }
}

/// One as it is at this moment.
struct Now {
    state: State,
    asked: std::sync::Arc<Asked>,
    given: Option<Given>,
}

impl Now {
    fn of(entry: &Entry) -> Self {
        Self { state: entry.approval.state, asked: entry.asked.clone(), given: entry.given.clone() }
    }

    fn summary(&self) -> ApprovalSummary {
        let Self { state, asked, given } = self;
        let binding = &asked.binding;
        ApprovalSummary {
            id: asked.id.to_string(),
            state: state.word().to_owned(),
            tool: binding.tool.to_string(),
            tier: binding.tier,
            principal: binding.principal.clone(),
            session: binding.session.to_string(),
            profile: asked.profile.to_string(),
            requested: asked.requested,
            expires: expires(asked),
            approver: given.as_ref().map(|given| given.approver.clone()),
            key: given.as_ref().map(|given| given.key.clone()),
            why: given.as_ref().and_then(|given| given.why.clone()),
        }
    }
}
