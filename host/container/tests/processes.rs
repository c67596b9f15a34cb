//! The launcher without containers: the same messages, and nothing that outlives it.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use container::{ClassSpec, Create, EventKind, Launcher, LauncherError, MountSpec, ProcessConfig, Program, Size};
use manifest::{Access, ClassId, Digest, MountName, Runtime};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn launcher(mounts: Vec<MountSpec>) -> Result<Launcher, LauncherError> {
    let tests = std::env::current_exe().unwrap();
    let echo = tests.parent().unwrap().parent().unwrap().join("examples/echo");
    let class = ClassSpec {
        program: Program::Runner,
        size: Size::Small,
        runtime: Runtime::Runc,
        mounts,
        artefacts: Some(PathBuf::from("/srv/artefacts")),
        frames: None,
    };
    let launcher = Launcher::processes(ProcessConfig {
        runner: echo.clone(),
        compile: echo,
        hub_key: "KEY".to_owned(),
        forbidden: Vec::new(),
    })?;
    launcher.admit(manifest(), BTreeMap::from([(ClassId("user".to_owned()), class)])).await?;
    Ok(launcher)
}

fn manifest() -> Digest {
    Digest::of(b"processes")
}

fn user() -> Create {
    Create { manifest: manifest(), class: ClassId("user".to_owned()) }
}

#[tokio::test]
async fn a_process_echoes_and_ends_with_its_input() {
    let dir = tempfile::tempdir().unwrap();
    let name = MountName::try_from("work").unwrap();
    let mount = MountSpec { name: name.clone(), source: dir.path().to_owned(), access: Access::Read };
    let launcher = launcher(vec![mount]).await.unwrap();
    let mut events = launcher.events();
    let created = launcher.create(user()).await.unwrap();
    let mut attached = launcher.attach(&created.container).await.unwrap();
    attached.input.write_all(b"!arguments").await.unwrap();
    let mut answer = vec![0; 4096];
    let some = attached.output.read(&mut answer).await.unwrap();
    let arguments = String::from_utf8(answer[..some].to_vec()).unwrap();
    let (_, arguments) = arguments.split_once(' ').unwrap();
    let source = launcher.mount_points(&manifest(), &ClassId("user".to_owned())).remove(&name).unwrap();
    assert_eq!(source, dir.path().canonicalize().unwrap());
    assert_eq!(
        arguments,
        format!(
            "--hub-key KEY --container {} --posture {} --no-container --artefacts /srv/artefacts --mounts {}",
            created.container,
            created.posture,
            source.display()
        )
    );
    drop(attached.input);
    assert_eq!(attached.output.read(&mut answer).await.unwrap(), 0);
    assert_eq!(attached.exit.await.unwrap(), 0);
    let mut story = Vec::new();
    while story.last() != Some(&EventKind::Removed) {
        story.push(events.recv().await.unwrap().what);
    }
    assert_eq!(story, [EventKind::Started, EventKind::Died(0), EventKind::Removed]);
    assert_eq!(launcher.list().await.unwrap(), []);
    assert_eq!(launcher.posture(&created.container), None);
}

#[tokio::test]
async fn a_deaf_process_is_killed_and_dies_with_its_launcher() {
    for by_message in [true, false] {
        let launcher = launcher(Vec::new()).await.unwrap();
        let name = launcher.create(user()).await.unwrap().container;
        let mut attached = launcher.attach(&name).await.unwrap();
        attached.input.write_all(b"!deaf").await.unwrap();
        let pid = launcher.inspect(&name).await.unwrap().pid.unwrap();
        assert!(matches!(launcher.attach(&name).await.unwrap_err(), LauncherError::Attached(_)));
        if by_message {
            launcher.kill(&name).await.unwrap();
            assert_eq!(attached.exit.await.unwrap(), 137);
        } else {
            drop(launcher);
        }
        // Its output ends when the process has.
        assert_eq!(attached.output.read(&mut [0; 8]).await.unwrap(), 0);
        for _ in 0..500 {
            if !Path::new(&format!("/proc/{pid}/exe")).exists() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert!(std::fs::read_link(format!("/proc/{pid}/exe")).is_err(), "{pid} lives");
    }
}

#[tokio::test]
async fn mounts_and_programs_are_checked_here_too() {
    let mount =
        MountSpec { name: MountName::try_from("work").unwrap(), source: PathBuf::from("/proc"), access: Access::Read };
    assert!(matches!(launcher(vec![mount]).await.unwrap_err(), LauncherError::Mount(_)));
    let absent = ProcessConfig {
        runner: PathBuf::from("/nowhere/runner"),
        compile: PathBuf::from("/nowhere/compile"),
        hub_key: String::new(),
        forbidden: Vec::new(),
    };
    let Err(LauncherError::Program { path, .. }) = Launcher::processes(absent) else {
        panic!("there is no such program")
    };
    assert_eq!(path, Path::new("/nowhere/runner"));
}
