//! The table of the operator's routes, and who may use each. The doors are built from it, and so are the tests
//! that try each route at every door where it must not be.

use crate::Hub;
use axum::Router;
use axum::handler::Handler;
use axum::routing::{self, MethodRouter};
use http::Method;

/// Who may use a route. Whoever adds one has to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// The operator alone.
    Operator,
    /// A service that acts for people as well, within the tiers that it may touch.
    Service(About),
}

/// What a route is about, and so which tiers a request touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    /// Nothing that has a tier.
    Nothing,
    /// All sessions: its handler shows those that the asker may touch.
    Sessions,
    /// The session that `{id}` names; the door asks for its tiers before the handler runs.
    Session,
    /// The token that `{id}` names; the same.
    Token,
}

/// One line of the table.
pub(crate) struct Route {
    #[cfg_attr(not(test), expect(dead_code, reason = "for the tests that try each route at every door"))]
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) who: Who,
    pub(crate) handler: MethodRouter<Hub>,
}

impl Route {
    pub(crate) fn get<H: Handler<T, Hub>, T: 'static>(path: &'static str, who: Who, handler: H) -> Self {
        Self { method: Method::GET, path, who, handler: routing::get(handler) }
    }

    pub(crate) fn put<H: Handler<T, Hub>, T: 'static>(path: &'static str, who: Who, handler: H) -> Self {
        Self { method: Method::PUT, path, who, handler: routing::put(handler) }
    }

    pub(crate) fn delete<H: Handler<T, Hub>, T: 'static>(path: &'static str, who: Who, handler: H) -> Self {
        Self { method: Method::DELETE, path, who, handler: routing::delete(handler) }
    }
}

/// A router of these routes, and of nothing else.
pub(crate) fn router_of(routes: impl IntoIterator<Item = Route>) -> Router<Hub> {
    routes.into_iter().fold(Router::new(), |router, route| router.route(route.path, route.handler))
}
