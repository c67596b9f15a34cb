//! Which manifest is in force. A manifest on the disk is a proposal; a version is one that an operator has applied:
//! numbered, sealed by the hub, never changed. To roll back is to apply an older one's content anew.

mod content;
mod ledger;
mod plan;
mod view;

pub(crate) use content::Content;
pub use content::Proposal;
pub(crate) use ledger::Ledger;
pub use ledger::{Unverified, Version};
pub(crate) use plan::{Checked, check};
pub use plan::{ApplyError, Plan};
pub use view::{Applied, VersionView};
