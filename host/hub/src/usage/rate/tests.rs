//! The promise, against a list of all calls, under a clock that the test moves.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use proptest::prelude::*;
use proptest::test_runner::Config;

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The same, as another process finds it again.
fn restarted(rate: &Rate, now: Duration) -> Rate {
    Rate::new(rate.left(now).into_iter().map(|(left, calls)| (now + left, calls)))
}

fn parts(rate: &Rate) -> usize {
    rate.parts.lock().len()
}

#[test]
fn all_at_once_and_no_other_until_they_are_an_hour_old() {
    let mut rate = Rate::new([]);
    for _ in 0..3 {
        rate.call(3, s(10)).unwrap();
    }
    assert_eq!(rate.call(3, s(10)), Err(HOUR));
    assert_eq!(rate.call(3, s(3609)), Err(s(1)));
    for _ in 0..3 {
        rate.call(3, s(3610)).unwrap();
    }
    assert_eq!(rate.call(3, s(3610)), Err(HOUR));
    assert_eq!(Rate::new([]).call(0, s(0)), Err(HOUR));
}

#[test]
fn one_that_is_taken_back_is_none() {
    let mut rate = Rate::new([]);
    rate.call(2, s(0)).unwrap();
    rate.call(2, s(5)).unwrap();
    rate.take_back();
    rate.call(2, s(7)).unwrap();
    assert_eq!(rate.call(2, s(7)), Err(s(3593)));
    rate.take_back();
    rate.take_back();
    rate.take_back();
    assert!(rate.left(s(7)).is_empty());
}

#[test]
fn a_smaller_rate_counts_what_came_under_the_greater_one() {
    let mut rate = Rate::new([]);
    for second in 0..20 {
        rate.call(600, s(second)).unwrap();
    }
    assert!(rate.call(10, s(20)).is_err());
    assert!(rate.call(21, s(20)).is_ok());
}

#[test]
fn a_rate_that_changes_all_the_time_takes_no_more_memory() {
    let mut rate = Rate::new([]);
    for n in 0..100_000_u64 {
        let most = if n % 2 == 0 { 1_000_000 } else { 999_999 - u32::try_from(n).unwrap() };
        rate.call(most, Duration::from_millis(n * 20)).unwrap();
        rate.call(u32::try_from(n + 60_000).unwrap(), Duration::from_millis(n * 20)).ok();
    }
    assert!(parts(&rate) <= MOST_PARTS, "{}", parts(&rate));
    let mut rate = Rate::new([]);
    for n in 0..6_000 {
        rate.call(6_000, s(n / 10)).unwrap();
    }
    assert_eq!(parts(&rate), 60);
    assert!(rate.call(6_000, s(600)).is_err());
}

#[derive(Debug, Clone)]
enum Step {
    Wait(Duration),
    /// So many calls, one right after the other.
    Calls(u32),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..1_500_000_u64).prop_map(|ms| Step::Wait(Duration::from_millis(ms))),
        (0..3_000_u64).prop_map(|ms| Step::Wait(Duration::from_millis(ms))),
        (1..80_u32).prop_map(Step::Calls),
        (1..4_u32).prop_map(Step::Calls),
        Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(Config { cases: 500, failure_persistence: None, ..Config::default() })]

    #[test]
    fn in_no_hour_there_are_more(most in prop_oneof![1..8_u32, 50..70_u32, 100..400_u32], steps in steps()) {
        let (mut rate, mut now, mut log) = (Rate::new([]), s(0), Vec::new());
        for step in steps {
            match step {
                Step::Wait(time) => now += time,
                Step::Restart => rate = restarted(&rate, now),
                Step::Calls(calls) => for _ in 0..calls {
                    let within = log.iter().filter(|at| now - **at < HOUR).count();
                    match rate.call(most, now) {
                        Ok(()) => log.push(now),
                        Err(wait) => {
                            // As long as every call is remembered by itself, nobody waits without need.
                            prop_assert!(most > PARTS || within >= most as usize);
                            // What is said to who waits is true to the nanosecond.
                            prop_assert!(wait <= HOUR && !wait.is_zero());
                            let early = now + wait - Duration::from_nanos(1);
                            prop_assert!(restarted(&rate, now).call(most, early).is_err());
                            prop_assert!(restarted(&rate, now).call(most, now + wait).is_ok());
                        }
                    }
                    // Any hour that ends here.
                    let within = log.iter().filter(|at| now - **at < HOUR).count();
                    prop_assert!(within <= most as usize, "{within} of {most}");
                },
            }
        }
        // After an hour of rest everything is there again.
        now += HOUR;
        for _ in 0..most {
            prop_assert!(rate.call(most, now).is_ok());
        }
        prop_assert!(rate.call(most, now).is_err());
    }
}
