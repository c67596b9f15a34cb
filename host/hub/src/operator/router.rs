//! The operator's requests. Answers are JSON; an error is `{"error": "…"}`.

use super::actor::{self, Actor};
use super::refused::Refused;
use super::routes::{About, Route, Who, router_of};
use super::view::{PostureView, ToolView};
use super::{approvals, approvers, button, credentials, manifests};
use crate::Hub;
use crate::api::{CallEnd, CallOutcome, RegisterError, ResumeError, SessionId};
use crate::http::read_body;
use crate::hub::Visit;
use crate::registry::chain;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json, Router, middleware};
use http::StatusCode;
use manifest::{ComponentName, ProfileName, Tier};
use serde::Deserialize;

/// The largest component that is read; bounds what the hub holds for one request.
const MAX_COMPONENT_BYTES: usize = 64 << 20;

/// The principal of what the operator asks for here.
const PRINCIPAL: &str = "operator";

/// All there are.
pub(crate) fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/health", Who::Service(About::Nothing), health),
        Route::get("/metrics", Who::Operator, super::metrics::metrics),
        Route::get("/sessions", Who::Service(About::Sessions), sessions),
        Route::delete("/sessions/{id}", Who::Service(About::Session), end_session),
        // Somebody has to have looked at what the session does.
        Route::post("/sessions/{id}/resume", Who::Operator, resume_session),
        Route::delete("/tokens/{id}", Who::Service(About::Token), revoke_token),
        Route::get("/tools", Who::Operator, tools),
        Route::get("/components", Who::Operator, components),
        Route::put("/components/{name}", Who::Operator, add_component),
        Route::get("/posture", Who::Operator, posture),
        Route::get("/containers", Who::Operator, containers),
    ];
    routes.extend(manifests::routes());
    routes.extend(button::routes());
    routes.extend(approvals::routes());
    routes.extend(approvers::routes());
    routes.extend(credentials::routes());
    routes
}

/// For the operator's own doors.
pub(crate) fn router(hub: Hub) -> Router {
    router_of(routes().into_iter().map(|route| route.recorded(&hub)))
        .layer(middleware::from_fn(actor::is_operator))
        .with_state(hub)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ForProfile {
    profile: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ForTool {
    profile: String,
    tool: String,
}

async fn health(State(hub): State<Hub>) -> Response {
    Json(hub.health()).into_response()
}

async fn sessions(State(hub): State<Hub>, Extension(actor): Extension<Actor>) -> Response {
    let mut sessions = hub.sessions();
    sessions.retain(|session| actor.may_touch(&hub, &session.profile));
    Json(sessions).into_response()
}

async fn end_session(State(hub): State<Hub>, Path(id): Path<String>) -> Result<StatusCode, Refused> {
    let id = SessionId(id);
    if !hub.sessions().iter().any(|session| session.id == id) {
        return Err(Refused(StatusCode::NOT_FOUND, "there is no such session".to_owned()));
    }
    hub.end_session(&id).await;
    Ok(StatusCode::NO_CONTENT)
}

async fn resume_session(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Result<Json<Vec<Tier>>, Refused> {
    let status = |error: &ResumeError| match error {
        ResumeError::NotPaused(_) => StatusCode::NOT_FOUND,
        ResumeError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let resumed = hub.resume_session(&SessionId(id), &actor.who).await;
    resumed.map(Json).map_err(|error| Refused(status(&error), chain(&error)))
}

/// What a token lets in ends with it: its session within a second.
async fn revoke_token(State(hub): State<Hub>, Path(id): Path<String>) -> Result<StatusCode, Refused> {
    let tokens = hub.tokens();
    let revoked = tokio::task::spawn_blocking(move || tokens.revoke(&SessionId(id))).await;
    let lost = |error: tokio::task::JoinError| Refused(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    match revoked.map_err(lost)? {
        Ok(true) => Ok(StatusCode::NO_CONTENT),
        Ok(false) => Err(Refused(StatusCode::NOT_FOUND, "there is no such token".to_owned())),
        Err(error) => Err(Refused(StatusCode::INTERNAL_SERVER_ERROR, chain(&error))),
    }
}

async fn tools(State(hub): State<Hub>, Query(query): Query<ForProfile>) -> Result<Json<Vec<ToolView>>, Refused> {
    let visit = visit(&hub, &query.profile)?;
    let (listed, manifest) = (hub.tools(visit.caller()).into_iter(), hub.manifest());
    Ok(Json(listed.map(|tool| ToolView::of(tool, &manifest)).collect()))
}

async fn components(State(hub): State<Hub>) -> Response {
    Json(hub.components()).into_response()
}

async fn add_component(State(hub): State<Hub>, Path(name): Path<String>, body: Body) -> Result<Response, Refused> {
    let bad_name = |error: manifest::BadName| Refused(StatusCode::BAD_REQUEST, error.to_string());
    let name = ComponentName::try_from(name).map_err(bad_name)?;
    let unread = |status: StatusCode| Refused(status, format!("the component could not be read: {status}"));
    let wasm = read_body(body, MAX_COMPONENT_BYTES).await.map_err(unread)?;
    match hub.add_component(&name, wasm.into()).await {
        Ok(registration) => Ok(Json(registration).into_response()),
        Err(error) => Err(Refused(status(&error), chain(&error))),
    }
}

async fn posture(State(hub): State<Hub>, Query(query): Query<ForTool>) -> Result<Json<PostureView>, Refused> {
    let visit = visit(&hub, &query.profile)?;
    match hub.posture(visit.caller(), &query.tool).await {
        Ok((inside, rendered)) => Ok(Json(PostureView { inside, rendered })),
        Err(end) => Err(Refused(StatusCode::CONFLICT, said(end))),
    }
}

async fn containers(State(hub): State<Hub>) -> Result<Response, Refused> {
    match hub.containers().await {
        Ok(containers) => Ok(Json(containers).into_response()),
        Err(error) => Err(Refused(StatusCode::BAD_GATEWAY, chain(&error))),
    }
}

fn visit(hub: &Hub, profile: &str) -> Result<Visit, Refused> {
    let profile =
        ProfileName::try_from(profile).map_err(|error| Refused(StatusCode::BAD_REQUEST, error.to_string()))?;
    hub.visit(PRINCIPAL, &profile).map_err(|error| Refused(StatusCode::NOT_FOUND, error.to_string()))
}

fn status(error: &RegisterError) -> StatusCode {
    match error {
        RegisterError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        RegisterError::Draining | RegisterError::Stopped => StatusCode::SERVICE_UNAVAILABLE,
        RegisterError::Io { .. } | RegisterError::Lost { .. } | RegisterError::Version { .. } => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

fn said(end: CallEnd) -> String {
    match end.outcome {
        CallOutcome::UnknownTool => "this profile has no such tool".to_owned(),
        CallOutcome::Denied { reason, .. } => format!("denied: {reason}"),
        CallOutcome::Limit { text, .. } => format!("limit: {text}"),
        CallOutcome::Broken { id } => format!("broken; the log has the cause under {id}"),
        CallOutcome::Cancelled => "cancelled".to_owned(),
        CallOutcome::Answer(_) => "there is no runner to ask".to_owned(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn the_operator_reads_the_whole_chain_of_causes() {
        let source = std::io::Error::other("disk full");
        let error = RegisterError::Io { path: "/x".into(), source };
        assert_eq!(chain(&error), "/x cannot be written: disk full");
        assert_eq!(status(&error), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(status(&RegisterError::Refused("no".to_owned())), StatusCode::UNPROCESSABLE_ENTITY);
    }

    #[test]
    fn an_error_is_a_json_object() {
        let refused = Refused(StatusCode::NOT_FOUND, "a \"quoted\" thing".to_owned());
        let response = refused.into_response();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.headers().get("content-type").unwrap(), "application/json");
    }
}
