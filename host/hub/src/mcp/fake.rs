//! A hub for the tests of its faces: two tokens, a few tools, calls that do as their name says.

use super::Governor;
use crate::api::{CallEnd, CallNote, CallOutcome, Caller, ListedTool, PendingApproval, SessionId, TaskState, TaskView};
use crate::identity::{Protected, Scopes};
use crate::traces::TraceContext;
use manifest::{ProfileName, Tier};
use protocol::{Answer, Content, Hints, Log, LogSource, Progress, ToolDescription};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What `ask` waits for: an approval of `a`'s.
pub(crate) const APPROVAL: &str = "0123456789abcdef0123456789abcdef";

#[derive(Clone)]
pub(crate) struct FakeHub {
    changes: Arc<watch::Sender<u64>>,
    pub(crate) cancelled: Arc<AtomicUsize>,
    pub(crate) running: Arc<watch::Sender<usize>>,
    pub(crate) draining: Arc<AtomicBool>,
    /// The traces that calls said they belong to.
    pub(crate) within: Arc<Mutex<Vec<Option<TraceContext>>>>,
    /// Every token is taken back.
    pub(crate) revoked: Arc<AtomicBool>,
    met: Arc<Mutex<HashMap<String, Caller>>>,
}

pub(crate) fn caller(name: &str) -> Caller {
    Caller {
        session: SessionId(format!("session-of-{name}")),
        principal: name.to_owned(),
        profile: ProfileName::try_from("tests").unwrap(),
        scopes: Scopes::all(),
    }
}

impl FakeHub {
    pub(crate) fn new() -> Self {
        Self {
            changes: Arc::new(watch::Sender::new(0)),
            cancelled: Arc::default(),
            running: Arc::new(watch::Sender::new(0)),
            draining: Arc::default(),
            revoked: Arc::default(),
            met: Arc::default(),
            within: Arc::default(),
        }
    }

    pub(crate) fn change(&self) {
        self.changes.send_modify(|number| *number += 1);
    }

    /// Waits until as many calls run.
    pub(crate) async fn runs(&self, calls: usize) {
        let _ = self.running.subscribe().wait_for(|running| *running == calls).await;
    }

    async fn run(
        &self,
        caller: &Caller,
        tool: &str,
        arguments: String,
        notes: &mpsc::Sender<CallNote>,
        cancel: &CancellationToken,
    ) -> CallOutcome {
        match tool {
            // Says who called and with what, as the hub was told.
            "echo" => text(format!("{} {arguments}", caller.principal)),
            "hang" => {
                cancel.cancelled().await;
                self.cancelled.fetch_add(1, Ordering::SeqCst);
                CallOutcome::Cancelled
            }
            "tell" => {
                for step in 1..=3_u8 {
                    let progress = Progress { id: 1, progress: step.into(), total: Some(3.0), message: None };
                    // Nobody may be listening any more; a call goes on all the same.
                    let _ = notes.send(CallNote::Progress(progress)).await;
                    let log = Log { id: 1, source: LogSource::Message(2), text: format!("step {step}") };
                    let _ = notes.send(CallNote::Log(log)).await;
                }
                text("told".to_owned())
            }
            "ask" => CallOutcome::Denied { reason: "a person has to allow this call".to_owned(), approvable: true },
            "deny" => CallOutcome::Denied { reason: "escalation not available".to_owned(), approvable: false },
            "structure" => CallOutcome::Answer(Answer {
                content: Vec::new(),
                structured: Some(r#"{"z":1.50,"a":["ü",null,true]}"#.to_owned()),
                is_error: false,
            }),
            "fail" => CallOutcome::Answer(Answer {
                content: vec![Content::Text("no".to_owned()), Content::Image(vec![1, 2], "image/png".to_owned())],
                structured: None,
                is_error: true,
            }),
            _ => CallOutcome::UnknownTool,
        }
    }
}

fn text(text: String) -> CallOutcome {
    CallOutcome::Answer(Answer { content: vec![Content::Text(text)], structured: None, is_error: false })
}

fn listed(name: &str, tier: Tier) -> ListedTool {
    let description = ToolDescription {
        name: name.to_owned(),
        title: None,
        description: "For tests.".to_owned(),
        input_schema: r#"{"type":"object"}"#.to_owned(),
        output_schema: None,
        hints: Hints::default(),
    };
    let mut schema = serde_json::Map::new();
    schema.insert("type".to_owned(), "object".into());
    let needs_approval = tier >= Tier::Admin;
    ListedTool { description, tier, input_schema: Arc::new(schema), output_schema: None, needs_approval }
}

impl Governor for FakeHub {
    fn known(&self, bearer: &str) -> Option<Caller> {
        self.met.lock().unwrap().get(bearer).cloned()
    }

    async fn authenticate(&self, bearer: &str, _: &'static str) -> Option<Caller> {
        let caller = match bearer {
            "token-a" => caller("a"),
            "token-b" => caller("b"),
            "token-narrow" => Caller { scopes: Scopes::of(Tier::User), ..caller("narrow") },
            _ => return None,
        };
        self.met.lock().unwrap().insert(bearer.to_owned(), caller.clone());
        Some(caller)
    }

    fn protected(&self) -> Protected {
        Protected { resource: None, issuers: vec!["https://id.example.com".to_owned()] }
    }

    async fn lacks_scope(&self, caller: &Caller, tool: &str) -> Option<Scopes> {
        let tier = self.tool(caller, tool)?.tier;
        (!caller.scopes.contains(tier)).then(|| Scopes::of(tier))
    }

    fn in_force(&self, _: &Caller) -> bool {
        !self.revoked.load(Ordering::SeqCst)
    }

    fn tools(&self, _: &Caller) -> Vec<ListedTool> {
        let names = ["ask", "deny", "echo", "fail", "hang", "structure", "tell"];
        names.map(|name| listed(name, if matches!(name, "ask" | "deny") { Tier::Admin } else { Tier::User })).into()
    }

    fn tool(&self, caller: &Caller, name: &str) -> Option<ListedTool> {
        self.tools(caller).into_iter().find(|tool| tool.description.name == name)
    }

    fn takes_headers(&self, caller: &Caller, name: &str) -> Option<bool> {
        self.tool(caller, name).map(|tool| tool.description.input_schema.contains("x-mcp-header"))
    }

    async fn call(
        &self,
        caller: &Caller,
        tool: &str,
        arguments: String,
        notes: mpsc::Sender<CallNote>,
        cancel: CancellationToken,
        within: Option<TraceContext>,
    ) -> CallEnd {
        self.within.lock().unwrap().push(within);
        // As the hub does it: to drop the future is to cancel the call, which still comes to its end.
        let cancel = cancel.child_token();
        let _guard = cancel.clone().drop_guard();
        let (hub, caller, tool) = (self.clone(), caller.clone(), tool.to_owned());
        let run = async move {
            hub.running.send_modify(|running| *running += 1);
            let outcome = hub.run(&caller, &tool, arguments, &notes, &cancel).await;
            hub.running.send_modify(|running| *running -= 1);
            outcome
        };
        let outcome = tokio::spawn(run).await.unwrap();
        let waits = matches!(outcome, CallOutcome::Denied { approvable: true, .. });
        let approval = waits.then(|| PendingApproval { id: APPROVAL.to_owned(), expires: jiff::Timestamp::UNIX_EPOCH });
        CallEnd { outcome, usage: None, wall_us: 1, call_id: Uuid::nil(), begun: false, approval }
    }

    async fn task(&self, caller: &Caller, id: &str) -> Option<TaskView> {
        let state = TaskState::Working("it waits");
        let (requested, expires) = (jiff::Timestamp::UNIX_EPOCH, jiff::Timestamp::UNIX_EPOCH);
        (caller.principal == "a" && id == APPROVAL).then_some(TaskView { requested, expires, state })
    }

    async fn cancel_task(&self, caller: &Caller, id: &str) -> bool {
        self.task(caller, id).await.is_some()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn is_well(&self) -> bool {
        !self.draining.load(Ordering::SeqCst)
    }
}
