//! Carries frames both ways until either side, or the owner, has had enough; then reaps.

use super::conversation::Stop;
use super::egress;
use super::pulse;
use super::{Departure, Reap, RunnerEnd, Shared, Why};
use protocol::{Decoder, FromRunner, ToHttp};
use std::io::ErrorKind;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// For so much there is room at each read, at least.
const CHUNK_BYTES: usize = 64 << 10;

/// Runs until the runner has ended and its container is gone.
pub(super) async fn run(
    shared: Arc<Shared>,
    output: Box<dyn AsyncRead + Send + Unpin>,
    answers: mpsc::Receiver<ToHttp>,
    reap: Reap,
) {
    let why = tokio::select! {
        biased;
        () = shared.stop.cancelled() => Why::Released,
        why = read(output, &shared) => why,
        never = shared.outlet.carry() => match never {},
        why = egress::carry(answers, &shared) => why,
        why = pulse::watch(&shared) => why,
    };
    shared.outlet.close();
    // Both streams are closed by now, so that a runner that obeys ends by itself.
    let departure = match why {
        Why::StreamEnded | Why::Stream(_) => Departure::ByItself,
        _ => Departure::ByUs,
    };
    shared.kill(why);
    let why = shared.why.get().cloned().unwrap_or_default();
    let fate = reap(departure, why.clone()).await;
    shared.talk().finish(RunnerEnd { why, fate });
    shared.ended.cancel();
}

async fn read(mut output: impl AsyncRead + Unpin, shared: &Shared) -> Why {
    let mut decoder = Decoder::new();
    loop {
        match output.read_buf(decoder.room(CHUNK_BYTES)).await {
            // In the middle of a frame, too: so ends a runner that is killed while it writes.
            Ok(0) => return Why::StreamEnded,
            Ok(_) => shared.pulse.heard(),
            // The stream itself has had enough of it.
            Err(error) if error.kind() == ErrorKind::QuotaExceeded => return Why::Violation(error.to_string()),
            Err(error) => return Why::Stream(error.to_string()),
        }
        loop {
            let most = shared.talk().most_bytes();
            let message = match decoder.next_within(most) {
                Ok(Some(message)) => message,
                Ok(None) => break,
                Err(error) => return Why::Violation(error.to_string()),
            };
            let pong = matches!(message, FromRunner::Pong(_));
            // Not in the `match` itself, which would hold it through its arms.
            let taken = shared.talk().take(message, Instant::now());
            match taken {
                Ok(()) if pong => shared.pulse.answered(),
                Ok(()) if shared.talk().has_refused() => shared.refused.notify_one(),
                Ok(()) => {}
                Err(Stop::Violation(what)) => return Why::Violation(what),
                Err(Stop::Refused(words)) => return Why::Refused(words),
            }
        }
    }
}
