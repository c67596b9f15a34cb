//! The second one-shot container: a runner without a grant asks the component what it has.

use super::describe_class;
use crate::api::{RegisterError, Registration, SessionId};
use crate::clean;
use crate::force::InForce;
use crate::launch::{StartFailure, Starter};
use crate::runner::{RunnerEnd, Why};
use crate::tickets::{self, Scope, Terms, Tickets};
use protocol::ToolDescription;
use std::time::{SystemTime, UNIX_EPOCH};

/// A ticket for asking is good for this long.
const TTL_S: u64 = 120;

/// Asks a compiled component for its tools. What comes back is guest text.
pub(super) async fn describe(
    starter: &Starter,
    tickets: &Tickets,
    force: &InForce,
    registration: &Registration,
) -> Result<Vec<ToolDescription>, RegisterError> {
    let runner = starter.runner(&force.admission, &describe_class()).await.map_err(|failure| match failure {
        StartFailure::Launcher(source) => RegisterError::Launcher { program: "runner", source },
        StartFailure::Runner(end) => lost(end),
        unrecorded @ StartFailure::Unrecorded(_) => RegisterError::Describe(super::chain(&unrecorded)),
    })?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let session = SessionId("registration".into());
    let terms = Terms {
        session: &session,
        manifest: &force.digest,
        serial: 1,
        epoch: tickets.epoch.now(),
        expires: now + TTL_S,
        concurrent_calls: 1,
    };
    let scope = Scope { components: vec![tickets::component(registration)], tools: Vec::new() };
    let jws = tickets.sign(&runner, &terms, scope).map_err(|error| RegisterError::Describe(error.to_string()))?;
    runner.assign(1, jws).await.map_err(lost)?;
    let described = runner.describe(&registration.component).await.map_err(lost)?;
    runner.kill(Why::Released);
    runner.ended().cancelled().await;
    described.map_err(|words| RegisterError::Describe(clean::bounded(&words, clean::NOTE_BYTES)))
}

fn lost(end: RunnerEnd) -> RegisterError {
    match end.why {
        // It could not load or link the component, and says why.
        Why::Refused(words) => RegisterError::Describe(words),
        _ if end.fate.out_of_memory => RegisterError::Lost { program: "runner", why: "ran out of memory".into() },
        why => RegisterError::Lost { program: "runner", why: why.to_string() },
    }
}
