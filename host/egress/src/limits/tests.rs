#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::testing::grant;

fn limits(per_call: u32, per_minute: u32, concurrent: u32) -> HttpGrant {
    HttpGrant { per_call, per_minute, concurrent, ..grant("a.test") }
}

fn place(tool: &str, grant: &HttpGrant) -> Place {
    Place::of(tool, grant)
}

#[tokio::test(start_paused = true)]
async fn any_minute_has_no_more_than_are_granted() {
    let (rates, grant) = (Arc::new(Rates::default()), limits(100, 3, 100));
    let place = place("tool", &grant);
    let enter = || rates.enter(&PerCall::default(), &place, &grant).map(drop);
    enter().unwrap();
    tokio::time::advance(Duration::from_secs(30)).await;
    enter().unwrap();
    enter().unwrap();
    assert_eq!(enter(), Err(TooMany::PerMinute(3)));
    // A bucket that fills steadily would let one through here: in no minute are there four.
    tokio::time::advance(Duration::from_millis(29_999)).await;
    assert_eq!(enter(), Err(TooMany::PerMinute(3)));
    tokio::time::advance(Duration::from_millis(1)).await;
    enter().unwrap();
    assert_eq!(enter(), Err(TooMany::PerMinute(3)));
}

#[tokio::test(start_paused = true)]
async fn those_under_way_are_counted_until_they_are_over() {
    let (rates, grant) = (Arc::new(Rates::default()), limits(100, 100, 2));
    let place = place("tool", &grant);
    let enter = || rates.enter(&PerCall::default(), &place, &grant);
    let (one, _two) = (enter().unwrap(), enter().unwrap());
    assert_eq!(enter().unwrap_err(), TooMany::Concurrent(2));
    drop(one);
    let _three = enter().unwrap();
    assert_eq!(enter().unwrap_err(), TooMany::Concurrent(2));
}

#[tokio::test(start_paused = true)]
async fn a_call_has_its_own_number_and_the_next_one_too() {
    let (rates, grant) = (Arc::new(Rates::default()), limits(2, 100, 100));
    let place = place("tool", &grant);
    let call = PerCall::default();
    for _ in 0..2 {
        rates.enter(&call, &place, &grant).unwrap();
    }
    assert_eq!(rates.enter(&call, &place, &grant).unwrap_err(), TooMany::PerCall(2));
    rates.enter(&PerCall::default(), &place, &grant).unwrap();
}

#[tokio::test(start_paused = true)]
async fn places_tools_and_sessions_are_counted_apart() {
    let (here, there) = (limits(9, 1, 9), HttpGrant { port: 8443, ..limits(9, 1, 9) });
    let (one, other) = (Arc::new(Rates::default()), Arc::new(Rates::default()));
    let call = PerCall::default();
    one.enter(&call, &place("a", &here), &here).unwrap();
    one.enter(&call, &place("a", &there), &there).unwrap();
    one.enter(&call, &place("b", &here), &here).unwrap();
    other.enter(&call, &place("a", &here), &here).unwrap();
    assert_eq!(one.enter(&call, &place("a", &here), &here).unwrap_err(), TooMany::PerMinute(1));
    // A manifest with other numbers goes on counting.
    let more = HttpGrant { per_minute: 2, ..here };
    one.enter(&call, &place("a", &more), &more).unwrap();
    assert_eq!(one.enter(&call, &place("a", &more), &more).unwrap_err(), TooMany::PerMinute(2));
}
