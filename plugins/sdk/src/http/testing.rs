//! On the host, where tests of a plugin run, a closure answers its requests.

use super::{Error, Request, Response};
use std::cell::RefCell;

type Server = Box<dyn FnMut(&Request) -> Result<Response, Error>>;

thread_local! {
    static SERVER: RefCell<Option<Server>> = const { RefCell::new(None) };
}

/// As long as this lives, the closure answers what this thread asks for.
#[must_use = "it serves as long as it lives"]
#[derive(Debug)]
pub struct Served(());

impl Drop for Served {
    fn drop(&mut self) {
        SERVER.set(None);
    }
}

/// Answers this thread's requests; what is already answered by another closure is from now on answered by this one.
pub fn serve(answer: impl FnMut(&Request) -> Result<Response, Error> + 'static) -> Served {
    SERVER.set(Some(Box::new(answer)));
    Served(())
}

pub(super) fn send(request: Request) -> Result<Response, Error> {
    request.parts()?;
    SERVER.with_borrow_mut(|server| match server {
        Some(server) => server(&request),
        None => Err(Error::failed("configuration-error")),
    })
}
