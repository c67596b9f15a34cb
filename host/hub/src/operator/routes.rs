//! The table of the operator's routes, and who may use each. The doors are built from it, and so are the tests
//! that try each route at every door where it must not be.

use super::actor;
use crate::Hub;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::routing::{self, MethodRouter};
use axum::{Router, middleware};
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

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It looks.
    Reads,
    /// It is written down before it is done.
    Changes,
    /// It takes back, and is done whatever can be written down: its handler sees to the record.
    TakesBack,
}

/// One line of the table.
pub(crate) struct Route {
    #[cfg_attr(not(test), expect(dead_code, reason = "for the tests that try each route at every door"))]
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) who: Who,
    pub(crate) effect: Effect,
    pub(crate) handler: MethodRouter<Hub>,
}

impl Route {
    pub(crate) fn get<H: Handler<T, Hub>, T: 'static>(path: &'static str, who: Who, handler: H) -> Self {
        Self { method: Method::GET, path, who, effect: Effect::Reads, handler: routing::get(handler) }
    }

    pub(crate) fn put<H: Handler<T, Hub>, T: 'static>(path: &'static str, who: Who, handler: H) -> Self {
        Self { method: Method::PUT, path, who, effect: Effect::Changes, handler: routing::put(handler) }
    }

    pub(crate) fn post<H: Handler<T, Hub>, T: 'static>(path: &'static str, who: Who, handler: H) -> Self {
        Self { method: Method::POST, path, who, effect: Effect::Changes, handler: routing::post(handler) }
    }

    pub(crate) fn delete<H: Handler<T, Hub>, T: 'static>(path: &'static str, who: Who, handler: H) -> Self {
        Self { method: Method::DELETE, path, who, effect: Effect::Changes, handler: routing::delete(handler) }
    }

    /// It changes nothing, though its method could.
    pub(crate) fn reads(self) -> Self {
        Self { effect: Effect::Reads, ..self }
    }

    /// It takes back: never refused for want of a record.
    pub(crate) fn takes_back(self) -> Self {
        Self { effect: Effect::TakesBack, ..self }
    }

    /// The largest body that its handler reads, in bytes.
    pub(crate) fn body(self, most_bytes: usize) -> Self {
        Self { handler: self.handler.layer(DefaultBodyLimit::max(most_bytes)), ..self }
    }

    /// Nothing is changed by it that is not written down.
    pub(crate) fn recorded(self, hub: &Hub) -> Self {
        match self.effect {
            Effect::Reads | Effect::TakesBack => self,
            Effect::Changes => {
                let layer = middleware::from_fn_with_state(hub.clone(), actor::recorded);
                Self { handler: self.handler.layer(layer), ..self }
            }
        }
    }
}

/// A router of these routes, and of nothing else.
pub(crate) fn router_of(routes: impl IntoIterator<Item = Route>) -> Router<Hub> {
    routes.into_iter().fold(Router::new(), |router, route| router.route(route.path, route.handler))
}
