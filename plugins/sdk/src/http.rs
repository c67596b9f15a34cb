//! HTTP, one request at a time: `wasi:http/outgoing-handler` without an event loop.
//!
//! The container that a plugin runs in has no network. A request goes to the hub, which holds it against the
//! manifest, resolves the name, adds the credential and connects; so a plugin sets no `Authorization`, and a request
//! that is not granted ends in [`Error::Failed`] with the code `HTTP-request-denied`.
//!
//! ```
//! use safeclaw_sdk::http::{Request, Response, segment, testing};
//!
//! fn title(owner: &str) -> safeclaw_sdk::Result<String> {
//!     let url = format!("https://api.example.com/users/{}", segment(owner)?);
//!     let mut response = Request::get(&url).header("accept", "application/json").query("page", 2).send()?;
//!     Ok(String::from_utf8(response.all(1 << 20)?)?)
//! }
//!
//! // On the host, where tests run, a closure answers.
//! let _served = testing::serve(|request| {
//!     assert_eq!(request.url(), "https://api.example.com/users/ada%20l?page=2");
//!     Ok(Response::new(200).with_body("first"))
//! });
//! assert_eq!(title("ada l").unwrap(), "first");
//! assert!(title("..").is_err());
//! ```
//!
//! A plugin that sends nothing imports nothing of this: the linker drops it.

mod error;
mod request;
mod response;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
#[cfg(target_family = "wasm")]
mod wasi;

pub use error::Error;
pub use request::{Request, segment};
pub use response::Response;

#[cfg(not(target_family = "wasm"))]
use testing::send;
#[cfg(target_family = "wasm")]
use wasi::send;
