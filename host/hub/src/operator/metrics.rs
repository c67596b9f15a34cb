//! `GET /metrics`, for a Prometheus server that the operator lets in.

use super::refused::Refused;
use crate::Hub;
use crate::metrics::MEDIA_TYPE;
use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use http::header::CONTENT_TYPE;

pub(super) async fn metrics(State(hub): State<Hub>) -> Result<impl IntoResponse, Refused> {
    let unwritten = |error: std::fmt::Error| Refused(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    Ok(([(CONTENT_TYPE, MEDIA_TYPE)], hub.metrics().map_err(unwritten)?))
}
