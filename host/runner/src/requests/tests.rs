//! What of requests is written, and when. Bodies need a guest: those are tested where there is one.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::*;
use engine::http::Piece;
use futures_util::FutureExt;
use protocol::{Decoder, HttpFault, HttpResponse};

const CALL: CallId = 3;

fn request(url: &str) -> Request {
    Request { method: "GET".into(), url: url.into(), headers: Vec::new(), body: None, first_byte: None }
}

struct Wire {
    outbox: Outbox,
    requests: Requests,
    decoder: Decoder,
}

impl Wire {
    fn new() -> Self {
        let outbox = Outbox::default();
        Self { requests: Requests::new(outbox.clone()), outbox, decoder: Decoder::new() }
    }

    /// What was written since.
    fn said(&mut self) -> Vec<FromHttp> {
        let mut leaving = Vec::new();
        self.outbox.take(&mut leaving);
        self.decoder.push(&leaving);
        let mut said = Vec::new();
        while let Some(message) = self.decoder.next().unwrap() {
            let FromRunner::Http(message) = message else { panic!("{message:?}") };
            said.push(message);
        }
        said
    }
}

fn asked(said: &[FromHttp]) -> EgressId {
    match said {
        [FromHttp::Request(head)] => head.id,
        other => panic!("{other:?}"),
    }
}

fn head(id: EgressId) -> ToHttp {
    ToHttp::Response(HttpResponse { id, status: 204, headers: vec![("a".into(), b"b".to_vec())] })
}

#[tokio::test]
async fn a_request_is_written_answered_credited_and_needs_no_drop_after_its_end() {
    let mut wire = Wire::new();
    let door = wire.requests.begin_call(CALL);
    let first_byte = Some(Duration::from_micros(1_500));
    let headers = vec![("x".to_owned(), vec![0xff])];
    let mut asking = door.request(Request { headers: headers.clone(), first_byte, ..request("https://a.test/") });
    assert!(asking.as_mut().now_or_never().is_none());
    let said = wire.said();
    let id = asked(&said);
    let expected = HttpRequest {
        id,
        call: CALL,
        method: "GET".into(),
        url: "https://a.test/".into(),
        headers,
        body: false,
        first_byte_ms: Some(2),
    };
    assert_eq!(said, [FromHttp::Request(expected)]);
    wire.requests.on(head(id)).unwrap();
    let mut answer = asking.await.unwrap();
    assert_eq!((answer.status, answer.headers.len()), (204, 1));
    wire.requests.on(ToHttp::Data(id, vec![7; 9])).unwrap();
    let piece = poll_fn(|cx| answer.body.poll_piece(cx)).await;
    assert_eq!(piece, Ok(Piece::Data(vec![7; 9].into())));
    assert_eq!(wire.said(), [FromHttp::Credit(id, 9)]);
    wire.requests.on(ToHttp::End(id, vec![("t".into(), b"u".to_vec())])).unwrap();
    let piece = poll_fn(|cx| answer.body.poll_piece(cx)).await;
    assert_eq!(piece, Ok(Piece::End(vec![("t".into(), b"u".to_vec())])));
    drop(answer);
    wire.requests.end_call(CALL).unwrap();
    assert!(wire.said().is_empty());
}

#[tokio::test]
async fn whoever_drops_a_request_at_any_moment_has_the_hub_told_once() {
    let mut wire = Wire::new();
    let door = wire.requests.begin_call(CALL);
    // Before it was ever polled: nobody has heard of it.
    drop(door.request(request("https://a.test/")));
    assert!(wire.said().is_empty());
    // Before its head.
    let mut asking = door.request(request("https://a.test/"));
    assert!(asking.as_mut().now_or_never().is_none());
    let id = asked(&wire.said());
    drop(asking);
    assert_eq!(wire.said(), [FromHttp::Drop(id)]);
    wire.requests.on(head(id)).unwrap();
    // After its head.
    let mut asking = door.request(request("https://a.test/"));
    assert!(asking.as_mut().now_or_never().is_none());
    let id = asked(&wire.said());
    wire.requests.on(head(id)).unwrap();
    drop(asking.await.unwrap());
    assert_eq!(wire.said(), [FromHttp::Drop(id)]);
    // With its call, and then again by itself.
    let mut asking = door.request(request("https://a.test/"));
    assert!(asking.as_mut().now_or_never().is_none());
    let id = asked(&wire.said());
    wire.requests.end_call(CALL).unwrap();
    assert_eq!(wire.said(), [FromHttp::Drop(id)]);
    assert_eq!(asking.await.err(), Some(Fault::CallEnded));
    assert!(matches!(door.request(request("https://a.test/")).await, Err(Fault::CallEnded)));
    assert!(wire.said().is_empty());
}

#[tokio::test]
async fn what_the_hub_would_not_take_is_never_written() {
    let mut wire = Wire::new();
    let door = wire.requests.begin_call(CALL);
    let refused = async |request| door.request(request).await.err().unwrap();
    assert_eq!(refused(request(&"x".repeat(MAX_URL_BYTES + 1))).await, Fault::UrlTooLong);
    assert_eq!(refused(Request { method: "M".repeat(33), ..request("u") }).await, Fault::BadRequest);
    let many = vec![("a".to_owned(), Vec::new()); MAX_HTTP_FIELDS + 1];
    let long = vec![("a".to_owned(), vec![0; MAX_HTTP_FIELD_BYTES])];
    for headers in [many, long] {
        let fault = refused(Request { headers, ..request("u") }).await;
        assert_eq!(fault, Fault::HeadersTooLarge(32 << 10));
    }
    assert!(wire.said().is_empty());
    let mut asking = door.request(request("u"));
    assert!(asking.as_mut().now_or_never().is_none());
    let id = asked(&wire.said());
    wire.requests.on(ToHttp::Failed(id, HttpFault::Budget)).unwrap();
    assert_eq!(asking.await.err(), Some(Fault::Budget));
}

#[tokio::test]
async fn requests_wait_for_the_pipe_in_turn_and_a_flood_of_them_holds_no_memory() {
    let mut wire = Wire::new();
    let door = wire.requests.begin_call(CALL);
    let headers = vec![("a".to_owned(), vec![b'x'; MAX_HTTP_FIELD_BYTES - 1])];
    let mut asking: Vec<_> =
        (0..50).map(|_| door.request(Request { headers: headers.clone(), ..request("u") })).collect();
    let mut heard = 0;
    for _ in 0..60 {
        for asking in &mut asking {
            assert!(asking.as_mut().now_or_never().is_none());
        }
        assert!(wire.outbox.bytes() <= 128 << 10, "{}", wire.outbox.bytes());
        heard += wire.said().len();
        // Those that wait are given the room that became free; polled again, they write.
    }
    assert_eq!(heard, 50);
}
