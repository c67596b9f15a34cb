//! What the hub has to say of requests, on its way to the runner: one lane beside calls and pings, and never in their
//! way.

use super::outlet::Closed;
use super::{Shared, Why};
use protocol::{ToHttp, ToRunner};
use tokio::sync::mpsc;

/// Messages that wait for the lane, of all requests of a runner; most are pieces of bodies.
pub(super) const MOST_WAITING: usize = 32;
/// Frames that may wait for the pipe before one of this lane joins them: a call or a ping waits behind so many.
const BEHIND: usize = 4;

/// Carries them until the runner ends.
pub(super) async fn carry(mut answers: mpsc::Receiver<ToHttp>, shared: &Shared) -> Why {
    loop {
        let sent = tokio::select! {
            () = shared.refused.notified() => refuse(shared).await,
            // The conversation keeps a sender of its own, so there is always another one.
            Some(message) = answers.recv() => send(message, shared).await,
        };
        if let Err(why) = sent {
            return why;
        }
    }
}

async fn refuse(shared: &Shared) -> Result<(), Why> {
    let refused = shared.talk().refused_requests();
    for (id, fault) in refused {
        send(ToHttp::Failed(id, fault), shared).await?;
    }
    Ok(())
}

async fn send(message: ToHttp, shared: &Shared) -> Result<(), Why> {
    // What the runner has dropped since is not worth its while.
    if !shared.talk().passes(&message) {
        return Ok(());
    }
    let mut frame = Vec::new();
    // Pieces and fields are bounded far below a frame: a fault of ours, and nobody else's.
    protocol::encode(&ToRunner::Http(message), &mut frame).map_err(|error| Why::Fault(error.to_string()))?;
    match shared.outlet.send_behind(frame, BEHIND).await {
        Ok(()) => Ok(()),
        // Whoever closed it says why.
        Err(Closed) => std::future::pending().await,
    }
}
