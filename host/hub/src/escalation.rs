//! Escalation: what only a person can allow.
//!
//! A call of an escalated tool runs under a lease or not at all. `approval` and `lease` decide, and do nothing else;
//! `book` keeps them in memory; `desk` makes what they decide durable, and asks who has signed. What runs is what was
//! signed: caller, tool, component, arguments to the byte, manifest and epoch.

mod approval;
mod arguments;
mod asked;
mod asks;
mod binding;
mod book;
mod clock;
mod desk;
mod differs;
mod grants;
mod lease;
mod request;
mod shown;
mod statement;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use approval::{Answer, State};
pub(crate) use arguments::{Arguments, LIMIT as ARGUMENTS_LIMIT, MOST_BYTES as MOST_ARGUMENTS_BYTES, Unfit};
pub(crate) use asked::{Asked, Given};
pub(crate) use asks::Found;
pub(crate) use binding::{ApprovalId, Binding};
pub(crate) use book::Standing;
pub(crate) use clock::Clock;
pub(crate) use desk::{Desk, NotAnswered, NotOpened, Pass, Signed};
pub(crate) use grants::words;
pub use request::RequestBinding;
pub use statement::Statement;
pub use view::{ApprovalSummary, ApprovalView, LeaseView, Statements};
