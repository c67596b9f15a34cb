//! From create to removal, when everybody behaves.

use super::fixture::*;
use container::{ContainerName, EventKind, HubId, ImageId, Launcher, LauncherConfig, LauncherError, Size, load_image};
use manifest::Digest;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test(flavor = "multi_thread")]
async fn bytes_go_round_whole_and_the_end_of_input_ends_the_container() {
    let Some(socket) = socket() else { return };
    let launcher = plain(&socket).await;
    let mut events = launcher.events();
    let (name, mut attached) = start(&launcher, "user").await;
    // More than every buffer on the way holds, and never the first byte of a request.
    let sent: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).map(|b| if b == b'!' { b'.' } else { b }).collect();
    let mut back = vec![0; sent.len()];
    let (written, read) = tokio::join!(
        async {
            attached.input.write_all(&sent).await?;
            attached.input.flush().await
        },
        attached.output.read_exact(&mut back)
    );
    written.unwrap();
    read.unwrap();
    assert!(sent == back, "the bytes came back changed");

    attached.input.shutdown().await.unwrap();
    assert_eq!(attached.output.read(&mut back).await.unwrap(), 0);
    assert_eq!(attached.exit.await.unwrap(), 0);
    assert_eq!(story(&mut events, &name).await, [EventKind::Started, EventKind::Died(0), EventKind::Removed]);
    assert_eq!(launcher.list().await.unwrap(), []);
    // What is gone can be killed again.
    launcher.kill(&name).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_listed_and_inspected_and_knows_its_name_and_posture() {
    let Some(socket) = socket() else { return };
    let launcher = plain(&socket).await;
    let created = launcher.create(of("user")).await.unwrap();
    let name = &created.container;
    assert_eq!(launcher.posture(name).unwrap().digest(), created.posture);
    let before = launcher.inspect(name).await.unwrap();
    assert_eq!((before.pid, before.exit_code), (None, None));

    let mut attached = launcher.attach(name).await.unwrap();
    let arguments = ask(&mut attached, "!arguments").await;
    assert_eq!(arguments, format!("/runner --hub-key KEY --container {name} --posture {}", created.posture));
    let [listed] = &launcher.list().await.unwrap()[..] else { panic!("one container") };
    assert_eq!((&listed.container, listed.class.0.as_str(), listed.running), (name, "user", true));
    assert!(listed.created > 1_700_000_000);
    assert!(launcher.inspect(name).await.unwrap().pid.is_some());
    launcher.kill(name).await.unwrap();
    assert!(matches!(launcher.inspect(name).await.unwrap_err(), LauncherError::UnknownContainer(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_hubs_containers_are_removed_and_another_hubs_left_alone() {
    let Some(socket) = socket() else { return };
    let (hub, other_hub) = (random(), random());
    let classes = [("user", class(Size::Small, Vec::new()))];
    let dead = launcher(&socket, &hub, &classes).await;
    let (left, mut streams) = start(&dead, "user").await;
    say(&mut streams, "!deaf").await;
    let parked = create(&dead, "user").await;
    drop((streams, dead));
    let other = launcher(&socket, &other_hub, &classes).await;
    let (others, _streams) = start(&other, "user").await;

    let again = launcher(&socket, &hub, &classes).await;
    let (new, _new_streams) = start(&again, "user").await;
    let leftovers = again.remove_leftovers(Duration::from_secs(60)).await.unwrap();
    assert!(leftovers.left.is_empty(), "{leftovers:?}");
    let mut removed = leftovers.removed;
    removed.sort();
    let mut expected = vec![left, parked];
    expected.sort();
    assert_eq!(removed, expected);
    assert_eq!(again.list().await.unwrap().into_iter().map(|l| l.container).collect::<Vec<_>>(), vec![new.clone()]);
    assert!(other.inspect(&others).await.unwrap().pid.is_some());
    again.kill(&new).await.unwrap();
    other.kill(&others).await.unwrap();
}

/// Lets a future start its work, and nobody wait for it.
fn begin<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_nobody_waits_for_leaves_nothing() {
    let Some(socket) = socket() else { return };
    let launcher = plain(&socket).await;
    let mut create_and_leave = Box::pin(launcher.create(of("user")));
    assert!(begin(&mut create_and_leave).is_pending());
    drop(create_and_leave);
    // Asked after it, and so answered after the engine has heard of it.
    let second = create(&launcher, "user").await;
    let mut attach_and_leave = Box::pin(launcher.attach(&second));
    assert!(begin(&mut attach_and_leave).is_pending());
    drop(attach_and_leave);
    until(|| async { launcher.list().await.unwrap().is_empty() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn diagnostics_are_apart_and_clean() {
    let Some(socket) = socket() else { return };
    let launcher = plain(&socket).await;
    let (name, mut attached) = start(&launcher, "user").await;
    assert_eq!(ask(&mut attached, "!stderr").await, "said");
    attached.input.shutdown().await.unwrap();
    assert_eq!(attached.output.read(&mut [0; 8]).await.unwrap(), 0);
    assert_eq!(attached.diagnostics.text(), "\u{fffd}[31mdiagnostic\n");
    launcher.kill(&name).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_in_one_line() {
    let Some(socket) = socket() else { return };
    let absent = ImageId::of(Digest::try_from("0".repeat(64)).unwrap());
    let config = LauncherConfig {
        hub_id: HubId(random()),
        socket: socket.clone(),
        image: absent,
        hub_key: String::new(),
        protected: Vec::new(),
        forbidden: Vec::new(),
    };
    let refused = Launcher::connect(config.clone()).await.unwrap_err().to_string();
    assert!(refused.ends_with("run `safeclaw image load FILE`"), "{refused}");
    let refused = Launcher::connect(LauncherConfig { hub_id: HubId("../x".into()), ..config }).await.unwrap_err();
    assert!(matches!(refused, LauncherError::HubId(_)));

    let launcher = plain(&socket).await;
    let nobody = ContainerName("nobody".into());
    assert!(matches!(launcher.attach(&nobody).await.unwrap_err(), LauncherError::UnknownContainer(_)));
    let no_class = launcher.create(of("none")).await.unwrap_err();
    assert!(matches!(no_class, LauncherError::UnknownClass(_)));
    // Loading what is there already is nothing.
    load_image(&socket, &image()).await.unwrap();
}
