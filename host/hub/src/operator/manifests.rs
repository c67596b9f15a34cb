//! What an operator asks about versions of the manifest.

use super::refused::Refused;
use super::routes::{Route, Who};
use crate::Hub;
use crate::approvers::SignedManifest;
use crate::manifests::{Agreed, Applied, ApplyError, Plan, Proposal, VersionView};
use crate::registry::chain;
use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use manifest::diff::Change;
use serde::{Deserialize, Serialize};

/// Files of 4 MiB, in JSON.
const MAX_PROPOSAL_BYTES: usize = 16 << 20;

/// A proposal, and what its operator has agreed to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Apply {
    pub(super) proposal: Proposal,
    pub(super) base: u64,
    pub(super) widen: bool,
    #[serde(default)]
    pub(super) signed: Option<SignedManifest>,
}

/// The way back to a version.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RollBack {
    pub(super) by: String,
    pub(super) base: u64,
    pub(super) widen: bool,
    #[serde(default)]
    pub(super) signed: Option<SignedManifest>,
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/manifest/plan", Who::Operator, plan).reads().body(MAX_PROPOSAL_BYTES),
        Route::post("/manifest/apply", Who::Operator, apply).body(MAX_PROPOSAL_BYTES),
        Route::get("/manifest/versions", Who::Operator, versions),
        Route::get("/manifest/versions/{version}", Who::Operator, version),
        Route::get("/manifest/versions/{version}/plan", Who::Operator, plan_rollback),
        Route::post("/manifest/versions/{version}/rollback", Who::Operator, roll_back),
        Route::get("/manifest/versions/{old}/changes/{new}", Who::Operator, compare),
    ]
}

async fn plan(State(hub): State<Hub>, Json(proposal): Json<Proposal>) -> Result<Json<Plan>, Refused> {
    Ok(Json(hub.plan(proposal)?))
}

async fn apply(State(hub): State<Hub>, Json(asked): Json<Apply>) -> Result<Json<Applied>, Refused> {
    let Apply { proposal, base, widen, signed } = asked;
    Ok(Json(hub.apply(proposal, Agreed { base, widen, signed }).await?))
}

async fn versions(State(hub): State<Hub>) -> Result<Json<Vec<VersionView>>, Refused> {
    Ok(Json(hub.versions().await?))
}

async fn version(State(hub): State<Hub>, Path(version): Path<u64>) -> Result<Json<VersionView>, Refused> {
    Ok(Json(hub.version(version).await?))
}

async fn plan_rollback(State(hub): State<Hub>, Path(version): Path<u64>) -> Result<Json<Plan>, Refused> {
    Ok(Json(hub.plan_rollback(version).await?))
}

async fn roll_back(
    State(hub): State<Hub>,
    Path(version): Path<u64>,
    Json(asked): Json<RollBack>,
) -> Result<Json<Applied>, Refused> {
    let RollBack { by, base, widen, signed } = asked;
    Ok(Json(hub.roll_back(version, &by, Agreed { base, widen, signed }).await?))
}

async fn compare(State(hub): State<Hub>, Path((old, new)): Path<(u64, u64)>) -> Result<Json<Vec<Change>>, Refused> {
    Ok(Json(hub.compare(old, new).await?))
}

impl From<ApplyError> for Refused {
    fn from(error: ApplyError) -> Self {
        let status = match &error {
            ApplyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            ApplyError::Manifest(_) | ApplyError::Place(_) | ApplyError::Launcher(_) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            ApplyError::Outpaced { .. } | ApplyError::Widens(_) | ApplyError::Nothing(_) | ApplyError::Fixed => {
                StatusCode::CONFLICT
            }
            ApplyError::Disagreed(_) => StatusCode::FORBIDDEN,
            ApplyError::Unverified(_) | ApplyError::Approvers(_) => StatusCode::INTERNAL_SERVER_ERROR,
            ApplyError::Draining => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self(status, chain(&error))
    }
}
