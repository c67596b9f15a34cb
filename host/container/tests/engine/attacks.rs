//! Programs that do not want to end, and messages about containers that are none of the sender's.

use super::fixture::*;
use container::{EventKind, LauncherError};
use tokio::io::AsyncReadExt as _;

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_ignores_the_end_of_its_input_is_killed() {
    let Some(socket) = socket() else { return };
    let launcher = plain(&socket).await;
    let mut events = launcher.events();
    let (name, mut attached) = start(&launcher, "user").await;
    let pid = launcher.inspect(&name).await.unwrap().pid.unwrap();
    say(&mut attached, "!deaf").await;
    launcher.kill(&name).await.unwrap();
    assert!(is_dead(pid));
    assert_eq!(launcher.list().await.unwrap(), []);
    assert_eq!(story(&mut events, &name).await, [EventKind::Started, EventKind::Died(137), EventKind::Removed]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_whose_first_thread_ended_alone_is_killed_where_the_engine_cannot() {
    let Some(socket) = socket() else { return };
    let launcher = plain(&socket).await;
    let (name, mut attached) = start(&launcher, "user").await;
    let pid = launcher.inspect(&name).await.unwrap().pid.unwrap();
    assert_eq!(ask(&mut attached, "!zombie").await, "zombie");
    let leader = format!("/proc/{pid}/stat");
    until(|| async { std::fs::read_to_string(&leader).is_ok_and(|stat| stat.contains(") Z ")) }).await;
    assert!(!is_dead(pid), "another thread lives");

    let killed = launcher.kill(&name).await;
    if rustix::process::geteuid().is_root() {
        killed.unwrap();
        assert!(is_dead(pid));
        assert_eq!(launcher.list().await.unwrap(), []);
    } else {
        // Without the right to kill it, the launcher must not claim that it did.
        assert!(matches!(killed.unwrap_err(), LauncherError::Survivor { .. } | LauncherError::StillListed(_)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_eats_memory_is_ended_and_the_reason_is_told() {
    let Some(socket) = socket() else { return };
    let launcher = plain(&socket).await;
    let mut events = launcher.events();
    let (name, mut attached) = start(&launcher, "user").await;
    say(&mut attached, "!memory").await;
    assert_eq!(attached.output.read(&mut [0; 8]).await.unwrap(), 0);
    let story = story(&mut events, &name).await;
    let [EventKind::Started, reasons @ .., EventKind::Died(137), EventKind::Removed] = &story[..] else {
        panic!("{story:?}")
    };
    assert!(!reasons.is_empty() && reasons.iter().all(|reason| *reason == EventKind::OutOfMemory), "{story:?}");
    assert_eq!(attached.exit.await.unwrap(), 137);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_of_another_hub_cannot_be_named() {
    let Some(socket) = socket() else { return };
    let (one, two) = (plain(&socket).await, plain(&socket).await);
    let (name, _streams) = start(&two, "user").await;
    assert!(matches!(one.kill(&name).await.unwrap_err(), LauncherError::UnknownContainer(_)));
    assert!(matches!(one.inspect(&name).await.unwrap_err(), LauncherError::UnknownContainer(_)));
    assert!(matches!(one.attach(&name).await.unwrap_err(), LauncherError::UnknownContainer(_)));
    assert!(two.inspect(&name).await.unwrap().pid.is_some());
    two.kill(&name).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_attachment_is_refused() {
    let Some(socket) = socket() else { return };
    let launcher = plain(&socket).await;
    let (name, mut attached) = start(&launcher, "user").await;
    assert!(matches!(launcher.attach(&name).await.unwrap_err(), LauncherError::Attached(_)));
    assert_eq!(ask(&mut attached, "still here").await, "still here");
    launcher.kill(&name).await.unwrap();
}
