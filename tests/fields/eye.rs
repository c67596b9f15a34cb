//! How each eye looks at a hub, and what it says in one line of text.

use super::case::Eye;
use hub::{CallEnd, CallNote, CallOutcome, Caller, RegisterError};
use manifest::{ComponentName, ProfileName, Read, ToolName};
use serde_json::Value;
use std::collections::BTreeSet;
use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tests::handed;
use tests::own::Own;
use tests::running::text;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// For whatever must happen at some time.
const LONG: Duration = Duration::from_secs(180);

/// A hub and the manifest that it was started with.
pub(super) struct Watched {
    pub(super) own: Own,
    pub(super) read: Read,
    /// For eyes that do not mind who else looks.
    pub(super) caller: Caller,
}

impl Watched {
    pub(super) fn new(own: Own, read: Read) -> Self {
        let caller = somebody(&own);
        Self { own, read, caller }
    }

    /// What this eye sees.
    pub(super) async fn seen(&self, eye: Eye) -> String {
        let looked = tokio::time::timeout(LONG, self.look(eye)).await;
        looked.unwrap_or_else(|_| format!("nothing within {} s", LONG.as_secs()))
    }

    async fn look(&self, eye: Eye) -> String {
        match eye {
            Eye::Reader => "reads".to_owned(),
            Eye::Call(tool, arguments) => ended(&self.own.call(&self.caller, tool, arguments).await),
            Eye::Result(tool, arguments, pointer) => part(&self.own.call(&self.caller, tool, arguments).await, pointer),
            Eye::LongArguments(tool, bytes) => {
                let arguments = format!("{{{:>bytes$}", r#""what":"memory"}"#);
                ended(&self.own.call(&self.caller, tool, &arguments).await)
            }
            Eye::Log(tool, bytes) => self.log(tool, bytes).await,
            Eye::Calls(tool, count) => self.calls(&[somebody(&self.own)], tool, count).await,
            Eye::Sessions(tool, count) => {
                let one = somebody(&self.own);
                let other = self.own.hub.local_caller(&one.principal, &one.profile).unwrap();
                self.calls(&[one, other], tool, count).await
            }
            Eye::Long(tool) => {
                let caller = somebody(&self.own);
                self.own.call(&caller, tool, r#"{"what":"time","amount":1100}"#).await;
                ended(&self.own.call(&caller, tool, r#"{"what":"memory"}"#).await)
            }
            Eye::Second(tool) => self.second(tool).await,
            Eye::Listed(profile) => self.listed(profile),
            Eye::Health(pointer) => {
                serde_json::to_value(self.own.hub.health()).unwrap().pointer(pointer).unwrap().to_string()
            }
            Eye::Runners(tool) => self.runners(tool).await,
            Eye::Recorded(tool, arguments) => self.recorded(tool, arguments).await,
            Eye::Inside(tool, fact) => match self.own.hub.posture(&self.caller, tool).await {
                Err(end) => ended(&end),
                Ok((inside, _)) => {
                    let found = inside.facts.into_iter().find(|(name, _)| name == fact);
                    found.map_or_else(|| "no such fact".to_owned(), |(_, value)| sorted(&value))
                }
            },
            Eye::View(tool, pointer) => self.view(tool, pointer).await,
            Eye::Explained(tool, what) => {
                let explained = manifest::explain(&self.read, &ToolName::try_from(tool).unwrap()).unwrap();
                let facts =
                    [&explained.is, &explained.granted, &explained.mounts, &explained.session].into_iter().flatten();
                let mut found = facts.filter(|fact| fact.what == what);
                found.next().map_or_else(|| "nothing".to_owned(), |fact| fact.value.clone())
            }
            Eye::Register(name) => {
                let component = ComponentName::try_from(name).unwrap();
                match self.own.hub.add_component(&component, handed::guest(name)).await {
                    Ok(_) => "registered".to_owned(),
                    Err(RegisterError::Digest { .. }) => "refused: the manifest pins another digest".to_owned(),
                    Err(RegisterError::Refused(why)) if why.contains("wasi:sockets/tcp@") => {
                        "refused: an import is not granted".to_owned()
                    }
                    Err(error) => format!("refused: {error}"),
                }
            }
            Eye::Idle(_) => "two hubs have to be looked at together".to_owned(),
            Eye::Runtime(tool) => match self.own.hub.posture(&self.caller, tool).await {
                Err(end) => ended(&end),
                Ok((_, rendered)) => rendered["runtime"].as_str().unwrap_or("none").to_owned(),
            },
        }
    }

    /// The runner keeps so many bytes of a call's log and drops the rest.
    async fn log(&self, tool: &str, bytes: usize) -> String {
        let end = self.own.call(&self.caller, tool, &format!(r#"{{"what":"log","amount":{bytes}}}"#)).await;
        match (&end.outcome, &end.usage) {
            (CallOutcome::Answer(_), Some(usage)) if usage.log_dropped_bytes == 0 => "all of it".to_owned(),
            (CallOutcome::Answer(_), Some(_)) => "some of it".to_owned(),
            _ => ended(&end),
        }
    }

    /// So many calls of each, one after the other.
    async fn calls(&self, callers: &[Caller], tool: &str, each: usize) -> String {
        let count = callers.len() * each;
        for (answered, caller) in callers.iter().flat_map(|caller| vec![caller; each]).enumerate() {
            let end = self.own.call(caller, tool, "{}").await;
            if !matches!(end.outcome, CallOutcome::Answer(_)) {
                // What follows names the session.
                let said = ended(&end).split("; ").next().unwrap_or_default().to_owned();
                return format!("{answered} of {count}, then {said}");
            }
        }
        format!("{count} of {count}")
    }

    async fn second(&self, tool: &str) -> String {
        let caller = somebody(&self.own);
        let cancel = CancellationToken::new();
        let (notes, mut noted) = mpsc::channel(64);
        let waits = r#"{"what":"time","amount":55000}"#.to_owned();
        let first = self.own.hub.call(&caller, tool, waits, notes, cancel.clone());
        let second = async {
            // It holds its place once its guest runs.
            while !matches!(noted.recv().await, None | Some(CallNote::Progress(_))) {}
            let end = self.own.call(&caller, tool, r#"{"what":"memory"}"#).await;
            cancel.cancel();
            ended(&end)
        };
        tokio::join!(first, second).1
    }

    fn listed(&self, profile: &str) -> String {
        match self.own.hub.local_caller("lister", &ProfileName::try_from(profile).unwrap()) {
            Err(unknown) => unknown.to_string(),
            Ok(caller) => {
                // One that another case registers at its own time, and the hub's own, which is shown with it.
                let others = ["attack_open_socket", hub::REQUEST_STATUS];
                let names = self.own.hub.tools(&caller).into_iter().map(|tool| tool.description.name);
                names.filter(|name| !others.contains(&name.as_str())).collect::<Vec<_>>().join(", ")
            }
        }
    }

    async fn runners(&self, tool: &str) -> String {
        let caller = somebody(&self.own);
        for _ in 0..2 {
            self.own.call(&caller, tool, r#"{"what":"memory"}"#).await;
        }
        self.runners_of(&caller)
    }

    /// How many runners this session had, by the audit log, however its calls ended.
    fn runners_of(&self, caller: &Caller) -> String {
        let lines = self.own.audit();
        let executed = lines.iter().filter(|line| line["session"] == caller.session.0 && line["event"] == "executed");
        executed.filter_map(|line| line["runner"].as_str()).collect::<BTreeSet<_>>().len().to_string()
    }

    /// What the audit log has of a call's arguments.
    async fn recorded(&self, tool: &str, arguments: &str) -> String {
        let end = self.own.call(&self.caller, tool, arguments).await;
        let lines = self.own.audit();
        let mut requested = lines.iter().filter(|line| line["event"] == "requested");
        let Some(line) = requested.find(|line| line["call"] == end.call_id.to_string()) else {
            return "nothing".to_owned();
        };
        let keyed = line["arguments"].as_str().is_some_and(|digest| digest.starts_with("hmac-sha256:"));
        let digest = if keyed { "a keyed digest" } else { "no keyed digest" };
        line["arguments_text"].as_str().map_or_else(|| digest.to_owned(), |text| format!("{digest} and {text}"))
    }

    async fn view(&self, tool: &str, pointer: &str) -> String {
        let socket = self.own.data.join("operator.sock");
        let stop = CancellationToken::new();
        let listener = hub::stdio::bind(&socket).unwrap();
        let served = tokio::spawn(hub::operator::serve(self.own.hub.clone(), listener, stop.clone()));
        let tools = hub::operator::Client::new(socket).tools(&ProfileName::try_from("all").unwrap()).await.unwrap();
        stop.cancel();
        served.await.unwrap();
        let tool = tools.into_iter().find(|view| view.name == tool).unwrap();
        serde_json::to_value(tool).unwrap().pointer(pointer).map_or_else(|| "nothing".to_owned(), Value::to_string)
    }

    /// Waits until the hub has ended this session's runners.
    async fn until_idle(&self, caller: &Caller) {
        let mut without = 0;
        // A runner that is being looked at by the hub itself is not shown for that moment.
        while without < 3 {
            let sessions = self.own.hub.sessions();
            let session = sessions.into_iter().find(|session| session.id == caller.session);
            without = if session.is_some_and(|session| session.runners.is_empty()) { without + 1 } else { 0 };
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Two calls in each hub, the second when the later hub has ended its idle runner: in how many runners they
/// ran. The first hub's `idle` is longer than any test.
pub(super) async fn idle(tool: &str, long: &Watched, short: &Watched) -> (String, String) {
    let both = [(long, somebody(&long.own)), (short, somebody(&short.own))];
    let call = async || {
        for (hub, caller) in &both {
            hub.own.call(caller, tool, r#"{"what":"memory"}"#).await;
        }
    };
    call().await;
    // Too late is seen by the second call.
    let _ = tokio::time::timeout(LONG, short.until_idle(&both[1].1)).await;
    call().await;
    (long.runners_of(&both[0].1), short.runners_of(&both[1].1))
}

/// A session of a principal that has no other.
fn somebody(own: &Own) -> Caller {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let principal = format!("field-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    own.hub.local_caller(&principal, &ProfileName::try_from("all").unwrap()).unwrap()
}

/// The end of a call in one line.
fn ended(end: &CallEnd) -> String {
    match &end.outcome {
        CallOutcome::Answer(answer) if answer.is_error => format!("failed: {}", text(answer)),
        CallOutcome::Answer(answer) => match text(answer) {
            long if long.len() > 100 => format!("{} characters", long.len()),
            short => short,
        },
        CallOutcome::UnknownTool => "unknown tool".to_owned(),
        CallOutcome::Denied { reason, .. } => format!("denied: {reason}"),
        CallOutcome::Limit { limit, value, .. } => format!("limit {limit} = {value}"),
        CallOutcome::Broken { .. } => "broken".to_owned(),
        CallOutcome::Cancelled => "cancelled".to_owned(),
    }
}

/// The words of a fact; the engine mounts in an order of its own.
fn sorted(value: &str) -> String {
    let mut words: Vec<_> = value.split(' ').collect();
    words.sort_unstable();
    words.join(" ")
}

/// A part of a structured result.
fn part(end: &CallEnd, pointer: &str) -> String {
    let CallOutcome::Answer(answer) = &end.outcome else { return ended(end) };
    let whole: Option<Value> = answer.structured.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let part = whole.as_ref().and_then(|whole| whole.pointer(pointer));
    part.map_or_else(|| ended(end), Value::to_string)
}

/// An error with its causes.
pub(super) fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
