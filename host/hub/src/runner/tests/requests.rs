//! Requests of an honest runner: both bodies, early ends on either side, and who is in whose way.

use super::*;
use ::egress::{Asked, Piece};
use protocol::{EgressId, Fields, FromHttp, HTTP_WINDOW_BYTES, HttpFault, HttpRequest, ToHttp};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

fn request(id: EgressId, call: CallId, body: bool) -> FromRunner {
    let (method, url) = ("POST".to_owned(), "https://a.test/x".to_owned());
    let head = HttpRequest { id, call, method, url, headers: Vec::new(), body, first_byte_ms: None };
    FromRunner::Http(FromHttp::Request(head))
}

fn says(message: FromHttp) -> FromRunner {
    FromRunner::Http(message)
}

impl Script {
    async fn hear_http(&mut self) -> ToHttp {
        match self.hear().await {
            Some(ToRunner::Http(message)) => message,
            other => panic!("{other:?}"),
        }
    }
}

/// One call; the script plays its runner, and `serve` sees to its requests.
async fn play<S, B>(
    room: usize,
    script: impl FnOnce(Script, CallId) -> S + Send + 'static,
    serve: impl FnOnce(mpsc::Receiver<Asked>) -> B,
) -> (Runner, Ended)
where
    S: Future<Output = ()> + Send + 'static,
    B: Future<Output = ()> + Send + 'static,
{
    let runner = met(|mut s| async move {
        s.hello().await;
        let id = s.hear_call().await;
        script(s, id).await;
    })
    .await;
    let (http, requests) = mpsc::channel(room);
    let serving = tokio::spawn(serve(requests));
    let ended = call_with(&runner, Some(http), &CancellationToken::new()).await;
    serving.await.unwrap();
    (runner, ended)
}

#[tokio::test]
async fn a_request_and_its_answer_pass_whole_both_ways() {
    let trailers: Fields = vec![("t".into(), b"u".to_vec())];
    let sent = trailers.clone();
    let (runner, ended) = play(
        1,
        |mut s, call| async move {
            s.say(request(3, call, true)).await;
            let mut owed = 0;
            for n in 0..64_u8 {
                while owed + (16 << 10) > HTTP_WINDOW_BYTES {
                    let ToHttp::Credit(3, bytes) = s.hear_http().await else { panic!("no credit") };
                    owed -= bytes;
                }
                s.say(says(FromHttp::Data(3, vec![n; 16 << 10]))).await;
                owed += 16 << 10;
            }
            s.say(says(FromHttp::End(3, sent.clone()))).await;
            let mut bytes = 0;
            loop {
                match s.hear_http().await {
                    ToHttp::Credit(3, _) => {}
                    ToHttp::Response(head) => assert_eq!(head.status, 201),
                    ToHttp::Data(3, piece) => {
                        bytes += piece.len();
                        s.say(says(FromHttp::Credit(3, u32::try_from(piece.len()).unwrap()))).await;
                    }
                    ToHttp::End(3, trailers) => break assert_eq!(trailers, sent),
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(bytes, 1 << 20);
            s.say(answer(call)).await;
            assert_eq!(s.hear().await, None);
        },
        |mut requests| async move {
            let Asked { head, body, mut answer } = requests.recv().await.unwrap();
            assert_eq!((head.url.as_str(), head.id), ("https://a.test/x", 3));
            let (mut body, mut bytes) = (body.unwrap(), 0);
            loop {
                match body.next().await.unwrap() {
                    Piece::Data(piece) => bytes += piece.len(),
                    Piece::End(got) => break assert_eq!(got, [("t".to_owned(), b"u".to_vec())]),
                }
            }
            assert_eq!(bytes, 1 << 20);
            answer.begin(201, Vec::new()).await.unwrap();
            for _ in 0..16 {
                answer.data(vec![1; 64 << 10].into()).await.unwrap();
            }
            answer.end(trailers).await.unwrap();
        },
    )
    .await;
    assert!(matches!(ended, Ended::Done(_)), "{ended:?}");
    assert!(runner.lives() && runner.shared.talk().open_requests() == 0);
}

#[tokio::test]
async fn what_either_side_has_ended_may_be_spoken_of_and_nobody_minds() {
    let (runner, ended) = play(
        4,
        |mut s, call| async move {
            // Ended by the hub, and the rest of its body still on its way.
            s.say(request(1, call, true)).await;
            assert_eq!(s.hear_http().await, ToHttp::Failed(1, HttpFault::Denied));
            s.say(says(FromHttp::Data(1, vec![0; 9]))).await;
            s.say(says(FromHttp::Credit(1, 9))).await;
            s.say(says(FromHttp::End(1, Vec::new()))).await;
            s.say(says(FromHttp::Drop(1))).await;
            // Dropped by the guest.
            s.say(request(2, call, false)).await;
            s.say(says(FromHttp::Drop(2))).await;
            s.say(says(FromHttp::Drop(2))).await;
            s.say(answer(call)).await;
            assert_eq!(s.hear().await, None);
        },
        |mut requests| async move {
            requests.recv().await.unwrap().answer.fail(HttpFault::Denied).await;
            let asked = requests.recv().await.unwrap();
            asked.answer.gone().cancelled().await;
            // Said all the same, it goes nowhere.
            asked.answer.fail(HttpFault::Denied).await;
        },
    )
    .await;
    assert!(matches!(ended, Ended::Done(_)) && runner.lives(), "{ended:?}");
}

#[tokio::test]
async fn the_end_of_a_call_is_the_end_of_its_requests() {
    let (runner, ended) = play(
        4,
        |mut s, call| async move {
            s.say(request(1, call, true)).await;
            s.say(answer(call)).await;
            assert_eq!(s.hear().await, None);
        },
        |mut requests| async move {
            let Asked { body, answer, .. } = requests.recv().await.unwrap();
            answer.gone().cancelled().await;
            assert_eq!(body.unwrap().next().await, None, "broken off, not ended");
            assert!(requests.recv().await.is_none());
        },
    )
    .await;
    assert!(matches!(ended, Ended::Done(_)) && runner.lives(), "{ended:?}");
}

#[tokio::test]
async fn a_cancelled_call_has_its_connections_closed_before_the_runner_answers() {
    let (asked, told) = oneshot::channel();
    let runner = met(|mut s| async move {
        s.hello().await;
        let call = s.hear_call().await;
        s.say(request(1, call, false)).await;
        let Some(ToRunner::Cancel(_)) = s.hear().await else { panic!("no cancel") };
        // It has not heard yet, as far as anybody can tell.
        s.say(request(2, call, true)).await;
        s.say(says(FromHttp::Data(2, vec![0; 9]))).await;
        s.say(FromRunner::Done(Done { id: call, outcome: Outcome::Cancelled, usage: Usage::default() })).await;
        let call = s.hear_call().await;
        s.say(answer(call)).await;
        while s.hear().await.is_some() {}
    })
    .await;
    let (http, mut requests) = mpsc::channel(4);
    let cancel = CancellationToken::new();
    let serving = tokio::spawn({
        let cancel = cancel.clone();
        async move {
            let first: Asked = requests.recv().await.unwrap();
            cancel.cancel();
            first.answer.gone().cancelled().await;
            asked.send(()).unwrap();
            assert!(requests.recv().await.is_none(), "a cancelled call asks for nothing");
        }
    });
    let ended = call_with(&runner, Some(http), &cancel).await;
    assert!(matches!(ended, Ended::Cancelled(Reached::Runner)), "{ended:?}");
    told.await.unwrap();
    assert!(matches!(call(&runner).await, Ended::Done(_)), "the runner lives on");
    serving.await.unwrap();
}

#[tokio::test]
async fn requests_that_nobody_takes_are_refused_and_are_no_breach() {
    let (runner, ended) = play(
        1,
        |mut s, call| async move {
            for id in 1..=200 {
                s.say(request(id, call, false)).await;
            }
            let mut refused = 0;
            while refused < 199 {
                let message = s.hear_http().await;
                assert!(matches!(message, ToHttp::Failed(2.., HttpFault::TooMany)), "{message:?}");
                refused += 1;
            }
            s.say(answer(call)).await;
            while s.hear().await.is_some() {}
        },
        |requests| async move {
            let mut requests = requests;
            // Not looked at while the call runs.
            while requests.sender_strong_count() > 0 {
                tokio::task::yield_now().await;
            }
            let asked = requests.recv().await.unwrap();
            assert!(asked.answer.gone().is_cancelled());
        },
    )
    .await;
    assert!(matches!(ended, Ended::Done(_)) && runner.lives(), "{ended:?}");
}

#[tokio::test]
async fn a_call_that_nobody_serves_any_more_is_told_so() {
    let (runner, ended) = play(
        1,
        |mut s, call| async move {
            tokio::task::yield_now().await;
            s.say(request(1, call, true)).await;
            let message = s.hear_http().await;
            assert_eq!(message, ToHttp::Failed(1, HttpFault::CallEnded));
            s.say(answer(call)).await;
            while s.hear().await.is_some() {}
        },
        |requests| async move { drop(requests) },
    )
    .await;
    assert!(matches!(ended, Ended::Done(_)) && runner.lives(), "{ended:?}");
}

#[tokio::test]
async fn a_body_that_the_pipe_does_not_take_keeps_no_call_waiting_behind_all_of_it() {
    // The pipe of these tests holds 64 KiB, and this runner reads nothing of it until it has been asked again.
    let (go, gone) = oneshot::channel::<()>();
    let (full, filled) = oneshot::channel::<()>();
    let runner = met(|mut s| async move {
        s.hello().await;
        let first = s.hear_call().await;
        for id in 1..=40 {
            s.say(request(id, first, false)).await;
        }
        gone.await.unwrap();
        let mut bodies = 0;
        let second = loop {
            match s.hear().await {
                Some(ToRunner::Call(call)) => break call.id,
                Some(ToRunner::Http(ToHttp::Data(_, bytes))) => bodies += bytes.len(),
                Some(ToRunner::Http(_)) => {}
                other => panic!("{other:?}"),
            }
        };
        // What was in the pipe, and a few frames more: not the 2.5 MiB that were to be sent.
        assert!(bodies <= 256 << 10, "{bodies} bytes before the call");
        s.say(answer(second)).await;
        s.say(answer(first)).await;
        while s.hear().await.is_some() {}
    })
    .await;
    let (http, mut requests) = mpsc::channel(64);
    let serving = tokio::spawn(async move {
        let mut sending = Vec::new();
        while let Some(Asked { mut answer, .. }) = requests.recv().await {
            sending.push(tokio::spawn(async move {
                // Cut off when the call ends.
                let _ = answer.begin(200, Vec::new()).await;
                let _ = answer.data(vec![0; 64 << 10].into()).await;
            }));
            if sending.len() == 40 {
                break;
            }
        }
        // All of them have filled what there is to fill.
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        full.send(()).unwrap();
        while requests.recv().await.is_some() {}
    });
    let cancel = CancellationToken::new();
    let (first, second) = tokio::join!(call_with(&runner, Some(http), &cancel), async {
        filled.await.unwrap();
        let mut second = pin!(call(&runner));
        // Its frame is on its way, and only now the runner reads.
        assert!(poll_fn(|cx| Poll::Ready(second.as_mut().poll(cx).is_pending())).await);
        go.send(()).unwrap();
        second.await
    });
    assert!(matches!((&first, &second), (Ended::Done(_), Ended::Done(_))), "{first:?} {second:?}");
    serving.await.unwrap();
}
