//! What an operator asks about approvers. Who may change them is not decided by who comes through this door, but by
//! who has signed.

use super::refused::Refused;
use super::routes::{Route, Who};
use crate::Hub;
use crate::approvers::{ApproverName, ApproverView, ApproversView, Enrol, EnrolError, Revoke};
use crate::registry::chain;
use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;

/// A name, a key, a signature and some principals.
const MAX_CHANGE_BYTES: usize = 64 << 10;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/approvers", Who::Operator, approvers),
        Route::post("/approvers", Who::Operator, add).body(MAX_CHANGE_BYTES),
        Route::delete("/approvers/{name}", Who::Operator, revoke).body(MAX_CHANGE_BYTES),
    ]
}

async fn approvers(State(hub): State<Hub>) -> Json<ApproversView> {
    Json(hub.approvers().await)
}

async fn add(State(hub): State<Hub>, Json(asked): Json<Enrol>) -> Result<Json<ApproverView>, Refused> {
    Ok(Json(hub.add_approver(asked).await?))
}

async fn revoke(
    State(hub): State<Hub>,
    Path(name): Path<String>,
    Json(asked): Json<Revoke>,
) -> Result<StatusCode, Refused> {
    let bad_name = |error: manifest::BadName| Refused(StatusCode::BAD_REQUEST, error.to_string());
    hub.revoke_approver(&ApproverName::try_from(name).map_err(bad_name)?, &asked).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<EnrolError> for Refused {
    fn from(error: EnrolError) -> Self {
        let status = match &error {
            EnrolError::Key(_) | EnrolError::Principals | EnrolError::First | EnrolError::Statement(_) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            EnrolError::Unsigned | EnrolError::SignedByNobody | EnrolError::NotApproved(_) => StatusCode::FORBIDDEN,
            EnrolError::Unknown(_) => StatusCode::NOT_FOUND,
            EnrolError::Taken(_)
            | EnrolError::KnownKey(_)
            | EnrolError::RevokedKey
            | EnrolError::Outdated
            | EnrolError::Full => StatusCode::CONFLICT,
            EnrolError::Store(_) | EnrolError::Random => StatusCode::INTERNAL_SERVER_ERROR,
            EnrolError::Draining => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self(status, chain(&error))
    }
}
