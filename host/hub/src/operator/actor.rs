//! Who asks at one of the operator's doors; and its acts, which are written down before they are done.

use super::refused::Refused;
use crate::Hub;
use crate::audit::Entry;
use crate::clean;
use crate::http::Peer;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use manifest::{ProfileName, Tier};
use std::collections::BTreeSet;

/// The longest path that is written down, in bytes.
const PATH_BYTES: usize = 512;

/// Whoever asks: an extension of each request that a door has let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Actor {
    /// As the door knows it: for the audit log.
    pub(crate) who: String,
    /// What it may touch.
    pub(crate) tiers: BTreeSet<Tier>,
}

impl Actor {
    /// Whether every tier of a profile is one that it may touch. A profile that the manifest does not have any
    /// more may reach anything.
    pub(crate) fn may_touch(&self, hub: &Hub, profile: &ProfileName) -> bool {
        self.tiers == all_tiers() || hub.tiers_of(profile).is_some_and(|tiers| tiers.is_subset(&self.tiers))
    }
}

fn all_tiers() -> BTreeSet<Tier> {
    [Tier::User, Tier::Write, Tier::Admin, Tier::Critical].into()
}

/// The operator's own doors let in nobody else.
pub(super) async fn is_operator(mut request: Request, next: Next) -> Response {
    let who = request.extensions().get::<Peer>().map_or_else(|| "unknown".to_owned(), Peer::to_string);
    request.extensions_mut().insert(Actor { who, tiers: all_tiers() });
    next.run(request).await
}

/// Writes down who asks for what, and lets nothing happen that could not be written down.
pub(super) async fn recorded(State(hub): State<Hub>, request: Request, next: Next) -> Response {
    let Some(who) = request.extensions().get::<Actor>().map(|actor| actor.who.clone()) else {
        let text = "nobody knows who asks";
        return Refused(StatusCode::FORBIDDEN, text.to_owned()).into_response();
    };
    let what = format!("{} {}", request.method(), clean::line(request.uri().path(), PATH_BYTES));
    if let Err(error) = hub.audit().write_durable(Entry::OperatorActed { who, what }).await {
        let text = format!("not done, since it cannot be recorded: {error}");
        return Refused(StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    }
    next.run(request).await
}
