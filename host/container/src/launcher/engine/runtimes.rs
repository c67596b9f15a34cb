//! Whether the engine has the runtime that a class asks for, set up so that wall 2 stands in it.
//!
//! `runc` is there wherever the engine is. gVisor is somebody else's installation, and what it is started
//! with decides what it is: without `--oci-seccomp` it ignores the container's profile, and without
//! `--network=none` it has a network stack of its own. So its arguments are an allow-list, letter by letter:
//! an argument that is not known here could switch anything off.

use crate::class::ClassSpec;
use crate::launcher::LauncherError;
use bollard::models::Runtime as Registered;
use manifest::{ClassId, Runtime};
use std::collections::{BTreeMap, HashMap};

/// Without these it is not the wall that is meant.
const NEEDED: [&str; 2] = ["--network=none", "--oci-seccomp"];
/// With these it still is.
const HARMLESS: [&str; 3] = ["--platform=systrap", "--platform=kvm", "--platform=ptrace"];

/// Refuses the first class whose runtime cannot be had.
pub(super) fn require(
    classes: &BTreeMap<ClassId, ClassSpec>,
    registered: Option<&HashMap<String, Registered>>,
) -> Result<(), LauncherError> {
    let Some((class, _)) = classes.iter().find(|(_, spec)| spec.runtime == Runtime::Runsc) else { return Ok(()) };
    let refused = |why: String| LauncherError::Runtime { class: class.clone(), why };
    let runsc = registered.and_then(|all| all.get(Runtime::Runsc.as_str()));
    let Some(runsc) = runsc else { return Err(refused("the engine has no runtime of this name".to_owned())) };
    sound(runsc.runtime_args.as_deref().unwrap_or_default()).map_err(refused)
}

fn sound(arguments: &[String]) -> Result<(), String> {
    let known = |argument: &&String| NEEDED.contains(&argument.as_str()) || HARMLESS.contains(&argument.as_str());
    if let Some(unknown) = arguments.iter().find(|argument| !known(argument)) {
        let shown: String = unknown.chars().filter(|c| !c.is_control()).take(80).collect();
        return Err(format!("it is started with `{shown}`, which is not known to leave wall 2 standing"));
    }
    match NEEDED.iter().find(|needed| !arguments.iter().any(|argument| argument == *needed)) {
        Some(missing) => Err(format!("it is started without `{missing}`")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::class::{Program, Size};
    use serde_json::{Value, json};

    fn asked(runtime: Runtime, runtimes: Value) -> Result<(), String> {
        let class = ClassSpec {
            program: Program::Runner,
            size: Size::Small,
            runtime,
            mounts: vec![],
            artefacts: None,
            frames: None,
        };
        let classes = BTreeMap::from([(ClassId("critical".to_owned()), class)]);
        let registered: Option<HashMap<String, Registered>> = serde_json::from_value(runtimes).unwrap();
        require(&classes, registered.as_ref()).map_err(|error| error.to_string())
    }

    fn with(arguments: &[&str]) -> Result<(), String> {
        asked(
            Runtime::Runsc,
            json!({"runc": {"path": "runc"}, "runsc": {"path": "/x/runsc", "runtimeArgs": arguments}}),
        )
    }

    #[test]
    fn runc_is_asked_for_nothing() {
        asked(Runtime::Runc, json!(null)).unwrap();
        asked(Runtime::Runc, json!({"runc": {"path": "runc"}})).unwrap();
    }

    #[test]
    fn gvisor_is_taken_as_it_must_be_started() {
        with(&["--network=none", "--oci-seccomp"]).unwrap();
        for platform in ["systrap", "kvm", "ptrace"] {
            with(&["--oci-seccomp", &format!("--platform={platform}"), "--network=none"]).unwrap();
        }
    }

    #[test]
    fn an_engine_without_it_says_what_to_do() {
        for runtimes in [json!(null), json!({}), json!({"runc": {"path": "runc"}, "RUNSC": {"path": "runsc"}})] {
            let line = asked(Runtime::Runsc, runtimes).unwrap_err();
            for part in ["critical", "no runtime of this name", "daemon.json", "--oci-seccomp", "`runtime`"] {
                assert!(line.contains(part) && !line.contains('\n'), "{part}: {line}");
            }
        }
    }

    #[test]
    fn every_other_argument_and_every_other_spelling_is_refused() {
        let sound = ["--network=none", "--oci-seccomp"];
        for missing in [&sound[..1], &sound[1..], &[]] {
            assert!(with(missing).unwrap_err().contains("started without"), "{missing:?}");
        }
        for odd in [
            "--network=host",
            "--network=sandbox",
            "--network=NONE",
            "-network=none",
            "--network",
            "none",
            "--network=none ",
            "--network=none,host",
            "--oci-seccomp=false",
            "--oci-seccomp=true",
            "-oci-seccomp",
            "--platform=systrap2",
            "--platform",
            "--host-uds=open",
            "--host-uds=all",
            "--fuse",
            "--file-access=shared",
            "--overlay2=none",
            "--debug",
            "--debug-log=/tmp/x",
            "--strace",
            "--nvproxy",
            "--allow-flag-override",
            "--TESTONLY-unsafe-nonroot=true",
            "--ignore-cgroups",
            "--net-raw",
            "",
        ] {
            let line = with(&[sound[0], sound[1], odd]).unwrap_err();
            assert!(line.contains("not known"), "{odd}: {line}");
        }
    }
}
