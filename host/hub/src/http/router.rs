//! The paths: `/mcp` for who has a token, `/.well-known/…` for who wants to know where to get one, `/healthz` for who
//! only wants to know whether we live.

use super::MAX_CONNECTIONS;
use super::connection::Peer;
use super::conversations::Conversations;
use super::direct::{self, Direct};
use super::{admit, authentication, body, standing};
use crate::api::Caller;
use crate::bounds;
use crate::identity::{Throttle, WELL_KNOWN, WELL_KNOWN_MCP};
use crate::mcp::{Face, Governor, MAX_MESSAGE_BYTES};
use crate::shares::Shares;
use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use http::{Method, StatusCode};
use http_body_util::Full;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Half of all connections: one token, or all tokens of one principal, cannot shut everybody else out.
const MAX_PER_PRINCIPAL: usize = MAX_CONNECTIONS / 2;

struct Shared<G> {
    governor: G,
    port: u16,
    conversations: Arc<Conversations>,
    /// A permit for each request that must not be broken off.
    running: Arc<Semaphore>,
    /// Requests and streams of one principal.
    shares: Shares,
    /// Addresses that came with tokens that are none.
    throttle: Throttle,
    config: StreamableHttpServerConfig,
    stop: CancellationToken,
}

/// `stop` ends subscriptions, `cut` everything that still streams.
pub(super) fn router<G: Governor>(
    governor: G,
    port: u16,
    running: &Arc<Semaphore>,
    stop: &CancellationToken,
    cut: &CancellationToken,
) -> Router {
    let shared = Arc::new(Shared {
        governor,
        port,
        conversations: Arc::default(),
        running: running.clone(),
        shares: Shares::new(MAX_PER_PRINCIPAL),
        throttle: Throttle::default(),
        config: config(port, cut.clone()),
        stop: stop.clone(),
    });
    Router::new()
        .route("/mcp", any(mcp::<G>))
        .route(WELL_KNOWN, get(metadata::<G>))
        .route(WELL_KNOWN_MCP, get(metadata::<G>))
        .route("/healthz", get(healthz::<G>))
        .layer(middleware::from_fn_with_state(shared.clone(), guard::<G>))
        .with_state(shared)
}

/// One JSON object where the answer is one message, a stream where a notification comes first. The library
/// looks at `Host` and `Origin` once more.
fn config(port: u16, cut: CancellationToken) -> StreamableHttpServerConfig {
    let hosts = ["127.0.0.1", "localhost", "[::1]"].map(|host| format!("{host}:{port}"));
    let origins = hosts.clone().map(|host| format!("http://{host}"));
    StreamableHttpServerConfig::default()
        .with_json_response(true)
        .with_allowed_hosts(hosts)
        .with_allowed_origins(origins)
        .enforce_origin_validation()
        .with_max_request_body_bytes(MAX_MESSAGE_BYTES)
        .with_cancellation_token(cut)
}

async fn guard<G: Governor>(State(shared): State<Arc<Shared<G>>>, request: Request, next: Next) -> Response {
    match admit::admit(request.uri(), request.headers(), shared.port) {
        Ok(()) => next.run(request).await,
        Err(refusal) => (refusal.status, refusal.text).into_response(),
    }
}

async fn healthz<G: Governor>(State(shared): State<Arc<Shared<G>>>) -> Response {
    if shared.governor.is_well() {
        (StatusCode::OK, "ok").into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping").into_response()
    }
}

async fn metadata<G: Governor>(State(shared): State<Arc<Shared<G>>>, headers: HeaderMap) -> Response {
    authentication::metadata(&shared.governor.protected(), &headers)
}

/// Where a request comes from. Whoever is not told apart shares one address.
fn remote(request: &Request) -> IpAddr {
    let remote = request.extensions().get::<Peer>().and_then(|peer| peer.remote);
    remote.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

async fn mcp<G: Governor>(State(shared): State<Arc<Shared<G>>>, request: Request) -> Response {
    let from = remote(&request);
    let caller = authentication::authenticate(&shared.governor, &shared.throttle, request.headers(), from).await;
    let caller = match caller {
        Ok(caller) => caller,
        Err(answer) => return answer,
    };
    let (parts, body) = request.into_parts();
    let body = match body::read(body, MAX_MESSAGE_BYTES).await {
        Ok(body) => body,
        Err(status) => return status.into_response(),
    };
    // The library makes a tree of it, which takes many times the memory of its text.
    if bounds::too_many_values(&body) {
        let text = format!("the request has more than {} JSON values", bounds::VALUES);
        return (StatusCode::PAYLOAD_TOO_LARGE, text).into_response();
    }
    shared.answer(caller, http::Request::from_parts(parts, body)).await
}

impl<G: Governor> Shared<G> {
    /// A service of its own for each request: so who calls is a value, and no handler has to look it up.
    async fn answer(&self, caller: Caller, mut request: http::Request<bytes::Bytes>) -> Response {
        let conversations = self.conversations.of(caller.session.clone());
        let named = request.headers().get("mcp-session-id").and_then(|id| id.to_str().ok());
        if request.method() == Method::DELETE && named.is_some_and(|id| !conversations.owns(id)) {
            return (StatusCode::NOT_FOUND, "no such session").into_response();
        }
        // The library hands the headers on to handlers, and they have no use for the token.
        request.headers_mut().remove(http::header::AUTHORIZATION);
        let (governor, stop, asker) = (self.governor.clone(), self.stop.clone(), caller.clone());
        let Some(place) = self.shares.take(&asker.principal) else {
            let text =
                format!("`{}` has {MAX_PER_PRINCIPAL} requests and streams open, which is the most", asker.principal);
            return (StatusCode::TOO_MANY_REQUESTS, text).into_response();
        };
        // A client's standing stream (GET) may be broken off at any time.
        let permit = match request.method() {
            &Method::POST => match self.running.clone().try_acquire_owned() {
                Ok(permit) => Some(permit),
                Err(_) => return (StatusCode::SERVICE_UNAVAILABLE, "too many requests at once").into_response(),
            },
            _ => None,
        };
        if request.method() == Method::POST {
            let direct = Direct::read(request.headers(), request.body());
            let tool = match &direct {
                Some(direct) => Some(Cow::Borrowed(direct.tool)),
                None => authentication::called(request.body()).map(Cow::Owned),
            };
            // The call is denied wherever it goes; here a client can still be told which token it needs.
            if let Some(tool) = tool
                && let Some(scope) = self.governor.lacks_scope(&asker, &tool).await
            {
                return authentication::insufficient(&self.governor.protected(), request.headers(), scope);
            }
            if let Some(direct) = direct
                && self.governor.takes_headers(&asker, direct.tool) == Some(false)
                // A task is the library's to answer with.
                && !(direct.tasks && self.governor.tool(&asker, direct.tool).is_some_and(|tool| tool.needs_approval))
            {
                let cancel = self.config.cancellation_token.child_token();
                return direct::answer(&self.governor, &asker, direct, cancel).await;
            }
        }
        let face = move || Ok(Face::new(governor.clone(), caller.clone(), stop.clone()));
        let service = StreamableHttpService::new(face, Arc::new(conversations), self.config.clone());
        let response = service.handle(request.map(Full::new)).await;
        // A whole answer is as good as sent, and keeps its length; a stream runs until its body has ended.
        if response.body().size_hint().exact().is_some() {
            return response.map(Body::new);
        }
        let governor = self.governor.clone();
        response.map(|body| standing::while_in_force(governor, asker, body, (permit, place)))
    }
}
