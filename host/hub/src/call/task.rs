//! An approval as a task of MCP (the tasks extension): its id is the approval's, and asking for it is what runs the call
//! once a person has allowed it. So nothing runs for an agent that is gone.

use super::{Request, call};
use crate::api::{CallEnd, CallOutcome, Caller, PendingApproval, TaskState, TaskView};
use crate::escalation::{ApprovalId, Found, State};
use crate::hub::Inner;
use jiff::{SignedDuration, Timestamp};
use protocol::{Answer, Content};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A result that nobody has fetched is kept so long.
const KEEP: SignedDuration = SignedDuration::from_secs(600);

/// The calls that were run for a task.
#[derive(Default)]
pub(crate) struct Tasks(Mutex<BTreeMap<ApprovalId, Task>>);

enum Task {
    Running(CancellationToken),
    Ended(CallEnd, Timestamp),
}

impl Tasks {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<ApprovalId, Task>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a task of this caller's own session stands. One that was allowed begins to run.
pub(crate) async fn task(hub: &Arc<Inner>, caller: &Caller, id: &str) -> Option<TaskView> {
    let caller = hub.in_force(caller)?;
    let id = ApprovalId::try_from(id.to_owned()).ok()?;
    // Before its approval is looked at, which has its last state when the call has ended.
    let ran = hub.tasks.lock().get(&id).map(|task| match task {
        Task::Running(_) => None,
        Task::Ended(end, _) => Some(Box::new(end.clone())),
    });
    let found = hub.desk.of(&caller, &id).await?;
    let view = |state| Some(TaskView { requested: found.asked.requested, expires: found.expires, state });
    match ran {
        Some(None) => return view(TaskState::Working("a person has allowed it, and it runs")),
        Some(Some(end)) => return view(TaskState::Ended(end, disposition(found.state))),
        // Another request for it was faster: the next one finds what came of that.
        None if hub.tasks.lock().contains_key(&id) => {
            return view(TaskState::Working("a person has allowed it, and it runs"));
        }
        None => {}
    }
    let state = match found.state {
        State::Pending => TaskState::Working("it waits for a person's answer"),
        State::Approved => {
            begin(hub, caller, &found);
            TaskState::Working("a person has allowed it, and it runs")
        }
        State::Claimed => TaskState::Working("another call runs on it"),
        State::Denied => ended(&found, "a person did not allow this call, and it did not run", "denied-not-executed"),
        State::Expired => ended(&found, "nobody answered in time, and it did not run", "denied-not-executed"),
        State::Void => ended(&found, "it was taken back, and did not run", "denied-not-executed"),
        State::Executed => ended(&found, "it ran, and its result is not kept any more", "approved-executed"),
        State::OutcomeUnknown => {
            ended(&found, "nobody knows whether it took effect, and it is not run again", "outcome-unknown")
        }
    };
    view(state)
}

/// The caller wants it no more. False when there is none.
pub(crate) async fn cancel(hub: &Inner, caller: &Caller, id: &str) -> bool {
    let Some(caller) = hub.in_force(caller) else { return false };
    let Ok(id) = ApprovalId::try_from(id.to_owned()) else { return false };
    let Some(found) = hub.desk.of(&caller, &id).await else { return false };
    if let Some(Task::Running(cancel)) = hub.tasks.lock().get(&id) {
        cancel.cancel();
    }
    if matches!(found.state, State::Pending | State::Approved) {
        hub.desk.take_back(&id, "whoever asked wants it no more");
        hub.desk.follow().await;
        hub.tell().await;
    }
    true
}

/// Runs the call, as the agent would repeat it: everything is decided anew.
fn begin(hub: &Arc<Inner>, caller: Caller, found: &Found) {
    let id = found.asked.id.clone();
    let cancel = CancellationToken::new();
    {
        let mut tasks = hub.tasks.lock();
        let now = hub.desk.now();
        let fresh = |at: &Timestamp| at.checked_add(KEEP).is_ok_and(|end| now < end);
        tasks.retain(|_, task| matches!(task, Task::Running(_)) || matches!(task, Task::Ended(_, at) if fresh(at)));
        if tasks.contains_key(&id) {
            return;
        }
        tasks.insert(id.clone(), Task::Running(cancel.clone()));
    }
    let (notes, _) = mpsc::channel(1);
    let request = Request {
        caller,
        tool: found.asked.binding.tool.to_string(),
        arguments: found.asked.arguments.clone(),
        notes,
        cancel,
        within: None,
        under: Some(id.clone()),
    };
    let running = hub.clone();
    hub.calls.spawn(async move {
        let end = call(&running, request).await;
        let now = running.desk.now();
        running.tasks.lock().insert(id, Task::Ended(end, now));
    });
}

fn ended(found: &Found, text: &str, disposition: &'static str) -> TaskState {
    let content = vec![Content::Text(text.to_owned())];
    let outcome = CallOutcome::Answer(Answer { content, structured: None, is_error: true });
    let approval = Some(PendingApproval { id: found.asked.id.to_string(), expires: found.expires });
    let end = CallEnd { outcome, usage: None, wall_us: 0, call_id: Uuid::nil(), begun: false, approval };
    TaskState::Ended(Box::new(end), disposition)
}

/// Whether the call that was run for it has had an effect, by what became of its approval.
fn disposition(state: State) -> &'static str {
    match state {
        State::Executed => "approved-executed",
        State::Claimed | State::OutcomeUnknown => "outcome-unknown",
        State::Pending | State::Approved | State::Denied | State::Expired | State::Void => "denied-not-executed",
    }
}
