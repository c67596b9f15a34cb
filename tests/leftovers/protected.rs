//! A protected path that appears, or is replaced, while containers live: the mount that holds it read-only is
//! made when a container is, so a container made before must not be used after.

use hub::{CallOutcome, Caller, PoolConfig};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use tests::hubs::MANIFEST;
use tests::own::{Own, Plan};
use tests::watch::{Trace, Watch, until};

/// Only tools that write, so that there is one class, and its runner is the one that is parked.
fn writing() -> String {
    let (before, _) = MANIFEST.split_once("[tools.files_stat]").unwrap();
    let (_, tool) = MANIFEST.split_once("[tools.files_write]").unwrap();
    let (tool, _) = tool.split_once("[tools.").unwrap();
    format!("{before}[tools.files_write]{tool}")
}

/// Writes a file in a session; gives the container that did it.
async fn write(own: &Own, caller: &Caller) -> Trace {
    let end = own.call(caller, "files_write", r#"{"path":"plain.txt","content":"x","mode":"overwrite"}"#).await;
    assert!(matches!(&end.outcome, CallOutcome::Answer(answer) if !answer.is_error), "{end:?}");
    let sessions = own.hub.sessions();
    let session = sessions.iter().find(|view| view.id == caller.session).expect("the session lives");
    let runner = session.runners.first().expect("a runner");
    let watch = Watch::of(&tests::handed::engine(), &own.data);
    watch.look(&runner.container.to_string()).expect("the engine knows it")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_made_before_a_protected_path_is_not_used_after_it() {
    let workspace = tempfile::tempdir().unwrap();
    fs::set_permissions(workspace.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let mut plan = Plan::new(&writing()).guest("files").mount("workspace", workspace.path());
    plan.pool = PoolConfig { per_class: 1, total: 1 };
    let own = plan.start().await;
    let watch = Watch::of(&tests::handed::engine(), &own.data);
    let parked = || async {
        match own.hub.health().parked {
            1 => Ok(watch.names()),
            other => Err(format!("{other} are parked")),
        }
    };
    let before = until("a runner is parked", parked).await;

    // Parked, and the path appears.
    fs::write(workspace.path().join(".envrc"), "on the host").unwrap();
    let caller = own.caller("developer");
    let first = write(&own, &caller).await;
    assert!(!before.contains(&first.name()), "the parked one was made without .envrc");
    assert!(first.read_only_mounts().contains("/mnt/workspace/.envrc"), "{:?}", first.read_only_mounts());
    assert_eq!(write(&own, &caller).await.name(), first.name(), "nothing has changed");

    // In a session, and another appears.
    fs::write(workspace.path().join(".mcp.json"), "{}").unwrap();
    let second = write(&own, &caller).await;
    assert_ne!(second.name(), first.name());
    assert!(second.read_only_mounts().contains("/mnt/workspace/.mcp.json"), "{:?}", second.read_only_mounts());

    // As an editor saves: the mount in the live container lies on a file that is no longer there.
    fs::write(workspace.path().join("new"), "saved").unwrap();
    fs::rename(workspace.path().join("new"), workspace.path().join(".envrc")).unwrap();
    let third = write(&own, &caller).await;
    assert_ne!(third.name(), second.name());
    assert_eq!(fs::read_to_string(workspace.path().join(".envrc")).unwrap(), "saved");

    // One that cannot be held is no reason to go on as before.
    std::os::unix::fs::symlink("/etc", workspace.path().join(".github")).unwrap();
    let end = own.call(&caller, "files_write", r#"{"path":"plain.txt","content":"x","mode":"overwrite"}"#).await;
    assert!(matches!(end.outcome, CallOutcome::Broken { .. }), "{end:?}");
    own.end().await;
}
