//! What an operator asks about approvals and leases. Whoever reaches this door may look, and may take back; to answer
//! takes a signature.

use super::refused::Refused;
use super::routes::{Route, Who};
use crate::Hub;
use crate::escalation::{Answer, ApprovalId, ApprovalSummary, ApprovalView, LeaseView, NotAnswered, Signed};
use crate::registry::chain;
use crate::store::StoreError;
use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::Deserialize;

/// A signature, and a reason.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// An answer to an approval.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    decision: Answer,
    signature: String,
    why: Option<String>,
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/approvals", Who::Operator, approvals),
        Route::get("/approvals/{id}", Who::Operator, approval),
        Route::post("/approvals/{id}", Who::Operator, answer).body(MAX_ANSWER_BYTES),
        Route::get("/leases", Who::Operator, leases),
        Route::delete("/leases/{id}", Who::Operator, take_back),
    ]
}

async fn approvals(State(hub): State<Hub>) -> Result<Json<Vec<ApprovalSummary>>, Refused> {
    Ok(Json(hub.approvals().await?))
}

async fn approval(State(hub): State<Hub>, Path(id): Path<String>) -> Result<Json<ApprovalView>, Refused> {
    match hub.approval(&named(id)?).await? {
        Some(view) => Ok(Json(view)),
        None => Err(Refused(StatusCode::NOT_FOUND, "there is no such approval".to_owned())),
    }
}

async fn answer(
    State(hub): State<Hub>,
    Path(id): Path<String>,
    Json(given): Json<Given>,
) -> Result<StatusCode, Refused> {
    let Given { decision, signature, why } = given;
    hub.answer(&named(id)?, Signed { decision, signature, why }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn leases(State(hub): State<Hub>) -> Json<Vec<LeaseView>> {
    Json(hub.leases())
}

async fn take_back(State(hub): State<Hub>, Path(id): Path<String>) -> Result<StatusCode, Refused> {
    if hub.take_back(&named(id)?).await {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refused(StatusCode::NOT_FOUND, "there is no such lease, and nothing of that name waits".to_owned()))
    }
}

fn named(id: String) -> Result<ApprovalId, Refused> {
    ApprovalId::try_from(id).map_err(|error| Refused(StatusCode::BAD_REQUEST, error.to_string()))
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, chain(&error))
    }
}

impl From<NotAnswered> for Refused {
    fn from(error: NotAnswered) -> Self {
        let status = match &error {
            NotAnswered::Unknown => StatusCode::NOT_FOUND,
            NotAnswered::Refused(_) => StatusCode::CONFLICT,
            NotAnswered::Signature(_) => StatusCode::FORBIDDEN,
            NotAnswered::Statement(_) | NotAnswered::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self(status, chain(&error))
    }
}
