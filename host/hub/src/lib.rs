//! The governor: knows who calls, decides what each call may do, owns runners and the audit log.
//!
//! It runs, compiles and parses no byte of tool code: that happens in containers which it starts through
//! `container` and speaks to in the frames of `protocol`. [`Hub`] is the whole of its core; the modules
//! `mcp`, `http`, `operator` and `stdio` are faces that translate to and from it.
mod answer;
pub mod api;
pub mod approvers;
pub mod audit;
pub mod bounds;
pub mod button;
mod call;
mod catalogue;
pub mod clean;
pub mod confine;
pub mod data;
mod epoch;
mod escalation;
mod failpoint;
mod force;
pub mod http;
mod hub;
pub mod identity;
mod launch;
pub mod manifests;
pub mod mcp;
mod metrics;
pub mod operator;
pub mod policy;
mod pool;
mod registry;
mod runner;
pub mod service;
mod session;
mod shares;
pub mod stdio;
pub mod store;
#[cfg(test)]
mod testing;
mod tickets;
pub mod tls;
pub mod tokens;
pub mod traces;
mod usage;

pub use api::*;
pub use call::status::NAME as REQUEST_STATUS;
pub use escalation::{ApprovalSummary, ApprovalView, LeaseView, NAMESPACE, Statement, Statements};
pub use force::admission;
pub use hub::{CredentialError, Hub, classes};
pub use registry::{Recorded, registered};
