//! The red button, and what ends a stop. Neither touches the store; the first is done before it is written down.

use super::actor::Actor;
use super::refused::Refused;
use super::routes::{Route, Who};
use crate::Hub;
use crate::button::{Press, ResumeError, Resumed, Revoked};
use axum::body::Bytes;
use axum::extract::State;
use axum::{Extension, Json};
use http::StatusCode;

/// Two words and what is around them.
const MAX_PRESS_BYTES: usize = 1 << 10;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/revoke-all", Who::Operator, revoke_all).takes_back().body(MAX_PRESS_BYTES),
        Route::post("/resume", Who::Operator, resume),
    ]
}

/// Whoever presses it in a hurry, with nothing in the body, has pressed it.
async fn revoke_all(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    body: Bytes,
) -> Result<Json<Revoked>, Refused> {
    let press = if body.is_empty() { Ok(Press::default()) } else { serde_json::from_slice(&body) };
    let press = press.map_err(|error| Refused(StatusCode::BAD_REQUEST, format!("nothing was revoked: {error}")))?;
    Ok(Json(hub.revoke_all(press, &actor.who).await))
}

async fn resume(State(hub): State<Hub>, Extension(actor): Extension<Actor>) -> Result<Json<Resumed>, Refused> {
    let status = |error: &ResumeError| match error {
        ResumeError::NotStopped => StatusCode::CONFLICT,
        ResumeError::Kept(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    hub.resume(&actor.who).await.map(Json).map_err(|error| Refused(status(&error), error.to_string()))
}
