//! Headers. What a guest may say to a server is a list; what a server may say to a guest is everything but what
//! belongs to the connection or keeps a state that no grant knows of.

mod answer;
mod request;

pub(crate) use answer::{filtered, has_coding, is_part, media_type, well_framed};
pub(crate) use request::{authorised_elsewhere, read, without_body};
