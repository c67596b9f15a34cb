//! What hub and runner say to each other: closed enums in bounded frames, and the ticket.
//!
//! Pure: bytes in, messages out. Whoever owns the byte stream does the I/O.
pub mod message;
pub mod ticket;

pub use message::*;
pub use ticket::*;
