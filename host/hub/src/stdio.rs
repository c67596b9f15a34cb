//! MCP over byte streams: this process's own standard input and output (`--solo`), and `mcp.sock`, to which
//! `safeclaw mcp` carries an agent's standard input and output.

pub mod bridge;
mod eof;
#[doc(hidden)]
pub mod fuzzing;
mod greeting;
pub(crate) mod socket;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests;
mod values;

pub use bridge::{BridgeError, bridge};
pub use socket::{SocketError, bind};

use crate::api::Caller;
use crate::mcp::{Face, Governor, MAX_MESSAGE_BYTES, until_revoked};
use crate::shares::Shares;
use eof::CancelAtEof;
use rmcp::RoleServer;
use rmcp::service::{ServerInitializeError, serve_server_with_ct};
use rmcp::transport::TransportAdapterIdentity;
use rmcp::transport::async_rw::AsyncRwTransport;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use values::FewValues;

/// Bridges at once.
const MAX_BRIDGES: usize = 64;
/// Of which one principal's.
const MAX_PER_PRINCIPAL: usize = MAX_BRIDGES / 2;
/// From connecting to a whole greeting.
const GREETING_TIME: Duration = Duration::from_secs(5);
/// When no connection can be accepted, the next try is after this.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// After `stop`: for calls that run. The library waits two seconds for them.
const STOP_TIME: Duration = Duration::from_secs(5);

/// A conversation that did not end as conversations do.
#[derive(Debug, thiserror::Error)]
pub enum StdioError {
    /// The client broke the protocol before it had begun.
    #[error("the MCP conversation did not begin")]
    Begin(#[source] Box<ServerInitializeError>),
    /// A fault of ours.
    #[error("the MCP conversation broke off")]
    Broken(#[source] tokio::task::JoinError),
}

/// Serves one client on this process's standard input and output, until the input ends or `stop`.
///
/// The runtime's thread that reads standard input cannot be interrupted: after `stop` a program should end
/// with `std::process::exit` or `Runtime::shutdown_background`.
///
/// # Errors
/// When the client breaks the protocol; the end of the input is not an error, whenever it comes.
pub async fn serve_process<G: Governor>(
    governor: G,
    caller: Caller,
    stop: CancellationToken,
) -> Result<(), StdioError> {
    serve_stream(governor, caller, tokio::io::stdin(), tokio::io::stdout(), stop).await
}

/// Serves one client on a pair of byte streams.
async fn serve_stream<G, R, W>(
    governor: G,
    caller: Caller,
    input: R,
    output: W,
    stop: CancellationToken,
) -> Result<(), StdioError>
where
    G: Governor,
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    // At the end of the input the library waits five seconds for what still runs. Calls are worth it,
    // subscriptions would never end.
    let subscriptions = stop.child_token();
    let input = FewValues::new(CancelAtEof::new(input, subscriptions.clone()));
    // A line without an end is dropped, not kept.
    let transport =
        AsyncRwTransport::<RoleServer, _, _>::new_server(input, output).with_max_line_length(MAX_MESSAGE_BYTES);
    let face = Face::new(governor, caller, subscriptions);
    // A token of its own: the library cancels the one it was given when the conversation ends.
    match serve_server_with_ct::<_, _, _, TransportAdapterIdentity>(face, transport, stop.child_token()).await {
        Ok(running) => running.waiting().await.map(drop).map_err(StdioError::Broken),
        // A client that only asked what we are, or nothing at all, and went away: that is an end like any other.
        Err(ServerInitializeError::ConnectionClosed(_) | ServerInitializeError::Cancelled) => Ok(()),
        Err(error) => Err(StdioError::Begin(Box::new(error))),
    }
}

/// Serves bridges on `mcp.sock` until `stop`.
pub async fn serve_socket<G: Governor>(governor: G, listener: UnixListener, stop: CancellationToken) {
    let permits = Arc::new(Semaphore::new(MAX_BRIDGES));
    let shares = Arc::new(Shares::new(MAX_PER_PRINCIPAL));
    let mut bridges = JoinSet::new();
    loop {
        while bridges.try_join_next().is_some() {}
        let permit = tokio::select! {
            () = stop.cancelled() => break,
            permit = permits.clone().acquire_owned() => permit,
        };
        let Ok(permit) = permit else { break };
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let (input, output) = stream.into_split();
                let served = serve_bridge(governor.clone(), input, output, shares.clone(), stop.clone());
                bridges.spawn(async move {
                    served.await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "no bridge could be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    let ended = async { while bridges.join_next().await.is_some() {} };
    let _ = timeout(STOP_TIME, ended).await;
}

async fn serve_bridge<G, R, W>(governor: G, input: R, mut output: W, shares: Arc<Shares>, stop: CancellationToken)
where
    G: Governor,
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let mut input = BufReader::new(input);
    let who = tokio::select! {
        () = stop.cancelled() => return,
        who = timeout(GREETING_TIME, greeting::receive(&mut input, &governor)) => who,
    };
    let place = |caller: Caller| match shares.take(&caller.principal) {
        Some(place) => Ok((caller, place)),
        None => Err("this principal has as many bridges as one may have"),
    };
    let who = who.unwrap_or(Err("the greeting took too long")).and_then(place);
    let answered = greeting::answer(&mut output, who.as_ref().map(drop).map_err(|reason| *reason)).await;
    let (Ok((caller, _place)), Ok(())) = (who, answered) else { return };
    let revoked = stop.child_token();
    let conversation = serve_stream(governor.clone(), caller.clone(), input, output, revoked.clone());
    let watch = async {
        until_revoked(&governor, &caller).await;
        revoked.cancel();
        // The conversation ends now; whoever waits here waits for that.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ended = conversation => {
            if let Err(error) = ended {
                tracing::warn!(error = &error as &dyn std::error::Error, "a bridge's conversation failed");
            }
        }
        () = watch => {}
    }
}
