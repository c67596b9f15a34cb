//! What an operator asks about credentials. A value comes in, and none goes out.

use super::actor::Actor;
use super::refused::Refused;
use super::routes::{Route, Who};
use crate::Hub;
use crate::http::read_body;
use crate::hub::CredentialError;
use crate::registry::chain;
use ::egress::credentials::{BadValue, CredentialView, MAX_VALUE_BYTES, NotReplaced, Value};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use http::StatusCode;
use manifest::CredentialName;

/// A value and the line feed behind it.
const MAX_BODY_BYTES: usize = MAX_VALUE_BYTES + 2;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/credentials", Who::Operator, credentials),
        Route::post("/credentials/{name}", Who::Operator, set).body(MAX_BODY_BYTES),
        Route::post("/credentials/{name}/reload", Who::Operator, reload),
    ]
}

async fn credentials(State(hub): State<Hub>) -> Json<Vec<CredentialView>> {
    Json(hub.credentials())
}

/// The value is the body as it is: no parser has it in its hands, which could show it in an error.
async fn set(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    Path(name): Path<String>,
    body: Body,
) -> Result<StatusCode, Refused> {
    let name = named(name)?;
    let unread = |status: StatusCode| Refused(status, format!("the value could not be read: {status}"));
    let body = read_body(body, MAX_BODY_BYTES).await.map_err(unread)?;
    let bad = |error: BadValue| Refused(StatusCode::UNPROCESSABLE_ENTITY, error.to_string());
    hub.set_credential(&name, Value::copied(&body).map_err(bad)?, &actor.who).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn reload(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    Path(name): Path<String>,
) -> Result<StatusCode, Refused> {
    hub.reload_credential(&named(name)?, &actor.who).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn named(name: String) -> Result<CredentialName, Refused> {
    CredentialName::try_from(name).map_err(|error| Refused(StatusCode::BAD_REQUEST, error.to_string()))
}

impl From<CredentialError> for Refused {
    fn from(error: CredentialError) -> Self {
        let status = match &error {
            CredentialError::NotReplaced(NotReplaced::Unknown(_)) => StatusCode::NOT_FOUND,
            CredentialError::NotReplaced(NotReplaced::NotByTheHub(_)) => StatusCode::CONFLICT,
            CredentialError::NotReplaced(NotReplaced::Source { .. } | NotReplaced::Value { .. }) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            CredentialError::Unrecorded(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self(status, chain(&error))
    }
}
