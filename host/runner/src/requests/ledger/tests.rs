#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

const CALL: CallId = 7;

fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.begin_call(CALL);
    ledger
}

fn head(id: EgressId) -> ToHttp {
    ToHttp::Response(HttpResponse { id, status: 200, headers: Vec::new() })
}

fn data(id: EgressId, bytes: usize) -> ToHttp {
    ToHttp::Data(id, vec![0; bytes])
}

fn end(id: EgressId) -> ToHttp {
    ToHttp::End(id, Vec::new())
}

/// Counts how often somebody was woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll<T>(poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    poll(&mut Context::from_waker(Waker::noop()))
}

/// Says these to a ledger with one request, number 1; the last one must be refused so.
fn breach(expected: Breach, says: Vec<ToHttp>) {
    let mut ledger = ledger();
    ledger.begin(CALL).unwrap();
    let (last, before) = says.split_last().unwrap();
    for message in before {
        assert_eq!(ledger.on(message.clone()), Ok(()), "{expected}");
    }
    assert_eq!(ledger.on(last.clone()), Err(expected));
}

#[test]
fn what_no_hub_says_is_a_breach() {
    for id in [0, 2, u64::MAX] {
        for message in [head(id), data(id, 1), end(id), ToHttp::Credit(id, 1), ToHttp::Failed(id, HttpFault::Denied)] {
            breach(Breach::Never, vec![message]);
        }
    }
    breach(Breach::Head, vec![head(1), head(1)]);
    breach(Breach::Head, vec![data(1, 1)]);
    breach(Breach::Head, vec![end(1)]);
    for status in [0, 100, 101, 199, 600, u16::MAX] {
        breach(Breach::Status, vec![ToHttp::Response(HttpResponse { id: 1, status, headers: Vec::new() })]);
    }
    breach(Breach::Piece, vec![head(1), data(1, 0)]);
    breach(Breach::Piece, vec![head(1), data(1, HTTP_PIECE_BYTES + 1)]);
    let mut flood = vec![head(1)];
    flood.extend(vec![data(1, HTTP_PIECE_BYTES); 5]);
    breach(Breach::Window, flood);
    breach(Breach::Credit, vec![ToHttp::Credit(1, 1)]);
    breach(Breach::Credit, vec![ToHttp::Credit(1, u32::MAX)]);
    for late in [head(1), data(1, 1), end(1), ToHttp::Credit(1, 1), ToHttp::Failed(1, HttpFault::Denied)] {
        breach(Breach::Ended, vec![head(1), end(1), late.clone()]);
        breach(Breach::Ended, vec![ToHttp::Failed(1, HttpFault::Denied), late]);
    }
}

#[test]
fn what_the_guest_has_dropped_may_still_be_answered_and_what_the_hub_ended_may_not() {
    let mut ledger = ledger();
    let id = ledger.begin(CALL).unwrap();
    assert!(ledger.drop_it(id), "the hub has to be told");
    for message in [head(id), data(id, 9), ToHttp::Credit(id, 9), end(id), data(id, 9)] {
        assert_eq!(ledger.on(message), Ok(()));
    }
    let id = ledger.begin(CALL).unwrap();
    ledger.on(ToHttp::Failed(id, HttpFault::Denied)).unwrap();
    assert!(!ledger.drop_it(id), "it knows");
    assert_eq!(ledger.on(head(id)), Err(Breach::Ended));
}

#[test]
fn an_answer_is_read_in_order_and_makes_room_as_it_is() {
    let mut ledger = ledger();
    let id = ledger.begin(CALL).unwrap();
    assert!(poll(|cx| ledger.poll_head(id, cx)).is_pending());
    ledger.on(head(id)).unwrap();
    for _ in 0..4 {
        ledger.on(data(id, HTTP_PIECE_BYTES)).unwrap();
    }
    assert!(matches!(poll(|cx| ledger.poll_head(id, cx)), Poll::Ready(Ok(head)) if head.status == 200));
    for _ in 0..100 {
        let part = poll(|cx| ledger.poll_part(id, cx));
        assert!(matches!(part, Poll::Ready(Ok(Part::Data(bytes))) if bytes.len() == HTTP_PIECE_BYTES));
        ledger.on(data(id, HTTP_PIECE_BYTES)).unwrap();
    }
    ledger.on(ToHttp::Failed(id, HttpFault::ResponseTooLarge(9))).unwrap();
    for _ in 0..4 {
        assert!(matches!(poll(|cx| ledger.poll_part(id, cx)), Poll::Ready(Ok(Part::Data(_)))));
    }
    assert_eq!(poll(|cx| ledger.poll_part(id, cx)), Poll::Ready(Err(HttpFault::ResponseTooLarge(9))));
}

#[test]
fn a_body_has_the_credit_that_it_is_given_and_none_after_the_end() {
    let mut ledger = ledger();
    let id = ledger.begin(CALL).unwrap();
    let mut taken = 0;
    while let Poll::Ready(Some(some)) = poll(|cx| ledger.poll_credit(id, 10_000, cx)) {
        taken += some;
    }
    assert_eq!(taken, HTTP_WINDOW_BYTES);
    let woken = Arc::new(Woken::default());
    let waker = woken.clone().into();
    assert!(ledger.poll_credit(id, 1, &mut Context::from_waker(&waker)).is_pending());
    ledger.on(ToHttp::Credit(id, 5)).unwrap();
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    assert_eq!(poll(|cx| ledger.poll_credit(id, 10, cx)), Poll::Ready(Some(5)));
    assert!(poll(|cx| ledger.poll_unwanted(id, cx)).is_pending());
    // Answered early: nobody wants the rest.
    ledger.on(head(id)).unwrap();
    ledger.on(end(id)).unwrap();
    assert!(poll(|cx| ledger.poll_unwanted(id, cx)).is_ready());
    assert_eq!(poll(|cx| ledger.poll_credit(id, 10, cx)), Poll::Ready(None));
}

#[test]
fn a_call_takes_its_requests_with_it_and_begins_none_afterwards() {
    let mut ledger = ledger();
    ledger.begin_call(8);
    let (mine, other, ended) = (ledger.begin(CALL).unwrap(), ledger.begin(8).unwrap(), ledger.begin(CALL).unwrap());
    ledger.on(ToHttp::Failed(ended, HttpFault::Denied)).unwrap();
    let woken = Arc::new(Woken::default());
    let waker = woken.clone().into();
    assert!(ledger.poll_head(mine, &mut Context::from_waker(&waker)).is_pending());
    assert_eq!(ledger.end_call(CALL), vec![mine], "the hub knows of the one that it ended");
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    assert_eq!(poll(|cx| ledger.poll_head(mine, cx)), Poll::Ready(Err(HttpFault::CallEnded)));
    assert_eq!(ledger.begin(CALL), Err(Fault::CallEnded));
    assert!(ledger.goes_on(other) && !ledger.is_empty());
    assert_eq!(ledger.end_call(8), vec![other]);
    assert!(ledger.is_empty());
}

#[test]
fn there_are_never_more_than_the_hub_takes() {
    let mut ledger = ledger();
    let ids: Vec<_> = (0..MAX_HTTP_REQUESTS).map(|_| ledger.begin(CALL).unwrap()).collect();
    assert!(ids.is_sorted_by(|a, b| a < b));
    assert_eq!(ledger.begin(CALL), Err(Fault::TooMany));
    ledger.drop_it(ids[9]);
    assert!(ledger.begin(CALL).unwrap() > *ids.last().unwrap());
}
