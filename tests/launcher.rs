//! The launcher as a process of its own, and a hub that has given up its rights: what somebody who has taken it over
//! can still do.

mod apart;
mod hub;
mod taken;
