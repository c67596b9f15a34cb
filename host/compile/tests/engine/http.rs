//! `wasi:http` as a guest sees it, and as it looks to whoever takes its requests: linked by a grant and by nothing
//! else, streamed both ways with little memory, and over when the call is.

use crate::harness::*;
use engine::compile::compile;
use engine::http::{Aborted, Fault, Fields, Outbound, PIECE_BYTES, Pending, Piece, Request, Response, ResponseBody};
use engine::{CallReport, Grant, Imports, LimitKind, LinkError};
use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const GUEST: Guest = Guest {
    imports: include_str!("http-imports.wat"),
    items: include_str!("http-items.wat"),
    call: "(call $say-hex (call $get))",
    world: &["wasi:http/types@0.2.6", "wasi:http/outgoing-handler@0.2.6"],
};

fn granted() -> Grant {
    let mut grant = grant();
    grant.http = true;
    grant
}

/// Answers as a test says.
struct Scripted<F>(F);

impl<F, A> Outbound for Scripted<F>
where
    F: Fn(Request) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Response, Fault>> + Send + 'static,
{
    fn request(&self, request: Request) -> Pending<Result<Response, Fault>> {
        Box::pin((self.0)(request))
    }
}

/// An answer's body, and how often somebody wanted some of it.
struct Parts(VecDeque<Result<Piece, Fault>>, Arc<AtomicUsize>);

impl ResponseBody for Parts {
    fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<Result<Piece, Fault>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

/// One whose parts come from elsewhere.
struct Sent(UnboundedReceiver<Result<Piece, Fault>>);

impl ResponseBody for Sent {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Fault>> {
        self.0.poll_recv(cx).map(|piece| piece.unwrap_or(Err(Fault::Connection)))
    }
}

fn data(bytes: usize) -> Result<Piece, Fault> {
    Ok(Piece::Data(vec![b'x'; bytes].into()))
}

fn end() -> Result<Piece, Fault> {
    Ok(Piece::End(Vec::new()))
}

fn response(status: u16, parts: impl IntoIterator<Item = Result<Piece, Fault>>) -> Response {
    let body = Box::new(Parts(parts.into_iter().collect(), Arc::default()));
    Response { status, headers: Vec::new(), body, rest: None }
}

/// Reads a body to whatever end it has.
async fn read(mut body: engine::http::RequestBody) -> (usize, Result<Fields, Aborted>) {
    let mut bytes = 0;
    loop {
        match body.next().await {
            Ok(Piece::Data(piece)) => {
                assert!((1..=PIECE_BYTES).contains(&piece.len()));
                bytes += piece.len();
            }
            Ok(Piece::End(trailers)) => return (bytes, Ok(trailers)),
            Err(aborted) => return (bytes, Err(aborted)),
        }
    }
}

/// Counts those that are gone.
#[derive(Clone, Default)]
struct Gone(Arc<AtomicUsize>);

impl Gone {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

struct Guard(Gone);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn play<F, A>(body: &'static str, grant: Grant, script: F) -> CallReport
where
    F: Fn(Request) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Response, Fault>> + Send + 'static,
{
    let prepared = prepare(&Guest { call: body, ..GUEST }, grant);
    block_on(async {
        let report = prepared.call_with("tool", "{}", Heard::default(), Some(Arc::new(Scripted(script)))).await;
        // What was spawned for it is dropped by the runtime when it comes to that.
        for _ in 0..16 {
            tokio::task::yield_now().await;
        }
        report
    })
}

#[track_caller]
fn says(report: &CallReport, number: u32) {
    assert_eq!(text(report), format!("{number:08x}"));
}

/// What `$await` and `$read-all` give for an error-code.
fn code(number: u32) -> u32 {
    u32::MAX - number
}

const DENIED: u32 = 15;
const REQUEST_BODY_SIZE: u32 = 17;
const RESPONSE_BODY_SIZE: u32 = 28;
const PROTOCOL_ERROR: u32 = 35;
const READ_TIMEOUT: u32 = 9;

#[test]
fn it_links_where_it_is_granted_and_the_refusal_names_the_lines_that_would() {
    let none = BTreeSet::new();
    let wasm = GUEST.wasm();
    let refusal = match compile(&wasm, &none) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("it was compiled"),
    };
    for part in ["`wasi:http/types@0.2.6`", "`wasi:http/outgoing-handler@0.2.6`", "[[tools.NAME.http]]", "trap_imports"]
    {
        assert!(refusal.contains(part), "{refusal}");
    }
    let artefact = compile(&wasm, Imports { traps: &none, http: true }).unwrap();
    let (_dir, fd, digest) = stored(&artefact.bytes);
    let engine = engine();
    let loaded = engine::load_artefact(&engine, &fd, &digest).unwrap();
    let error = engine::prepare(&engine, &loaded, grant()).err().expect("refused");
    assert!(matches!(&error, LinkError::NotGranted(names) if names.len() == 2), "{error}");
}

#[test]
fn it_may_trap_where_it_is_not_granted_and_is_the_real_one_where_it_is() {
    let traps: BTreeSet<String> = ["wasi:http/types", "wasi:http/outgoing-handler"].map(str::to_owned).into();
    let mut trapping = grant();
    trapping.trap_imports = traps.clone();
    assert_trap(&call(&prepare(&GUEST, trapping), "{}"), "which links to a trap");
    let mut both = granted();
    both.trap_imports = traps;
    says(&call(&prepare(&GUEST, both), "{}"), code(DENIED));
}

#[test]
fn a_call_that_may_not_ask_is_denied() {
    says(&call(&prepare(&GUEST, granted()), "{}"), code(DENIED));
}

#[test]
fn a_request_without_a_body_has_none_even_if_the_guest_opened_one() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let script = {
        let asked = asked.clone();
        move |request: Request| {
            let (body, whole) = (request.body.is_some(), format!("{} {}", request.method, request.url));
            asked.lock().unwrap().push((whole, request.headers, body));
            async { Ok(response(200, [data(3), data(70_000), end()])) }
        }
    };
    let plain = "(call $say-hex (call $read-all (call $reader (call $get))))";
    says(&play(plain, granted(), script.clone()), 70_003);
    let opened = "(local.set $i (call $to (call $fields-new)))
        (if (call $append (local.tee $j (call $fields-new)) (i32.const 3070) (i32.const 6) (i32.const 3080) (i32.const 12)) (then unreachable))
        (local.set $i (call $to (local.get $j)))
        (local.set $j (call $body (local.get $i)))
        (local.set $i (call $ask (local.get $i)))
        (drop (call $finish (local.get $j)))
        (call $say-hex (call $status (call $await (local.get $i))))";
    says(&play(opened, granted(), script), 200);
    let expected = ("GET https://a.test/x".to_owned(), Vec::new(), false);
    assert_eq!(*asked.lock().unwrap(), [expected.clone(), expected], "no `Host`, and no `Expect`");
}

#[test]
fn headers_that_only_a_client_writes_are_forbidden() {
    let body = "(local.set $i (call $fields-new))
        (local.set $j (call $append (local.get $i) (i32.const 3050) (i32.const 4) (i32.const 3000) (i32.const 6)))
        (call $say-hex (i32.add (i32.mul (local.get $j) (i32.const 16))
          (call $append (local.get $i) (i32.const 3060) (i32.const 2) (i32.const 3000) (i32.const 6))))";
    says(&call(&prepare(&Guest { call: body, ..GUEST }, granted()), "{}"), 0x22);
}

#[test]
fn a_body_is_streamed_and_its_end_is_its_end() {
    let body = "(local.set $i (call $post (call $fields-new)))
        (call $put (global.get $out) (i32.const 3000000))
        (if (call $close) (then unreachable))
        (call $say-hex (call $status (call $await (local.get $i))))";
    let got = Arc::new(Mutex::new(None));
    let script = {
        let got = got.clone();
        move |request: Request| {
            let got = got.clone();
            async move {
                let read = read(request.body.unwrap()).await;
                *got.lock().unwrap() = Some(read);
                Ok(response(201, [end()]))
            }
        }
    };
    says(&play(body, granted(), script), 201);
    assert_eq!(*got.lock().unwrap(), Some((3_000_000, Ok(Vec::new()))));
}

#[test]
fn a_body_that_nobody_reads_holds_little_and_its_guest_waits() {
    // As much as is taken without waiting.
    let body = "(drop (call $post (call $fields-new)))
        (loop $more
          (call $check-write (global.get $out) (i32.const 2048))
          (if (local.tee $i (i32.load (i32.const 2056)))
            (then
              (call $write (global.get $out) (i32.const 0) (local.get $i) (i32.const 2048))
              (local.set $j (i32.add (local.get $j) (local.get $i)))
              (br $more))))
        (call $say-hex (local.get $j))";
    let report = play(body, granted(), |_: Request| std::future::pending());
    says(&report, 2 * u32::try_from(PIECE_BYTES).unwrap());
    // And whoever does wait is ended by its deadline like every other.
    let mut short = granted();
    short.limits.deadline_ms = 50;
    let body = "(drop (call $post (call $fields-new))) (call $put (global.get $out) (i32.const 3000000)) (call $say-hex (i32.const 0))";
    let gone = Gone::default();
    let script = {
        let gone = gone.clone();
        move |request: Request| {
            let guard = Guard(gone.clone());
            async move {
                let _held = (request, guard);
                std::future::pending().await
            }
        }
    };
    assert_limit(&play(body, short, script), LimitKind::Deadline, 50);
    assert_eq!(gone.count(), 1, "the request is dropped with its call");
}

#[test]
fn writes_of_nothing_are_nothing() {
    let body = "(local.set $i (call $post (call $fields-new)))
        (loop $more
          (call $write-all (global.get $out) (i32.const 0) (i32.const 0) (i32.const 2048))
          (br_if $more (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 1))) (i32.const 2000))))
        (if (call $close) (then unreachable))
        (call $say-hex (call $status (call $await (local.get $i))))";
    let script = |request: Request| async move {
        let (bytes, end) = match request.body {
            Some(body) => read(body).await,
            None => (0, Ok(Vec::new())),
        };
        Ok(response(if bytes == 0 && end.is_ok() { 200 } else { 500 }, [self::end()]))
    };
    says(&play(body, granted(), script), 200);
}

#[test]
fn an_answer_may_come_first_and_the_rest_of_the_request_still_goes() {
    let body = "(local.set $i (call $post (call $fields-new)))
        (local.set $j (call $await (local.get $i)))
        (call $put (global.get $out) (i32.const 300000))
        (if (call $close) (then unreachable))
        (call $say-hex (call $read-all (call $reader (local.get $j))))";
    let got = Arc::new(Mutex::new(None));
    let script = {
        let got = got.clone();
        move |request: Request| {
            let got = got.clone();
            let (parts, sent) = unbounded_channel();
            let rest = async move {
                let read = read(request.body.unwrap()).await;
                *got.lock().unwrap() = Some(read);
                parts.send(data(5)).and_then(|()| parts.send(end())).unwrap();
            };
            let response = response(200, []);
            async move { Ok(Response { rest: Some(Box::pin(rest)), body: Box::new(Sent(sent)), ..response }) }
        }
    };
    says(&play(body, granted(), script), 5);
    assert_eq!(*got.lock().unwrap(), Some((300_000, Ok(Vec::new()))));
}

#[test]
fn a_guest_whose_body_nobody_wants_any_more_hears_so() {
    let body = "(local.set $i (call $post (call $fields-new)))
        (local.set $j (call $await (local.get $i)))
        (call $put (global.get $out) (i32.const 3000000))
        (call $say-hex (call $status (local.get $j)))";
    // The body is dropped with the request, and the answer is whole.
    says(&play(body, granted(), |_: Request| async { Ok(response(413, [end()])) }), 413);
}

#[test]
fn what_is_not_finished_never_looks_as_if_it_were() {
    let bodies = [
        // Its call ends.
        "(drop (call $post (call $fields-new))) (call $put (global.get $out) (i32.const 40000)) (call $say-hex (i32.const 0))",
        // It traps.
        "(drop (call $post (call $fields-new))) (call $put (global.get $out) (i32.const 40000)) unreachable",
        // It wants no answer.
        "(local.set $i (call $post (call $fields-new))) (call $put (global.get $out) (i32.const 40000))
         (call $answer-drop (local.get $i)) (drop (call $close)) (call $say-hex (i32.const 0))",
    ];
    for body in bodies {
        let (ends, gone) = (Arc::new(AtomicUsize::new(0)), Gone::default());
        let script = {
            let (ends, gone) = (ends.clone(), gone.clone());
            move |request: Request| {
                let (ends, guard) = (ends.clone(), Guard(gone.clone()));
                async move {
                    let _guard = guard;
                    if read(request.body.unwrap()).await.1.is_ok() {
                        ends.fetch_add(1, Ordering::Relaxed);
                    }
                    std::future::pending().await
                }
            }
        };
        play(body, granted(), script);
        assert_eq!((ends.load(Ordering::Relaxed), gone.count()), (0, 1), "{body}");
    }
}

#[test]
fn a_body_shorter_than_its_content_length_is_broken_off() {
    let body = "(local.set $i (call $fields-new))
        (drop (call $append (local.get $i) (i32.const 3020) (i32.const 14) (i32.const 3040) (i32.const 1)))
        (local.set $i (call $post (local.get $i)))
        (call $put (global.get $out) (i32.const 3))
        (local.set $j (call $close))
        (drop (call $await (local.get $i)))
        (call $say-hex (local.get $j))";
    let got = Arc::new(Mutex::new(None));
    let script = {
        let got = got.clone();
        move |request: Request| {
            let got = got.clone();
            async move {
                let read = read(request.body.unwrap()).await;
                *got.lock().unwrap() = Some(read);
                Err(Fault::Aborted)
            }
        }
    };
    says(&play(body, granted(), script), 256 + REQUEST_BODY_SIZE);
    // Where it had broken off before anybody asked, nobody was asked at all.
    assert!(matches!(*got.lock().unwrap(), None | Some((3, Err(Aborted)))));
}

#[test]
fn many_requests_at_once_are_answered_in_any_order() {
    const MANY: usize = 64;
    let body = "(loop $more
          (i32.store (i32.add (i32.const 4096) (i32.mul (local.get $i) (i32.const 4))) (call $ask (call $to (call $fields-new))))
          (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 64))))
        (loop $more
          (local.set $i (i32.sub (local.get $i) (i32.const 1)))
          (local.set $j (i32.add (local.get $j)
            (call $status (call $await (i32.load (i32.add (i32.const 4096) (i32.mul (local.get $i) (i32.const 4))))))))
          (br_if $more (local.get $i)))
        (call $say-hex (local.get $j))";
    let mut grant = granted();
    grant.limits.handles = 1_000;
    let (asked, all) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let script = move |_: Request| {
        let (asked, all) = (asked.clone(), all.clone());
        async move {
            let here = all.notified();
            if asked.fetch_add(1, Ordering::Relaxed) + 1 == MANY {
                all.notify_waiters();
            } else {
                here.await;
            }
            Ok(response(200, [end()]))
        }
    };
    says(&play(body, grant, script), 200 * 64);
}

#[test]
fn more_requests_than_handles_are_a_limit() {
    let body = "(loop $more (drop (call $ask (call $to (call $fields-new)))) (br $more)) unreachable";
    let gone = Gone::default();
    let script = {
        let gone = gone.clone();
        move |_: Request| {
            let guard = Guard(gone.clone());
            async move {
                let _guard = guard;
                std::future::pending().await
            }
        }
    };
    assert_limit(&play(body, granted(), script), LimitKind::Handles, 64);
    assert!(gone.count() <= 64, "{}", gone.count());
}

#[test]
fn an_answer_that_nobody_reads_stays_where_it_is() {
    let polled = Arc::new(AtomicUsize::new(0));
    let script = {
        let polled = polled.clone();
        move |_: Request| {
            let body = Parts((0..100).map(|_| data(PIECE_BYTES)).collect(), polled.clone());
            async { Ok(Response { body: Box::new(body), ..response(200, []) }) }
        }
    };
    says(&play("(call $say-hex (call $status (call $get)))", granted(), script.clone()), 200);
    assert_eq!(polled.load(Ordering::Relaxed), 0);
    let once = "(local.set $i (call $reader (call $get)))
        (call $read (local.get $i) (i64.const 100) (i32.const 2048))
        (call $say-hex (i32.load (i32.const 2056)))";
    says(&play(once, granted(), script), 100);
    assert_eq!(polled.load(Ordering::Relaxed), 1);
}

#[test]
fn an_answer_that_breaks_off_says_why() {
    let body = "(call $say-hex (call $read-all (call $reader (call $get))))";
    let script = |_: Request| async { Ok(response(200, [data(9), Err(Fault::ResponseTooLarge(9))])) };
    says(&play(body, granted(), script), code(RESPONSE_BODY_SIZE));
    let refused =
        play("(call $say-hex (call $get))", granted(), |_: Request| async { Err(Fault::ResponseTooLarge(9)) });
    says(&refused, code(RESPONSE_BODY_SIZE));
}

#[test]
fn a_guest_may_lose_its_patience_between_two_pieces() {
    let body = "(local.set $i (call $options-new))
        (drop (call $set-between (local.get $i) (i32.const 1) (i64.const 20000000)))
        (call $send (call $to (call $fields-new)) (i32.const 1) (local.get $i) (i32.const 2048))
        (call $say-hex (call $read-all (call $reader (call $await (i32.load (i32.const 2056))))))";
    let script = |_: Request| async { Ok(response(200, [data(9)])) };
    says(&play(body, granted(), script), code(READ_TIMEOUT));
}

#[test]
fn trailers_arrive() {
    let body = "(local.set $i (call $reader (call $get)))
        (local.set $j (call $read-all (local.get $i)))
        (call $input-drop (local.get $i))
        (local.set $i (call $body-trailers (global.get $answer-body)))
        (call $block (call $trailers-ready (local.get $i)))
        (call $trailers-get (local.get $i) (i32.const 2048))
        ;; The answer's bytes, and whether there are trailers.
        (call $say-hex (i32.add (i32.mul (local.get $j) (i32.const 16)) (i32.load8_u (i32.const 2072))))";
    let with = |_: Request| async { Ok(response(200, [data(9), Ok(Piece::End(vec![("t".into(), b"u".to_vec())]))])) };
    says(&play(body, granted(), with), 0x91);
    let without = |_: Request| async { Ok(response(200, [data(9), end()])) };
    says(&play(body, granted(), without), 0x90);
}

#[test]
fn an_answer_that_is_no_http_reaches_no_guest() {
    let body = "(call $say-hex (call $get))";
    for (status, name, value) in [(200, "a b", "x"), (200, "a", "x\ny"), (1000, "a", "x")] {
        let script = move |_: Request| async move {
            Ok(Response { headers: vec![(name.into(), value.into())], ..response(status, [end()]) })
        };
        says(&play(body, granted(), script), code(PROTOCOL_ERROR));
    }
}
