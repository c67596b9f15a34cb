//! From a signed request to a route: the signature first, on every path, then what the body says, then the tiers.

use super::Service;
use super::body::{self, BodyError};
use super::nonces::NonceError;
use crate::Hub;
use crate::api::SessionId;
use crate::operator::{About, Actor, Refused, Route, Who, router_of, routes};
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use http::StatusCode;
use jiff::Timestamp;
use manifest::ProfileName;
use std::sync::Arc;

/// The routes that are a service's.
pub(super) fn router(hub: Hub, service: Arc<Service>) -> Router {
    let own = routes().into_iter().filter_map(|route| {
        let Who::Service(about) = route.who else { return None };
        // The tiers are looked at first: what is not this service's to ask for is no act.
        let route = route.recorded(&hub);
        let handler = match about {
            About::Nothing | About::Sessions => route.handler,
            About::Session => route.handler.layer(middleware::from_fn_with_state(hub.clone(), session_within)),
            About::Token => route.handler.layer(middleware::from_fn_with_state(hub.clone(), token_within)),
        };
        Some(Route { handler, ..route })
    });
    router_of(own).layer(middleware::from_fn_with_state(service, signed)).with_state(hub)
}

/// Lets through what is signed, once, and names a person.
async fn signed(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    match service.let_in(request).await {
        Ok(request) => next.run(request).await,
        Err(refused) => {
            service.refusals.add(&refused.1);
            refused.into_response()
        }
    }
}

impl Service {
    async fn let_in(&self, request: Request) -> Result<Request, Refused> {
        let (mut parts, body) = request.into_parts();
        let now = Timestamp::now().as_second();
        // All of this before a byte of the body: a stranger cannot make the hub keep one.
        let signed = self.check(&parts, now).map_err(|e| Refused(StatusCode::UNAUTHORIZED, e.to_string()))?;
        self.nonces.take(&signed, now).await.map_err(|error| {
            tracing::debug!(error = &error as &dyn std::error::Error, "a signature is not taken");
            Refused(status(&error), error.to_string())
        })?;
        let person = body::read(body, &signed.digest).await.map_err(|error| {
            let status = match error {
                BodyError::Unread(status) => status,
                BodyError::Digest => StatusCode::UNAUTHORIZED,
                BodyError::Person => StatusCode::UNPROCESSABLE_ENTITY,
            };
            Refused(status, error.to_string())
        })?;
        let who = format!("service {} for {person}", self.id);
        parts.extensions.insert(Actor { who, tiers: self.tiers.clone() });
        Ok(Request::from_parts(parts, Body::empty()))
    }
}

fn status(error: &NonceError) -> StatusCode {
    match error {
        NonceError::Replay | NonceError::BeforeStart => StatusCode::UNAUTHORIZED,
        NonceError::Full => StatusCode::TOO_MANY_REQUESTS,
        NonceError::Unrecorded(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn session_within(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let session = hub.sessions().into_iter().find(|session| session.id.0 == id);
    within(&hub, &actor, session.map(|session| session.profile), request, next).await
}

async fn token_within(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let tokens = hub.tokens();
    let listed = tokio::task::spawn_blocking(move || tokens.list_in_force()).await;
    let failed = |_| Refused(StatusCode::INTERNAL_SERVER_ERROR, "the tokens cannot be read".to_owned());
    let listed = listed.map_err(failed)?.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "the tokens cannot be read");
        Refused(StatusCode::INTERNAL_SERVER_ERROR, "the tokens cannot be read".to_owned())
    })?;
    let token = listed.into_iter().find(|token| token.session == SessionId(id.clone()));
    within(&hub, &actor, token.map(|token| token.profile), request, next).await
}

/// Runs the handler if the profile is within the service's tiers. What is not there the handler says.
async fn within(
    hub: &Hub,
    actor: &Actor,
    profile: Option<ProfileName>,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    if let Some(profile) = profile
        && !actor.may_touch(hub, &profile)
    {
        let text = format!("profile `{profile}` reaches a tier that this service may not touch; ask the operator");
        return Err(Refused(StatusCode::FORBIDDEN, text));
    }
    Ok(next.run(request).await)
}
