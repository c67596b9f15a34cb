//! What the broker asks of the hub, and what it tells it. The hub implements [`Governor`] for each call; the broker
//! knows no session, no manifest and no log besides it.

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use manifest::http::{HttpGrant, Method, PathRecord, Target};
use manifest::{CredentialName, Tier};
use protocol::{EgressId, HttpFault};
use std::net::SocketAddr;
use std::sync::Arc;
use uuid::Uuid;

/// For whom a call's requests are made.
#[derive(Debug, Clone)]
pub struct Behalf {
    /// The call, as the audit log has it.
    pub call: Uuid,
    /// Its session, by its id: rates are counted for it, and secrets that it used are looked for.
    pub session: String,
    /// Connections and their pools are of one principal each.
    pub principal: String,
    /// The tool.
    pub tool: String,
    /// Its tier: a credential says which tiers may use it.
    pub tier: Tier,
    /// Credentials that its session has used before, in an earlier life of this process perhaps: they are looked for
    /// from the first byte on.
    pub used: Vec<CredentialName>,
}

/// What holds for a call now.
#[derive(Debug, Clone)]
pub struct Standing {
    /// What its tool may ask for.
    pub grants: Arc<[HttpGrant]>,
}

/// Why a call may ask for nothing any more: its words are for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operator}")]
pub struct Refused {
    /// What the guest learns.
    pub fault: HttpFault,
    /// What the operator learns; of a request that no grant covers, the line that would allow it.
    pub operator: String,
}

/// A request in words that can be bound, shown and written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Its method.
    pub method: Method,
    /// Where to.
    pub target: Target,
    /// The credential that would be added.
    pub credential: Option<CredentialName>,
    /// Digest of the request's body; only of requests that need an approval, whose bodies are read whole first.
    pub body_sha256: Option<[u8; 32]>,
}

/// Whether a person has allowed a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// This one, once: it is used up now.
    Given,
    /// Not yet. The call ends as denied and approvable; the request is not made.
    Wanted,
}

/// What became of a request, for the audit log. Written before its answer is passed on.
#[derive(Debug, Clone)]
pub struct Egress {
    /// Names the request within its call: of one request come several of these.
    pub request: EgressId,
    /// When it was asked for.
    pub began: Timestamp,
    /// Its method as far as it could be read; guest text, cleaned and cut.
    pub method: String,
    /// Scheme, host and port as far as they could be read; guest text, cleaned and cut.
    pub origin: String,
    /// Path and query.
    pub path: String,
    /// How they are to be written down.
    pub record: PathRecord,
    /// The address that was connected to.
    pub address: Option<SocketAddr>,
    /// The credential that was added.
    pub credential: Option<CredentialName>,
    /// Which redirect of a request, 0 for what the guest asked for.
    pub hop: u8,
    /// How it ended, or began to: see [`Ended`].
    pub ended: Ended,
    /// Bytes of the request's body that were sent.
    pub sent: u64,
    /// Bytes of the answer's body that came.
    pub received: u64,
    /// From being asked for to its end, microseconds.
    pub wall_us: u64,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It is about to be sent; durable before its first byte leaves.
    Requested,
    /// It was answered with this status, to the end.
    Answered(u16),
    /// It was not let out, or broke off: what the guest learned, and what the operator learns.
    Failed(HttpFault, String),
    /// The guest, or the call, wanted no more of it.
    Dropped,
    /// Something that looks like a secret was found in what came back or went out: whose, and whether it was removed
    /// or the exchange was ended. Never the value.
    Leak {
        /// The credential, or the name of the pattern.
        of: String,
        /// Where: `answer body`, `answer header`, `request body`, `result`, `log`, …
        place: &'static str,
        /// What was done.
        done: &'static str,
    },
}

/// The hub, for one call.
pub trait Governor: Send + Sync {
    /// What holds now: manifest, epoch, lease and session, looked at anew.
    ///
    /// # Errors
    /// The call may ask for nothing any more.
    fn standing(&self) -> Result<Standing, Refused>;

    /// Whether a person has allowed this very request. Whoever gets [`Approval::Wanted`] does not make it.
    fn approval(&self, request: &Described) -> BoxFuture<'_, Approval>;

    /// So many bytes went over the wire, in both directions. Asked before they are passed on.
    ///
    /// # Errors
    /// The session's budget is used up.
    fn spend(&self, bytes: u64) -> Result<(), Refused>;

    /// Writes it down.
    ///
    /// # Errors
    /// It cannot be written, and so must not happen: of [`Ended::Requested`] the request is not sent.
    fn record(&self, egress: Egress) -> BoxFuture<'_, Result<(), Refused>>;
}
