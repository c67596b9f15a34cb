//! The red button with everything but containers: what may happen after its answer, whatever hangs, fails or races.

mod kills;
mod many;
mod upkeep;

use super::*;
use crate::audit::Audit;
use crate::button::{Press, Revoked, STOPPED, TAKEN_BACK};
use crate::epoch::Epoch;
use crate::escalation::{Answer, ApprovalId, Signed};
use crate::operator;
use crate::runner::Reap;
use crate::runner::testing::reaped;
use futures_util::future::BoxFuture;
use manifest::Digest;
use protocol::{Decoder, ToRunner};
use std::fs::File;
use tokio::sync::Notify;

impl Inner {
    /// A person who says yes to whatever they are asked, where the test has one: with a statement, a signature and a
    /// claim like every other call's.
    pub(crate) async fn nods(&self, pending: Option<&PendingApproval>) -> bool {
        let Some(pending) = pending.filter(|_| self.gate_is_open.load(Ordering::SeqCst)) else { return false };
        let id = ApprovalId::try_from(pending.id.clone()).unwrap();
        let view = self.desk.approval(&self.hub_id, &id).await.unwrap().unwrap();
        let signature = format!("ana {}", Digest::of(view.statements.approve.as_bytes()));
        self.answer(&id, Signed { decision: Answer::Approve, signature, why: None }).await.is_ok()
    }
}

const ALL: Press = Press { sessions: false, panic: false };
const PANIC: Press = Press { sessions: false, panic: true };

/// What the hub has sent, in order: `ticket EPOCH` and `call TOOL`, each with the number of the runner.
type Sent = Arc<Mutex<Vec<(usize, String)>>>;

/// A hub whose runners, engine and times are the test's own.
struct Scene {
    hub: Hub,
    sent: Sent,
    /// Runners whose kill the engine was asked for.
    asked: Arc<AtomicUsize>,
    data: PathBuf,
    _kept: Option<tempfile::TempDir>,
}

/// What its world does.
#[derive(Clone, Default)]
struct World {
    /// The engine answers no kill before this is cancelled.
    engine: Option<CancellationToken>,
    /// No runner starts before this is notified.
    starts: Option<Arc<Notify>>,
    /// The runner answers every call with this; without it, calls run until they are cancelled.
    answer: Option<&'static str>,
    /// Done by the runner when it hears of a call.
    when_called: Option<Arc<dyn Fn() + Send + Sync>>,
}

/// Its tools: `read` of tier user; `wipe` (critical) and `once` (admin, a runner per call).
fn tools() -> Manifest {
    let once = manifest::Tool { runner: RunnerScope::Call, ..tool("once", Tier::Admin) };
    manifest([tool("read", Tier::User), tool("wipe", Tier::Critical), once])
}

impl Scene {
    async fn of(world: World) -> Self {
        Self::within(tempfile::tempdir().unwrap(), world).await
    }

    async fn within(data: tempfile::TempDir, world: World) -> Self {
        let scene = Self::at(data.path(), world).await;
        Self { _kept: Some(data), ..scene }
    }

    /// In a directory that somebody else keeps.
    async fn at(data: &Path, world: World) -> Self {
        let (sent, asked, number) = (Sent::default(), Arc::<AtomicUsize>::default(), AtomicUsize::default());
        let (heard, kills) = (sent.clone(), asked.clone());
        let meet: Meet = Box::new(move |key: HubPublicKey| {
            let (world, kills, number) = (world.clone(), kills.clone(), number.fetch_add(1, Ordering::SeqCst));
            let tap = listening(number, heard.clone(), key.to_string());
            Box::pin(async move {
                if let Some(starts) = &world.starts {
                    starts.notified().await;
                }
                let (called, said) = (world.when_called.clone(), world.answer);
                let act: Act = Arc::new(move |_| {
                    called.iter().for_each(|called| called());
                    said.and_then(answer)
                });
                let reap: Reap = Box::new(move |_, _| {
                    kills.fetch_add(1, Ordering::SeqCst);
                    let ended: BoxFuture<'static, Fate> = Box::pin(async move {
                        if let Some(engine) = world.engine {
                            engine.cancelled().await;
                        }
                        Fate::default()
                    });
                    ended
                });
                reaped(key, act, tap, reap).await
            })
        });
        let force = InForce::fixed(tools(), Default::default()).including(&registration(&["read", "wipe", "once"]));
        let (mut inner, _) = hub_of_runners(data, force, None, meet).await;
        inner.gate_is_open.store(true, Ordering::SeqCst);
        inner.double = Some(Arc::new(super::escalating::Double));
        Self { hub: Hub(Arc::new(inner)), sent, asked, data: data.to_owned(), _kept: None }
    }

    fn caller(&self, principal: &str) -> Caller {
        self.hub.local_caller(principal, &ProfileName::try_from("everyone").unwrap()).unwrap()
    }

    /// A call in a task of its own.
    fn start(&self, caller: &Caller, tool: &str) -> tokio::task::JoinHandle<CallOutcome> {
        let (hub, caller, tool) = (self.hub.clone(), caller.clone(), tool.to_owned());
        tokio::spawn(async move {
            let (notes, _listener) = mpsc::channel(1);
            hub.call(&caller, &tool, "{}".into(), notes, CancellationToken::new()).await.outcome
        })
    }

    /// Waits until a call of this tool was sent so many times.
    async fn sent_calls(&self, tool: &str, times: usize) {
        let wanted = format!("call {tool}");
        until(|| self.sent().iter().filter(|(_, what)| *what == wanted).count() >= times).await;
    }

    fn sent(&self) -> Vec<(usize, String)> {
        self.sent.lock().unwrap().clone()
    }

    async fn press(&self, press: Press) -> Revoked {
        self.hub.revoke_all(press, "ada").await
    }

    fn events(&self, name: &str) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.data.join("audit.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.filter(|line| line["event"] == name).collect()
    }
}

fn listening(number: usize, sent: Sent, key: String) -> Tap {
    let (decoder, key): (_, HubPublicKey) = (Mutex::new(Decoder::new()), key.parse().unwrap());
    Arc::new(move |bytes| {
        let mut decoder = decoder.lock().unwrap();
        decoder.push(bytes);
        while let Some(message) = decoder.next::<ToRunner>().unwrap() {
            let what = match message {
                ToRunner::Ticket(jws) => format!("ticket {}", key.verify(&jws).unwrap().epoch),
                ToRunner::Call(call) => format!("call {}", call.tool),
                _ => continue,
            };
            sent.lock().unwrap().push((number, what));
        }
    })
}

async fn until(is_so: impl Fn() -> bool) {
    let waited = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waited).await.unwrap();
}

fn taken_back() -> CallOutcome {
    CallOutcome::Denied { reason: TAKEN_BACK.into(), approvable: false }
}

#[tokio::test]
async fn elevated_calls_end_and_their_runners_die_while_others_go_on() {
    let scene = Scene::of(World::default()).await;
    let caller = scene.caller("ada");
    let (read, wipe, once) = (scene.start(&caller, "read"), scene.start(&caller, "wipe"), scene.start(&caller, "once"));
    for tool in ["read", "wipe", "once"] {
        scene.sent_calls(tool, 1).await;
    }
    let revoked = scene.press(ALL).await;
    assert_eq!((revoked.epoch, revoked.panic, revoked.calls, revoked.killed), (2, false, 2, 2));
    assert!(revoked.unconfirmed.is_empty(), "{revoked:?}");
    assert_eq!(scene.asked.load(Ordering::SeqCst), 2, "both were killed by the time of the answer");
    assert_eq!((wipe.await.unwrap(), once.await.unwrap()), (taken_back(), taken_back()));
    assert!(!read.is_finished(), "what nobody had to allow goes on");
    read.abort();
    // A busy disk may be late, and then it is made up for.
    scene.hub.0.tell_button().await;
    let recorded = scene.events("all_revoked");
    assert_eq!((&recorded[0]["epoch"], &recorded[0]["by"]), (&2.into(), &"ada".into()));
    assert_eq!(scene.events("outcome_unknown").len(), 2, "their runners had heard of them");
    let denied = scene.events("executed");
    assert!(denied.iter().all(|line| line["outcome"] == "denied"), "{denied:?}");
}

#[tokio::test]
async fn a_sessions_runner_lives_on_and_gets_a_ticket_of_the_new_epoch_before_its_next_call() {
    let scene = Scene::of(World { answer: Some("hi"), ..World::default() }).await;
    let caller = scene.caller("ada");
    for _ in 0..2 {
        assert!(matches!(scene.start(&caller, "read").await.unwrap(), CallOutcome::Answer(_)));
    }
    scene.press(ALL).await;
    assert!(matches!(scene.start(&caller, "read").await.unwrap(), CallOutcome::Answer(_)));
    let words: Vec<_> = scene.sent().into_iter().map(|(runner, what)| format!("{runner} {what}")).collect();
    assert_eq!(words, ["0 ticket 1", "0 call read", "0 call read", "0 ticket 2", "0 call read"]);
}

/// The engine hangs, and the runner goes on talking: it does not even obey its own input's end.
#[tokio::test]
async fn while_the_engine_hangs_nothing_is_sent_accepted_or_let_out() {
    let engine = CancellationToken::new();
    let scene = Scene::of(World { engine: Some(engine.clone()), ..World::default() }).await;
    let caller = scene.caller("ada");
    let calls = [scene.start(&caller, "wipe"), scene.start(&caller, "once")];
    for tool in ["wipe", "once"] {
        scene.sent_calls(tool, 1).await;
    }
    let revoked = scene.press(ALL).await;
    assert_eq!((revoked.killed, revoked.unconfirmed.len()), (0, 2));
    assert!(revoked.undone.concat().contains("not confirmed to be dead"), "{revoked:?}");
    for call in calls {
        assert_eq!(call.await.unwrap(), taken_back());
    }
    let sent = scene.sent();
    // The same session goes on, with another runner: that one is none of those.
    let read = scene.start(&caller, "read");
    scene.sent_calls("read", 1).await;
    assert!(scene.sent().iter().skip(sent.len()).all(|(runner, _)| *runner > 1), "{:?}", scene.sent());
    read.abort();
    engine.cancel();
    let again = scene.press(ALL).await;
    assert!(again.unconfirmed.is_empty(), "{again:?}");
}

#[tokio::test]
async fn a_runner_that_is_just_being_started_is_not_used_any_more() {
    for tool in ["wipe", "once"] {
        let starts = Arc::new(Notify::new());
        let scene = Scene::of(World { starts: Some(starts.clone()), answer: Some("hi"), ..World::default() }).await;
        let call = scene.start(&scene.caller("ada"), tool);
        until(|| scene.events("requested").iter().any(|line| line["tool"] == tool)).await;
        scene.press(ALL).await;
        starts.notify_one();
        assert_eq!(call.await.unwrap(), taken_back());
        assert!(scene.sent().is_empty(), "{:?}", scene.sent());
    }
}

/// Pressed at any moment of a call: it has either answered before, or is taken back, and nothing is sent late.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pressed_at_any_moment_no_elevated_call_is_sent_or_answered_after_the_answer() {
    let scene = Scene::of(World { answer: Some("hi"), ..World::default() }).await;
    let (mut answered, mut taken) = (0, 0);
    for round in 0..200_u32 {
        let caller = scene.caller(&format!("ada {round}"));
        let tool = if round % 2 == 0 { "wipe" } else { "once" };
        let call = scene.start(&caller, tool);
        for _ in 0..round % 40 {
            tokio::task::yield_now().await;
        }
        let pressed = scene.press(ALL).await;
        assert!(pressed.unconfirmed.is_empty(), "{pressed:?}");
        let sent = scene.sent().len();
        match call.await.unwrap() {
            // It was through before, or had not begun when the button was pressed and is of the new epoch.
            CallOutcome::Answer(_) => answered += 1,
            // While it ran, when it was to be claimed, or while the person was asked.
            outcome => {
                assert!(matches!(outcome, CallOutcome::Denied { .. }), "{outcome:?}");
                assert_eq!(scene.sent().len(), sent, "round {round}: something was sent after the answer");
                taken += 1;
            }
        }
        scene.hub.end_session(&caller.session).await;
    }
    assert!(answered > 0 && taken > 0, "{answered} {taken}");
}

#[tokio::test]
async fn a_stop_denies_every_tier_across_a_restart_until_somebody_resumes() {
    let mut scene = Scene::of(World::default()).await;
    let caller = scene.caller("ada");
    let running = scene.start(&caller, "read");
    scene.sent_calls("read", 1).await;
    let revoked = scene.press(PANIC).await;
    assert_eq!((revoked.panic, revoked.calls, revoked.killed), (true, 1, 1));
    assert_eq!(running.await.unwrap(), taken_back());
    let stopped = CallOutcome::Denied { reason: STOPPED.into(), approvable: false };
    for tool in ["read", "wipe", "once", "nothing"] {
        assert_eq!(scene.start(&caller, tool).await.unwrap(), stopped, "{tool}");
    }
    let health = scene.hub.health();
    assert!(!health.ok && health.panic && health.epoch == 2);
    assert!(health.problems.concat().contains("safeclaw resume"), "{:?}", health.problems);
    let name = ComponentName::try_from("demo").unwrap();
    assert!(matches!(scene.hub.add_component(&name, Vec::new()).await, Err(RegisterError::Stopped)));

    let data = scene._kept.take().unwrap();
    drop(scene);
    let scene = Scene::within(data, World { answer: Some("hi"), ..World::default() }).await;
    let caller = scene.caller("ada");
    assert_eq!(scene.start(&caller, "read").await.unwrap(), stopped);
    assert_eq!(scene.hub.resume("ada").await.unwrap().epoch, 2);
    assert!(matches!(scene.start(&caller, "read").await.unwrap(), CallOutcome::Answer(_)));
    assert_eq!((scene.events("all_revoked").len(), scene.events("resumed").len()), (1, 1));
    assert!(scene.hub.resume("ada").await.unwrap_err().to_string().contains("nothing to resume"));
}

#[tokio::test]
async fn sessions_are_ended_where_that_is_asked_for_and_their_tokens_stay() {
    let scene = Scene::of(World { answer: Some("hi"), ..World::default() }).await;
    let (one, other) = (scene.caller("ada"), scene.caller("bob"));
    for caller in [&one, &other] {
        scene.start(caller, "read").await.unwrap();
    }
    let revoked = scene.press(Press { sessions: true, panic: false }).await;
    assert_eq!((revoked.sessions, scene.hub.sessions().len()), (2, 0));
    assert!(matches!(scene.start(&one, "read").await.unwrap(), CallOutcome::Answer(_)));
}

/// Neither the epoch's file nor the log can be written, and the store is locked by somebody: it is pressed all the
/// same, says what is missing, and makes up for it.
#[tokio::test]
async fn the_button_needs_no_disk_no_log_and_no_store() {
    let scene = Scene::of(World::default()).await;
    let caller = scene.caller("ada");
    let call = scene.start(&caller, "wipe");
    scene.sent_calls("wipe", 1).await;
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let (epoch, log) = (scene.hub.0.epoch.divert(full()), scene.hub.0.audit.divert(full()));
    let other = Store::open(&Location::within(&scene.data)).await.unwrap();
    let locked = other.begin().await.unwrap();

    let router = operator::router(scene.hub.clone());
    let body = axum::body::Body::from(r#"{"sessions":false,"panic":true}"#);
    let request = ::http::Request::post("/revoke-all").body(body).unwrap();
    let answer = tower::ServiceExt::oneshot(router.clone(), request).await.unwrap();
    assert_eq!(answer.status(), 200);
    let text = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
    let revoked: Revoked = serde_json::from_slice(&text).unwrap();
    assert_eq!((revoked.epoch, revoked.panic, revoked.calls, revoked.killed), (2, true, 1, 1));
    let undone = revoked.undone.join("\n");
    assert!(undone.contains("restart") && undone.contains("audit log"), "{undone}");
    // Its end cannot be recorded either, and then it is broken; an answer it is not.
    assert!(!matches!(call.await.unwrap(), CallOutcome::Answer(_)));

    // What gives something again is refused for want of a record.
    let request = ::http::Request::post("/resume").body(axum::body::Body::empty()).unwrap();
    assert_eq!(tower::ServiceExt::oneshot(router, request).await.unwrap().status(), 503);
    assert!(scene.hub.health().panic);

    scene.hub.0.epoch.divert(epoch);
    scene.hub.0.audit.divert(log);
    scene.hub.0.tell_button().await;
    assert_eq!(scene.events("all_revoked").len(), 1);
    locked.rollback().await.unwrap();
    let kept = Epoch::open(&scene.data).unwrap();
    assert_eq!((kept.now(), kept.is_panic(), kept.untold().0.len()), (2, true, 0));
}

/// The log hangs in the middle of the record of a call that has ended well; the button is pressed meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_log_that_hangs_neither_holds_the_button_nor_lets_an_answer_out() {
    let hangs: Arc<Mutex<Option<(Audit, File)>>> = Arc::default();
    let when_called = {
        let hangs = hangs.clone();
        Arc::new(move || {
            if let Some((audit, full)) = hangs.lock().unwrap().take() {
                audit.divert(full);
            }
        })
    };
    let scene = Scene::of(World { answer: Some("secret"), when_called: Some(when_called), ..World::default() }).await;
    let (mut drain, fill) = std::io::pipe().unwrap();
    let mut fill = File::from(std::os::fd::OwnedFd::from(fill));
    rustix::io::ioctl_fionbio(&fill, true).unwrap();
    while std::io::Write::write(&mut fill, &[b'\n'; 4096]).is_ok() {}
    rustix::io::ioctl_fionbio(&fill, false).unwrap();
    *hangs.lock().unwrap() = Some((scene.hub.0.audit.clone(), fill));

    let call = scene.start(&scene.caller("ada"), "wipe");
    scene.sent_calls("wipe", 1).await;
    until(|| hangs.lock().unwrap().is_none()).await;
    let revoked = scene.press(ALL).await;
    assert_eq!((revoked.epoch, revoked.killed), (2, 1), "{revoked:?}");
    let undone = revoked.undone.join("\n");
    assert!(undone.contains("audit log") && undone.contains("1 calls have not come to their end"), "{undone}");
    assert!(!call.is_finished());
    // The log goes on: its end is written, and what it answered stays here.
    std::thread::spawn(move || std::io::copy(&mut drain, &mut std::io::sink()));
    assert_eq!(call.await.unwrap(), taken_back());
}

#[tokio::test]
async fn a_hub_that_does_not_run_can_be_stopped_too() {
    let data = tempfile::tempdir().unwrap();
    let pressed = crate::button::press_without_hub(data.path(), PANIC, "ada").await.unwrap();
    let scene = Scene::within(data, World::default()).await;
    assert_eq!((pressed, scene.hub.health().epoch, scene.hub.health().panic), (2, 2, true));
    assert!(crate::button::press_without_hub(&scene.data, PANIC, "ada").await.is_err(), "a hub has it");
    scene.hub.0.tell_button().await;
    assert_eq!(scene.events("all_revoked")[0]["panic"], true);
}
