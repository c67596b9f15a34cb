//! The hub is killed between any two steps of the button and of resuming: what was answered holds afterwards, what was
//! not is either so or not, and what cannot be told is the safer of the two.

use super::*;
use crate::failpoint::{answered, child, killed, run};
use std::collections::BTreeMap;

const CHILD: &str = "hub::tests::button::kills::presses_and_resumes";

/// Every step at which the child can be told to die; others belong to the log.
const STEPS: [&str; 10] = [
    "button.broken_off",
    "button.cut",
    "button.dead",
    "button.kept",
    "button.raised",
    "button.recorded",
    "button.voided",
    "epoch.half",
    "epoch.synced",
    "epoch.written",
];
/// One more, of resuming.
const RESUMED: &str = "resume.kept";

#[tokio::test]
#[ignore = "the child of the test below, which kills it"]
async fn presses_and_resumes() {
    let Some(data) = child() else { return };
    let scene = Scene::at(data, World::default()).await;
    let caller = scene.caller("ada");
    let call = scene.start(&caller, "wipe");
    scene.sent_calls("wipe", 1).await;
    let revoked = scene.press(ALL).await;
    answered(&format!("{} calm", revoked.epoch));
    call.await.unwrap();
    let revoked = scene.press(PANIC).await;
    answered(&format!("{} stopped", revoked.epoch));
    scene.hub.resume("ada").await.unwrap();
    answered(&format!("{} calm", revoked.epoch));
}

#[tokio::test]
async fn killed_at_every_step_the_button_holds_what_it_answered() {
    let fresh = || tempfile::tempdir().unwrap();
    let passed: BTreeMap<String, usize> = run(CHILD, fresh().path())
        .into_iter()
        .filter(|(step, _)| STEPS.contains(&step.as_str()) || step == RESUMED)
        .collect();
    assert_eq!(passed.len(), STEPS.len() + 1, "{passed:?}");
    let mut kills = 0;
    for (step, times) in &passed {
        for nth in 1..=*times {
            let data = fresh();
            let at = format!("{step}:{nth}");
            let answers = killed(CHILD, data.path(), step, nth).unwrap();
            kills += 1;
            holds(data, &answers, &at).await;
        }
    }
    assert!(kills >= 25, "{kills} kills at {passed:?}");
}

/// What must be so after the next start.
async fn holds(data: tempfile::TempDir, answers: &[String], at: &str) {
    let torn = at.starts_with("epoch.half");
    let scene = Scene::within(data, World { answer: Some("hi"), ..World::default() }).await;
    scene.hub.0.tell_button().await;
    let health = scene.hub.health();
    let (epoch, stopped) = answers.last().map_or((1, false), |answer| {
        let (epoch, word) = answer.split_once(' ').unwrap();
        (epoch.parse::<u64>().unwrap(), word == "stopped")
    });
    assert!(health.epoch >= epoch, "{at}: {} after {epoch} was answered", health.epoch);
    if stopped {
        // Unless resuming was under way, which is durable before it is answered.
        assert!(
            health.panic || at.starts_with("resume.") || at.starts_with("epoch.") || at.starts_with("button."),
            "{at}"
        );
        let resuming = at.starts_with("resume.") || health.epoch == epoch && !scene.events("resumed").is_empty();
        assert!(health.panic || resuming, "{at}: a stop that was answered is forgotten");
    }
    if torn {
        assert!(health.panic, "{at}: a write that was cut short stops everything");
    }
    // Every press that is in force is told, whoever died in between.
    let told = scene.events("all_revoked");
    let newest = told.iter().filter_map(|line| line["epoch"].as_u64()).max().unwrap_or(1);
    assert!(newest >= epoch, "{at}: {told:?}");
    assert!(scene.hub.0.epoch.untold().0.is_empty(), "{at}");
    // And it goes on.
    if health.panic {
        scene.hub.resume("ada").await.unwrap();
    }
    let caller = scene.caller("ada");
    assert!(matches!(scene.start(&caller, "wipe").await.unwrap(), CallOutcome::Answer(_)), "{at}");
    assert_eq!(scene.press(ALL).await.epoch, health.epoch + 1, "{at}");
}
