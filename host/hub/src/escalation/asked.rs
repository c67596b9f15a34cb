//! What was asked for and what was answered, as the store has it.

use super::approval::Answer;
use super::binding::{ApprovalId, Binding};
use jiff::Timestamp;
use manifest::{Digest, ProfileName};
use serde::{Deserialize, Serialize};

/// A request for an approval: all that its approver is shown. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    pub(crate) id: ApprovalId,
    pub(crate) binding: Binding,
    pub(crate) profile: ProfileName,
    /// In canonical form.
    pub(crate) arguments: String,
    /// What the tool may do, in words.
    pub(crate) grants: Vec<String>,
    /// What the component says of the tool: words of whoever made it.
    pub(crate) tool_says: String,
    /// Since when its session has read from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) outside: Option<Timestamp>,
    /// A whole second, so that texts of times are ordered as the times are.
    pub(crate) requested: Timestamp,
}

impl Asked {
    /// Whether it is the call that it says it is: a row of a file may have been edited.
    pub(crate) fn is_whole(&self) -> bool {
        Digest::of(self.arguments.as_bytes()) == self.binding.arguments
    }
}

/// A person's answer, with what shows whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Given {
    pub(crate) decision: Answer,
    pub(crate) approver: String,
    /// The key's fingerprint.
    pub(crate) key: String,
    pub(crate) at: Timestamp,
    /// In the approver's words; bounded and cleaned.
    pub(crate) why: Option<String>,
    /// Over the statement, as it came: whoever reads the store later can check it again.
    pub(crate) signature: String,
}
