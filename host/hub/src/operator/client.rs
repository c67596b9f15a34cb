//! The operator's side: what `safeclaw` commands ask of a running hub.

mod approving;
mod credentials;

use super::manifests::{Apply, RollBack};
use super::view::{PostureView, ToolView};
use crate::api::{ContainerView, Health, Registration, SessionId, SessionView};
use crate::button::{Press, Resumed, Revoked};
use crate::manifests::{Agreed, Applied, Plan, Proposal, VersionView};
use crate::tls::ClientTls;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use manifest::diff::Change;
use manifest::{ComponentName, ProfileName, Tier, ToolName};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// The largest answer; a hub lists at most some thousand tools with schemas of 64 KiB.
const MAX_ANSWER_BYTES: usize = 256 << 20;

/// Why an answer did not come.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("no hub answers on {path}; start one with `safeclaw hub`")]
    NoHub {
        /// The socket.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Nobody listens there, or the network does not lead there.
    #[error("no hub answers on {address}")]
    Unreachable {
        /// `host:port`.
        address: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// One of the two does not believe the other's certificate, or it is no operator's door.
    #[error("no TLS with {address}: it must be a hub's --operator-listen, and both certificates must be believed")]
    NoTls {
        /// `host:port`.
        address: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The hub did not do it.
    #[error("{message}")]
    Refused {
        /// The kind of refusal.
        status: StatusCode,
        /// The hub's reason.
        message: String,
    },
    /// The connection broke off.
    #[error("the connection to the hub broke off")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another version of the hub, perhaps.
    #[error("the hub's answer is not understood")]
    Answer(#[source] serde_json::Error),
}

/// One of a hub's operator's doors.
#[derive(Debug, Clone)]
pub struct Client {
    door: Door,
}

#[derive(Debug, Clone)]
enum Door {
    Socket(PathBuf),
    Tls(ClientTls),
}

#[derive(Deserialize)]
struct Failure {
    error: String,
}

impl Client {
    /// The hub behind this socket; nothing is opened yet.
    #[must_use]
    pub fn new(socket: PathBuf) -> Self {
        Self { door: Door::Socket(socket) }
    }

    /// The hub behind this address; nothing is opened yet.
    #[must_use]
    pub fn remote(tls: ClientTls) -> Self {
        Self { door: Door::Tls(tls) }
    }

    /// How the hub is.
    ///
    /// # Errors
    /// See [`ClientError`]; as for all that follow.
    pub async fn health(&self) -> Result<Health, ClientError> {
        self.get("/health".to_owned()).await
    }

    /// The sessions that live.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn sessions(&self) -> Result<Vec<SessionView>, ClientError> {
        self.get("/sessions".to_owned()).await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn end_session(&self, id: &SessionId) -> Result<(), ClientError> {
        let id = percent(&id.0);
        self.ask(Method::DELETE, format!("/sessions/{id}"), Bytes::new()).await.map(drop)
    }

    /// Lets a session go on that was paused since it repeated itself; in which tiers.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn resume_session(&self, id: &SessionId) -> Result<Vec<Tier>, ClientError> {
        let id = percent(&id.0);
        parsed(&self.ask(Method::POST, format!("/sessions/{id}/resume"), Bytes::new()).await?)
    }

    /// Revokes a token; its session ends.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn revoke_token(&self, id: &SessionId) -> Result<(), ClientError> {
        let id = percent(&id.0);
        self.ask(Method::DELETE, format!("/tokens/{id}"), Bytes::new()).await.map(drop)
    }

    /// Presses the red button. The answer comes when it is in force, within seconds whatever hangs.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn revoke_all(&self, press: Press) -> Result<Revoked, ClientError> {
        self.post("/revoke-all".to_owned(), &press).await
    }

    /// Lets tools be called again after a stop.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn resume(&self) -> Result<Resumed, ClientError> {
        parsed(&self.ask(Method::POST, "/resume".to_owned(), Bytes::new()).await?)
    }

    /// The tools that a profile shows.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn tools(&self, profile: &ProfileName) -> Result<Vec<ToolView>, ClientError> {
        self.get(format!("/tools?profile={}", percent(profile.as_str()))).await
    }

    /// The registered components.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn components(&self) -> Result<Vec<Registration>, ClientError> {
        self.get("/components".to_owned()).await
    }

    /// Registers a component; takes as long as it takes to compile.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn add_component(&self, name: &ComponentName, wasm: Vec<u8>) -> Result<Registration, ClientError> {
        let path = format!("/components/{}", percent(name.as_str()));
        parsed(&self.ask(Method::PUT, path, wasm.into()).await?)
    }

    /// The container that serves a tool.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn posture(&self, profile: &ProfileName, tool: &ToolName) -> Result<PostureView, ClientError> {
        let (profile, tool) = (percent(profile.as_str()), percent(tool.as_str()));
        self.get(format!("/posture?profile={profile}&tool={tool}")).await
    }

    /// The containers that the hub made, with what the engine was asked for.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn containers(&self) -> Result<Vec<ContainerView>, ClientError> {
        self.get("/containers".to_owned()).await
    }

    /// What a proposal would change.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn plan(&self, proposal: &Proposal) -> Result<Plan, ClientError> {
        self.post("/manifest/plan".to_owned(), proposal).await
    }

    /// Puts a proposal in force.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn apply(&self, proposal: Proposal, agreed: Agreed) -> Result<Applied, ClientError> {
        let Agreed { base, widen, signed } = agreed;
        self.post("/manifest/apply".to_owned(), &Apply { proposal, base, widen, signed }).await
    }

    /// What going back to a version would change.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn plan_rollback(&self, to: u64) -> Result<Plan, ClientError> {
        self.get(format!("/manifest/versions/{to}/plan")).await
    }

    /// Puts the content of an older version in force.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn roll_back(&self, to: u64, by: &str, agreed: Agreed) -> Result<Applied, ClientError> {
        let Agreed { base, widen, signed } = agreed;
        let asked = RollBack { by: by.to_owned(), base, widen, signed };
        self.post(format!("/manifest/versions/{to}/rollback"), &asked).await
    }

    /// The last versions of the manifest, newest first.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn versions(&self) -> Result<Vec<VersionView>, ClientError> {
        self.get("/manifest/versions".to_owned()).await
    }

    /// One version, with its files.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn version(&self, number: u64) -> Result<VersionView, ClientError> {
        self.get(format!("/manifest/versions/{number}")).await
    }

    /// What changes from one version to another.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn compare(&self, old: u64, new: u64) -> Result<Vec<Change>, ClientError> {
        self.get(format!("/manifest/versions/{old}/changes/{new}")).await
    }

    async fn post<T: DeserializeOwned>(&self, path: String, body: &impl Serialize) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(broken)?;
        parsed(&self.ask(Method::POST, path, body.into()).await?)
    }

    async fn get<T: DeserializeOwned>(&self, path: String) -> Result<T, ClientError> {
        parsed(&self.ask(Method::GET, path, Bytes::new()).await?)
    }

    async fn ask(&self, method: Method, path: String, body: Bytes) -> Result<Bytes, ClientError> {
        let request = Request::builder().method(method).uri(path).header("host", "operator");
        let request = request.header("content-type", "application/json");
        let request = request.body(Full::new(body)).map_err(broken)?;
        match &self.door {
            Door::Socket(path) => {
                let no_hub = |source| ClientError::NoHub { path: path.clone(), source };
                exchange(UnixStream::connect(path).await.map_err(no_hub)?, request).await
            }
            Door::Tls(tls) => {
                let address = || tls.address.clone();
                let unreachable = |source| ClientError::Unreachable { address: address(), source };
                let no_tls = |source| ClientError::NoTls { address: address(), source };
                let stream = TcpStream::connect(&tls.address).await.map_err(unreachable)?;
                let stream = tls.connector.connect(tls.name.clone(), stream).await.map_err(no_tls)?;
                exchange(stream, request).await
            }
        }
    }
}

async fn exchange<I>(stream: I, request: Request<Full<Bytes>>) -> Result<Bytes, ClientError>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(broken)?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(broken)?;
    let status = response.status();
    let whole = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
    let whole = whole.map_err(ClientError::Broken)?.to_bytes();
    connection.abort();
    if status.is_success() { Ok(whole) } else { Err(refused(status, &whole)) }
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> ClientError {
    ClientError::Broken(Box::new(error))
}

fn parsed<T: DeserializeOwned>(text: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(text).map_err(ClientError::Answer)
}

fn refused(status: StatusCode, text: &[u8]) -> ClientError {
    let message = match serde_json::from_slice::<Failure>(text) {
        Ok(failure) => failure.error,
        Err(_) => format!("the hub answered {status}"),
    };
    ClientError::Refused { status, message }
}

/// Text as one part of a URI (RFC 3986 §2.1).
fn percent(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_reach_another_path() {
        assert_eq!(percent("../components?x#y%"), "..%2Fcomponents%3Fx%23y%25");
    }

    #[test]
    fn a_refusal_keeps_the_hubs_words() {
        let error = refused(StatusCode::CONFLICT, br#"{"error":"denied: no"}"#);
        assert_eq!(error.to_string(), "denied: no");
        let error = refused(StatusCode::BAD_GATEWAY, b"<html>");
        assert_eq!(error.to_string(), "the hub answered 502 Bad Gateway");
    }

    #[tokio::test]
    async fn no_hub_is_said_with_its_remedy() {
        let error = Client::new("/nonexistent/operator.sock".into()).sessions().await.err();
        let text = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(text.contains("safeclaw hub"), "{text}");
    }
}
