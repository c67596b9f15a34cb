//! Each setting that DESIGN §8 promises is in the body that the engine gets. The golden files show the
//! posture; this shows that nothing of it is lost on the way.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::class::{ClassSpec, MountSpec, Size};
use crate::image::ImageId;
use crate::message::HubId;
use crate::mounts::CheckedMount;
use crate::posture::{PostureInputs, digest_of, render};
use manifest::{Access, ClassId, Runtime};
use serde_json::{Value, json};

fn body(program: Program, size: Size) -> Value {
    let source = std::path::PathBuf::from("/srv/work");
    let name = manifest::MountName::try_from("work").unwrap();
    let class = ClassSpec {
        program,
        size,
        runtime: Runtime::Runc,
        mounts: vec![MountSpec { name: name.clone(), source: source.clone(), access: Access::Write }],
        artefacts: Some("/srv/artefacts".into()),
        frames: None,
    };
    let mounts = [CheckedMount {
        name,
        source,
        access: Access::Write,
        pinned: vec![".git".into()],
        protected: vec![".git/hooks".into()],
    }];
    let posture = render(
        &class,
        &PostureInputs {
            hub_id: &HubId("hub1".into()),
            hub_key: "KEY",
            image: &ImageId::of(digest_of(b"image")),
            class: &ClassId("write".into()),
            mounts: &mounts,
        },
    );
    let name = ContainerName("safeclaw-hub1-0".into());
    serde_json::to_value(to_body(&posture, &Birth { name: &name, created_unix_s: 7 })).unwrap()
}

#[test]
fn every_setting_of_the_design_is_sent() {
    let body = body(Program::Runner, Size::Small);
    let promised = [
        ("/User", json!("1000:1000")),
        ("/Env", json!([])),
        ("/Tty", json!(false)),
        ("/OpenStdin", json!(true)),
        ("/StdinOnce", json!(true)),
        ("/AttachStdin", json!(true)),
        ("/AttachStdout", json!(true)),
        ("/AttachStderr", json!(true)),
        ("/StopSignal", json!("SIGKILL")),
        ("/NetworkDisabled", json!(true)),
        ("/Labels", json!({"safeclaw.hub": "hub1", "safeclaw.class": "write", "safeclaw.created": "7"})),
        ("/HostConfig/Runtime", json!("runc")),
        ("/HostConfig/AutoRemove", json!(true)),
        ("/HostConfig/RestartPolicy/Name", json!("no")),
        ("/HostConfig/ReadonlyRootfs", json!(true)),
        ("/HostConfig/Privileged", json!(false)),
        ("/HostConfig/CapDrop", json!(["ALL"])),
        ("/HostConfig/CapAdd", json!([])),
        ("/HostConfig/SecurityOpt/0", json!(format!("seccomp={SECCOMP}"))),
        ("/HostConfig/SecurityOpt/1", json!("no-new-privileges")),
        ("/HostConfig/NetworkMode", json!("none")),
        ("/HostConfig/PublishAllPorts", json!(false)),
        ("/HostConfig/PortBindings", json!({})),
        ("/HostConfig/IpcMode", json!("none")),
        ("/HostConfig/CgroupnsMode", json!("private")),
        ("/HostConfig/PidMode", json!("")),
        ("/HostConfig/UTSMode", json!("")),
        ("/HostConfig/Devices", json!([])),
        ("/HostConfig/LogConfig/Type", json!("none")),
        ("/HostConfig/OomKillDisable", json!(false)),
        ("/HostConfig/PidsLimit", json!(100)),
        ("/HostConfig/Memory", json!(512 << 20)),
        ("/HostConfig/MemorySwap", json!(512 << 20)),
        ("/HostConfig/CpuQuota", json!(5_000)),
        ("/HostConfig/CpuPeriod", json!(10_000)),
        ("/HostConfig/Tmpfs/~1tmp", json!("rw,noexec,nosuid,nodev,size=67108864,nr_inodes=4096,mode=1777")),
        (
            "/HostConfig/Tmpfs/~1run",
            json!("rw,noexec,nosuid,nodev,size=16777216,nr_inodes=1024,mode=0700,uid=1000,gid=1000"),
        ),
    ];
    for (pointer, value) in promised {
        assert_eq!(body.pointer(pointer), Some(&value), "{pointer}");
    }
    let ulimits = body.pointer("/HostConfig/Ulimits").unwrap().as_array().unwrap();
    for name in ["nofile", "core", "fsize", "cpu"] {
        let limit = ulimits.iter().find(|limit| limit["Name"] == name).unwrap();
        assert_eq!(limit["Soft"], limit["Hard"], "{name}: a soft limit below the hard one can be raised");
    }
    assert_eq!(ulimits.iter().find(|limit| limit["Name"] == "core").unwrap()["Hard"], 0);
}

/// A directory of the container's own name, read-only, so that nothing is made, renamed or removed in it.
#[test]
fn a_runners_fifos_are_mounted_read_only_and_nobody_elses_are() {
    let rendered = |program, runtime| {
        let class = ClassSpec {
            program,
            size: Size::Small,
            runtime,
            mounts: Vec::new(),
            artefacts: None,
            frames: Some("/srv/hub/frames".into()),
        };
        let inputs = PostureInputs {
            hub_id: &HubId("hub1".into()),
            hub_key: "KEY",
            image: &ImageId::of(digest_of(b"image")),
            class: &ClassId("user".into()),
            mounts: &[],
        };
        let name = ContainerName("safeclaw-hub1-0".into());
        let body = to_body(&render(&class, &inputs), &Birth { name: &name, created_unix_s: 7 });
        serde_json::to_value(body).unwrap()
    };
    let body = rendered(Program::Runner, Runtime::Runc);
    assert_eq!(
        body["HostConfig"]["Mounts"],
        json!([{
            "Type": "bind",
            "Source": "/srv/hub/frames/safeclaw-hub1-0",
            "Target": "/frames",
            "ReadOnly": true,
            "BindOptions": {"Propagation": "rprivate", "NonRecursive": true, "CreateMountpoint": false},
        }])
    );
    let words: Vec<_> = body["Cmd"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    assert_eq!(words[words.len() - 2..], ["--frames", "/frames"]);
    for (program, runtime) in [(Program::Compile, Runtime::Runc), (Program::Runner, Runtime::Runsc)] {
        let body = rendered(program, runtime);
        assert_eq!(body["HostConfig"]["Mounts"], json!([]));
        assert!(!body["Cmd"].to_string().contains("frames"), "{program:?} {runtime:?}");
    }
}

#[test]
fn nothing_that_widens_is_sent() {
    let body = body(Program::Runner, Size::Large);
    for absent in [
        "Binds",
        "VolumesFrom",
        "DeviceRequests",
        "DeviceCgroupRules",
        "MaskedPaths",
        "ReadonlyPaths",
        "UsernsMode",
        "GroupAdd",
        "ExtraHosts",
        "Links",
        "Sysctls",
        "CgroupParent",
        "OomScoreAdj",
        "ShmSize",
        "Init",
        "NanoCpus",
    ] {
        assert_eq!(body["HostConfig"].get(absent), None, "{absent}");
    }
    for absent in ["ExposedPorts", "Volumes", "NetworkingConfig", "Healthcheck"] {
        assert_eq!(body.get(absent), None, "{absent}");
    }
}

#[test]
fn a_protected_path_lies_read_only_on_its_writable_mount() {
    let body = body(Program::Runner, Size::Small);
    let mounts: Vec<_> = body["HostConfig"]["Mounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| {
            assert_eq!(mount["Type"], "bind");
            assert_eq!(
                mount["BindOptions"],
                json!({"Propagation": "rprivate", "NonRecursive": true, "CreateMountpoint": false})
            );
            (mount["Source"].as_str().unwrap(), mount["Target"].as_str().unwrap(), mount["ReadOnly"].as_bool().unwrap())
        })
        .collect();
    assert_eq!(
        mounts,
        [
            ("/srv/artefacts", "/artefacts", true),
            ("/srv/work", "/mnt/work", false),
            ("/srv/work/.git", "/mnt/work/.git", false),
            ("/srv/work/.git/hooks", "/mnt/work/.git/hooks", true),
        ]
    );
}

#[test]
fn a_runner_learns_its_name_and_posture_and_a_compiler_nothing() {
    let runner = body(Program::Runner, Size::Small);
    let arguments: Vec<_> = runner["Cmd"].as_array().unwrap().iter().map(|a| a.as_str().unwrap()).collect();
    let [key_flag, key, name_flag, name, posture_flag, posture] = arguments[..] else { unreachable!("six arguments") };
    assert_eq!([key_flag, key, name_flag, name], ["--hub-key", "KEY", "--container", "safeclaw-hub1-0"]);
    assert_eq!((posture_flag, posture.len()), ("--posture", 64));
    assert_eq!(runner["Entrypoint"], json!(["/runner"]));
    let compiler = body(Program::Compile, Size::Build);
    assert_eq!((&compiler["Entrypoint"], &compiler["Cmd"]), (&json!(["/compile"]), &json!([])));
}
