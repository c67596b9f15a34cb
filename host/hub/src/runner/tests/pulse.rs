//! Silence, counted in turns of a clock that the test moves.

use super::*;
use manifest::Limits;
use std::time::Duration;
use tokio::time::{Instant, advance};

/// A call that may run for longer than anything here takes.
fn long() -> Limits {
    Limits { deadline_ms: 3_600_000, ..limits() }
}

async fn long_call(runner: &Runner) -> Ended {
    let (notes, _listener) = mpsc::channel(16);
    runner
        .call(&ToolName::try_from("read").unwrap(), "{}".into(), &long(), notes, None, &CancellationToken::new())
        .await
}

/// Answers pings, and everything else with silence.
async fn answers_pings(mut s: Script) {
    s.hello().await;
    while let Some(message) = s.hear().await {
        if let ToRunner::Ping(number) = message {
            s.say(FromRunner::Pong(number)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_serves_somebody_and_is_silent_is_killed() {
    let runner = met(|mut s| async move {
        s.hello().await;
        while s.hear().await.is_some() {}
    })
    .await;
    runner.shared.pulse.used();
    let began = Instant::now();
    let ended = long_call(&runner).await;
    assert!(matches!(&ended, Ended::Lost(end, Reached::Runner) if end.why == Why::Silent), "{ended:?}");
    let after = began.elapsed().as_secs();
    assert!((SILENCE_S - 5..=SILENCE_S + 5).contains(&after), "{after}");
}

#[tokio::test(start_paused = true)]
async fn one_that_answers_pings_lives_while_its_call_goes_on() {
    let runner = met(answers_pings).await;
    runner.shared.pulse.used();
    let ended = tokio::time::timeout(Duration::from_secs(1800), long_call(&runner)).await;
    assert!(ended.is_err() && runner.lives());
    // Its caller has gone; a runner that then does not end the call is killed for that.
    runner.ended().cancelled().await;
    assert_eq!(runner.shared.why.get(), Some(&Why::Deadline));
}

#[tokio::test(start_paused = true)]
async fn one_that_goes_silent_in_the_middle_is_killed() {
    let runner = met(|mut s| async move {
        s.hello().await;
        for _ in 0..4 {
            let Some(ToRunner::Ping(number)) = s.hear().await else { panic!("no ping") };
            s.say(FromRunner::Pong(number)).await;
        }
        while s.hear().await.is_some() {}
    })
    .await;
    runner.shared.pulse.used();
    runner.ended().cancelled().await;
    assert_eq!(runner.shared.why.get(), Some(&Why::Silent));
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_is_asked_too_and_less_often() {
    let (silent, answering) = (
        met(|mut s| async move {
            s.hello().await;
            while s.hear().await.is_some() {}
        })
        .await,
        met(answers_pings).await,
    );
    let began = Instant::now();
    silent.ended().cancelled().await;
    assert_eq!(silent.shared.why.get(), Some(&Why::Silent));
    let after = began.elapsed().as_secs();
    assert!((60..=90).contains(&after), "{after}");
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(answering.lives());
}

/// A hub that was stopped for an hour, or a laptop that slept: the clock has gone on, and nobody has been silent.
#[tokio::test(start_paused = true)]
async fn a_hub_that_was_stopped_finds_its_runners_alive() {
    let runner = met(answers_pings).await;
    runner.shared.pulse.used();
    for _ in 0..20 {
        advance(Duration::from_secs(3600)).await;
        // What was written meanwhile is read before anybody is blamed.
        tokio::time::sleep(Duration::from_secs(11)).await;
        assert!(runner.lives());
    }
}

#[tokio::test]
async fn an_answer_to_no_ping_ends_it() {
    for number in [0, 1, u64::MAX] {
        breach("which is not owed", move |mut s, _| async move { s.say(FromRunner::Pong(number)).await }).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_another_ping_or_a_second_one_ends_it() {
    for lie in [vec![2], vec![1, 1]] {
        let runner = met(|mut s| async move {
            s.hello().await;
            let Some(ToRunner::Ping(1)) = s.hear().await else { panic!("no ping") };
            for number in lie {
                s.say(FromRunner::Pong(number)).await;
            }
            while s.hear().await.is_some() {}
        })
        .await;
        runner.ended().cancelled().await;
        assert!(matches!(runner.shared.why.get(), Some(Why::Violation(what)) if what.contains("not owed")));
    }
}
