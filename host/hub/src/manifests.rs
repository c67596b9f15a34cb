//! Which manifest is in force. A manifest on the disk is a proposal; a version is one that an operator has applied:
//! numbered, sealed by the hub, never changed. To roll back is to apply an older one's content anew.

pub(crate) mod agreed;
mod cold;
mod content;
mod ledger;
mod plan;
#[cfg(test)]
mod tests;
mod view;

pub use agreed::Agreed;
pub use cold::Cold;
pub(crate) use content::Content;
pub use content::Proposal;
pub(crate) use ledger::{Entered, Ledger};
pub use ledger::{Unverified, Version};
pub use plan::{ApplyError, Plan};
pub(crate) use plan::{Checked, check};
pub use view::{Applied, VersionView};
