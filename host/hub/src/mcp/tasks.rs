//! An approval as a task of the extension `io.modelcontextprotocol/tasks` (SEP-2663): a client that knows tasks polls
//! it, and its result is the call's.

use super::answer::{envelope, result};
use crate::api::{PendingApproval, TaskState, TaskView};
use jiff::Timestamp;
use rmcp::ErrorData;
use rmcp::model::{CreateTaskResult, DetailedTask, GetTaskResult, MetaObject, Task, TaskPayload, TaskStatus};
use serde_json::{Value, json};

/// How often a client should ask.
const POLL_MS: u64 = 5_000;
/// How long it can: until the answer is due, and as long again for the lease and the result.
const TTL_MS: u64 = 1_200_000;
/// Whether it ran, in the word of the draft that has one (SEP-2848).
const DISPOSITION: &str = "io.modelcontextprotocol/tool-approval-disposition";

/// A task instead of a result.
pub(super) fn created(approval: &PendingApproval, meta: Option<MetaObject>) -> CreateTaskResult {
    let PendingApproval { id, expires } = approval;
    let message = format!("waits for a person, until {expires}: `safeclaw approve {id}`; nothing ran");
    let now = Timestamp::now();
    let task = task(id, TaskStatus::Working, now, now).with_status_message(message);
    let mut meta = meta.unwrap_or_default();
    meta.0.extend(envelope(json!([{ "type": "task" }])));
    CreateTaskResult::new(task).with_meta(meta)
}

/// How it stands.
pub(super) fn shown(id: &str, view: TaskView) -> GetTaskResult {
    let TaskView { requested, expires, state } = view;
    let task = |status| task(id, status, requested, Timestamp::now());
    let detailed = match state {
        TaskState::Working(how) => {
            let message = format!("{how}; until {expires}: `safeclaw approve {id}`");
            DetailedTask::new(task(TaskStatus::Working).with_status_message(message), TaskPayload::Working)
        }
        TaskState::Ended(end, disposition) => {
            let mut result = result(*end);
            let meta = result.meta.get_or_insert_with(MetaObject::new);
            meta.0.insert(DISPOSITION.to_owned(), disposition.into());
            match serde_json::to_value(result) {
                Ok(Value::Object(result)) => {
                    DetailedTask::new(task(TaskStatus::Completed), TaskPayload::Completed { result })
                }
                _ => DetailedTask::new(task(TaskStatus::Failed), TaskPayload::Failed { error: Default::default() }),
            }
        }
    };
    GetTaskResult::new(detailed)
}

/// One of another session cannot be told from one that never was.
pub(super) fn unknown() -> ErrorData {
    ErrorData::invalid_params("There is no such task", None)
}

/// Both, where there are both.
pub(super) fn merged(one: Option<MetaObject>, other: Option<MetaObject>) -> Option<MetaObject> {
    match (one, other) {
        (Some(mut one), Some(other)) => {
            one.0.extend(other.0);
            Some(one)
        }
        (one, other) => one.or(other),
    }
}

fn task(id: &str, status: TaskStatus, requested: Timestamp, updated: Timestamp) -> Task {
    let task = Task::new(id, status, requested.to_string(), updated.to_string());
    task.with_ttl_ms(TTL_MS).with_poll_interval_ms(POLL_MS)
}
