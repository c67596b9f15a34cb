//! Egress: a request that a tool asks the hub to make for it. Here it is authorised anew, resolved, its addresses
//! checked, connected, given its credential, bounded, and searched for secrets on its way back.
//!
//! Whoever asks is not trusted and whoever answers is not trusted. What is allowed is what [`Governor`] says at that
//! moment, never what a request says of itself.

mod broker;
mod exchange;
mod governor;

pub use broker::Broker;
pub use exchange::{Answer, Asked, Breach, Far, Gone, Piece, RequestBody, exchange};
pub use governor::{Approval, Behalf, Described, Egress, Ended, Governor, Refused, Standing};
