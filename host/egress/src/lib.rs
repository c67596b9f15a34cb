//! Egress: a request that a tool asks the hub to make for it. Here it is authorised anew, resolved, its addresses
//! checked, connected, given its credential, bounded, and searched for secrets on its way back.
//!
//! Whoever asks is not trusted and whoever answers is not trusted. What is allowed is what [`Governor`] says at that
//! moment, never what a request says of itself.

mod address;
mod broker;
pub mod config;
pub mod credentials;
mod declared;
mod exchange;
mod governor;
mod headers;
pub mod leaks;
mod limits;
mod resolve;
mod stop;
#[cfg(test)]
mod testing;
mod wire;

pub use address::Forbidden;
pub use broker::{BadSettings, Broker, Settings};
pub use declared::{BadDeclaration, Declared};
pub use exchange::{Answer, Asked, Breach, Far, Gone, Piece, RequestBody, exchange};
pub use governor::{Approval, Behalf, Described, Egress, Ended, Governor, Refused, Standing};
pub use resolve::{NoResolver, Servers};

/// An error and its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    std::iter::once(error).chain(causes).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
