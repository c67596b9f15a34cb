//! `request_status`: a tool of the hub's own, for an agent that waits for a person. It says how an approval of the
//! caller's own session stands, and nothing of any other. It has no effect, so it is neither counted nor recorded.

use super::{denied, outcome::limit};
use crate::api::{CallOutcome, Caller, ListedTool};
use crate::bounds;
use crate::escalation::{ApprovalId, State};
use crate::hub::Inner;
use manifest::Tier;
use protocol::{Answer, Content, Hints, ToolDescription};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Its name, which no component's tool has.
pub const NAME: &str = "request_status";

/// Agents give up on a call after a minute, some of them.
const WAIT_MOST_S: u64 = 45;
const ARGUMENTS_BYTES: usize = 256;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    approval: String,
    #[serde(default)]
    wait_s: u64,
}

/// As it is listed where a profile has a tool that waits for approvals.
pub(crate) fn listed() -> ListedTool {
    let schema = json!({
        "type": "object",
        "properties": {
            "approval": { "type": "string", "pattern": "^[0-9a-f]{32}$", "description": "The id that a denied call has named." },
            "wait_s": { "type": "integer", "minimum": 0, "maximum": WAIT_MOST_S, "description": "Wait so many seconds for an answer." },
        },
        "required": ["approval"],
        "additionalProperties": false,
    });
    let schema = match schema {
        Value::Object(schema) => schema,
        _ => Default::default(),
    };
    let description = "Tells whether a person has answered a request for approval. Once it is approved, repeat the same call with the same arguments.";
    ListedTool {
        description: ToolDescription {
            name: NAME.to_owned(),
            title: Some("Ask how an approval stands".to_owned()),
            description: description.to_owned(),
            input_schema: Value::Object(schema.clone()).to_string(),
            output_schema: None,
            hints: Hints {
                read_only: Some(true),
                destructive: Some(false),
                idempotent: Some(true),
                open_world: Some(false),
            },
        },
        tier: Tier::User,
        input_schema: Arc::new(schema),
        output_schema: None,
        needs_approval: false,
    }
}

/// How an approval stands, at once or as soon as it is answered.
pub(super) async fn answer(hub: &Inner, caller: &Caller, arguments: &str, cancel: &CancellationToken) -> CallOutcome {
    let wanted = match bounds::object(arguments, ARGUMENTS_BYTES, 1) {
        Ok(()) => serde_json::from_str::<Wanted>(arguments).ok(),
        Err(_) => None,
    };
    let Some(Wanted { approval, wait_s }) = wanted else {
        return denied("the arguments are {\"approval\": ID} and, to wait for an answer, \"wait_s\": SECONDS");
    };
    if wait_s > WAIT_MOST_S {
        return limit("wait_s", WAIT_MOST_S);
    }
    let Ok(id) = ApprovalId::try_from(approval) else { return said(None) };
    let wait = hub.desk.answered(caller, &id);
    tokio::select! {
        biased;
        // Whoever is not told at once is told how it stands when the time is over.
        () = cancel.cancelled() => return CallOutcome::Cancelled,
        waited = timeout(Duration::from_secs(wait_s), wait) => drop(waited),
    }
    said(hub.desk.of(caller, &id).await.map(|found| found.state))
}

fn said(state: Option<State>) -> CallOutcome {
    let next = match state {
        None => {
            let text = "this session has no such approval".to_owned();
            return CallOutcome::Answer(Answer {
                content: vec![Content::Text(text)],
                structured: None,
                is_error: true,
            });
        }
        Some(State::Pending) => "nobody has answered yet; nothing ran",
        Some(State::Approved) => "a person has allowed it: repeat the same call with the same arguments, soon",
        Some(State::Denied) => "a person did not allow it; nothing ran, and the same call is not asked for again",
        Some(State::Expired) => "nobody answered, or used the answer, in time; nothing ran",
        Some(State::Void) => "it was taken back; nothing ran",
        Some(State::Claimed) => "a call runs on it",
        Some(State::Executed) => "it was used",
        Some(State::OutcomeUnknown) => {
            "it was used, and nobody knows whether that took effect: do not repeat it unasked"
        }
    };
    let state = state.map_or("unknown", State::word);
    let structured = json!({ "state": state, "next": next }).to_string();
    CallOutcome::Answer(Answer {
        content: vec![Content::Text(format!("{state}: {next}"))],
        structured: Some(structured),
        is_error: false,
    })
}
