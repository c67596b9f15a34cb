//! PID 1 of the container: tests the walls around it, locks itself in, verifies a ticket, serves calls.
//!
//! A library so that tests can ask its parts, and so that the probe which tests the container from
//! inside applies the very same lockdown.
pub mod arguments;
pub mod describe;
pub mod grants;
pub mod inside;
pub mod lockdown;
pub mod outbox;
pub mod requests;
pub mod run;
pub mod schema;
pub mod self_test;
pub mod serve;
pub mod session;
pub mod translate;
pub mod work;
pub mod workshop;
