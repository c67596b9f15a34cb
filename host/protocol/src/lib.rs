//! What hub and runner say to each other: closed enums in bounded frames, and the ticket.
//!
//! Pure: bytes in, messages out. Whoever owns the byte stream does the I/O.
mod few;
pub mod frame;
pub mod http;
pub mod message;
mod octets;
pub mod ticket;

pub use few::{MAX_CONTENT_BLOCKS, MAX_NAMES, MAX_TOOLS};
pub use frame::{Decoder, FrameError, encode};
pub use http::*;
pub use message::*;
pub use ticket::*;
