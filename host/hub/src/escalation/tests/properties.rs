//! What holds of every order of events, under a clock that the test has.

use super::*;
use crate::escalation::testing::others;
use proptest::prelude::*;

/// What may happen, and how many seconds after the one before.
#[derive(Debug, Clone)]
enum Step {
    Answer(Answer),
    /// By whoever asked, or by another of [`others`].
    Call(Option<usize>),
    Look,
    TakeBack,
    Ended(bool),
    NotRun,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
    let step = prop_oneof![
        3 => prop_oneof![Just(Answer::Approve), Just(Answer::Deny)].prop_map(Step::Answer),
        6 => proptest::option::of(0..8_usize).prop_map(Step::Call),
        1 => Just(Step::Look),
        1 => Just(Step::TakeBack),
        1 => any::<bool>().prop_map(Step::Ended),
        1 => Just(Step::NotRun),
        1 => Just(Step::Restart),
    ];
    let pause = prop_oneof![4 => 0..20_i64, 1 => 280..320_i64, 1 => 590..610_i64];
    proptest::collection::vec((pause, step), 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn nothing_runs_but_what_was_allowed(admin in any::<bool>(), steps in steps()) {
        let tier = if admin { Tier::Admin } else { Tier::Critical };
        let asked = Binding { tier, ..binding() };
        let strangers = others(&asked);
        let mut both = Both::new(asked.clone());
        let (mut now, mut claims, mut runs) = (0, 0, 0);
        let (mut approved, mut void, mut answered) = (None, false, false);
        for (pause, step) in steps {
            now += pause;
            let before = both.approval.state;
            match step {
                Step::Answer(answer) => {
                    let came = both.approval(Event::Answered(at(now), answer));
                    // One answer, in time, or none.
                    let taken = came.is_empty();
                    prop_assert!(!taken || (!answered && now < 600 && !void));
                    answered |= taken;
                    if taken && answer == Answer::Approve {
                        approved = Some(now);
                    }
                }
                Step::Call(by) => {
                    let caller = by.and_then(|other| strangers.get(other)).unwrap_or(&asked);
                    let came = both.call(at(now), caller);
                    if before == State::Approved && both.approval.state == State::Claimed {
                        claims += 1;
                    }
                    if came == "run" {
                        runs += 1;
                        prop_assert!(caller == &asked, "nothing runs under another binding");
                        prop_assert!(!void, "nothing runs after it was taken back");
                        prop_assert!(approved.is_some_and(|at| now < at + 300), "nor without an answer, nor after its end");
                    }
                }
                Step::Look => {
                    both.approval(Event::Looked(at(now)));
                    both.lease(LeaseEvent::Looked(at(now)));
                }
                Step::TakeBack => {
                    both.approval(Event::TakenBack);
                    both.lease(LeaseEvent::TakenBack);
                    void = true;
                }
                Step::Ended(known) => drop(both.approval(Event::Ended { known })),
                Step::NotRun => drop(both.approval(Event::NotRun)),
                Step::Restart => {
                    // A call of the dead hub is gone, and so is its answer.
                    void |= before != State::Pending;
                    both.lease = None;
                    both.approval(Event::Restarted(at(now)));
                }
            }
            prop_assert!(claims <= 1, "claimed at most once");
            prop_assert!(admin || runs <= 1, "critical runs once");
            // No way leads back.
            prop_assert!(both.approval.state == before || before <= both.approval.state || both.approval.state == State::Void);
            if matches!(before, State::Denied | State::Expired | State::Void | State::Executed | State::OutcomeUnknown) {
                prop_assert_eq!(both.approval.state, before, "an end is an end");
            }
        }
    }
}
