//! Egress: a request that a tool asks the hub to make for it. Here it is authorised anew, resolved, its addresses
//! checked, connected, given its credential, bounded, and searched for secrets on its way back.
//!
//! Whoever asks is not trusted and whoever answers is not trusted. What is allowed is what [`Governor`] says at that
//! moment, never what a request says of itself.

pub mod config;
pub mod credentials;
mod declared;
mod exchange;
mod governor;
pub mod leaks;

pub use declared::{BadDeclaration, Declared};
pub use exchange::{Answer, Asked, Breach, Far, Gone, Piece, RequestBody, exchange};
pub use governor::{Approval, Behalf, Described, Egress, Ended, Governor, Refused, Standing};

/// An error and its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    std::iter::once(error).chain(causes).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
