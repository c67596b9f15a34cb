//! What `posture --format actions` prints passes; each line of it taken away, and each edit of a table, is
//! found.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;
use container::posture::formats::{Start, actions};
use container::{CheckedMount, ClassSpec, ContainerName, HubId, PostureInputs, Program, Size, render};
use manifest::{Access, ClassId, Digest, MountName};

fn id() -> ImageId {
    ImageId::of(Digest::of(b"image"))
}

/// The step that is printed for a runner with a mount.
fn step(program: Program, size: Size) -> String {
    let name = MountName::try_from("work").unwrap();
    let mounts = [CheckedMount {
        name,
        source: "/srv/work".into(),
        access: Access::Write,
        pinned: vec![".git".to_owned()],
        protected: vec![".git/hooks".to_owned()],
    }];
    let artefacts = (program == Program::Runner).then(|| "/srv/hub/artefacts".into());
    let class =
        ClassSpec { program, size, runtime: manifest::Runtime::Runc, mounts: Vec::new(), artefacts, frames: None };
    let (hub_id, class_id) = (HubId("hub1".to_owned()), ClassId("write".to_owned()));
    let mounts: &[CheckedMount] = if program == Program::Runner { &mounts } else { &[] };
    let inputs = PostureInputs { hub_id: &hub_id, hub_key: "KEY", image: &id(), class: &class_id, mounts };
    let container = ContainerName("safeclaw-hub1-0".to_owned());
    let start = Start { container: &container, created_unix_s: 7, seccomp_file: "seccomp.json" };
    let printed = actions(&render(&class, &inputs), &start);
    // Its comments name flags too, and editing those is no edit.
    printed.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}

fn file(step: &str) -> String {
    let step: String = step.lines().map(|line| format!("      {line}\n")).collect();
    format!("on: push\njobs:\n  agent:\n    runs-on: x\n    steps:\n{step}")
}

fn checks(files: &[String]) -> Vec<Check> {
    let dir = tempfile::tempdir().unwrap();
    for (index, text) in files.iter().enumerate() {
        std::fs::write(dir.path().join(format!("{index}.yml")), text).unwrap();
    }
    check(dir.path(), Some(&id()))
}

fn state(text: &str) -> State {
    checks(&[text.to_owned()]).iter().map(|check| check.state).max().unwrap()
}

#[test]
fn what_is_printed_passes() {
    for (program, size) in
        [(Program::Runner, Size::Small), (Program::Runner, Size::Large), (Program::Compile, Size::Build)]
    {
        let found = checks(&[file(&step(program, size)), file(&step(program, size))]);
        assert!(found.iter().all(|check| check.state == State::Ok), "{found:#?}");
        assert_eq!(found.iter().filter(|check| check.found.contains("as rendered")).count(), 2);
    }
}

/// Lines whose absence changes nothing, since what they say is the command's default.
const DEFAULTS: [&str; 9] = [
    "--pull",
    "--tty=false",
    "--privileged=false",
    "--publish-all=false",
    "--oom-kill-disable=false",
    "--restart",
    "--runtime runc",
    "safeclaw posture",
    "- name",
];

#[test]
fn each_line_taken_away_is_found() {
    let whole = step(Program::Runner, Size::Small);
    let mut tried = 0;
    for (index, line) in whole.lines().enumerate() {
        let flag = line.trim();
        if !flag.starts_with("--") || DEFAULTS.iter().any(|default| flag.starts_with(default)) {
            continue;
        }
        let rest: Vec<&str> = whole.lines().enumerate().filter(|(at, _)| *at != index).map(|(_, line)| line).collect();
        assert_eq!(state(&file(&rest.join("\n"))), State::Differs, "without {flag}");
        tried += 1;
    }
    assert!(tried >= 35, "{tried}");
}

#[test]
fn each_edit_is_found() {
    let whole = step(Program::Runner, Size::Small);
    let edits = [
        ("--read-only \\", "--read-only=false \\"),
        ("--network none", "--network host"),
        ("--network none", "--network none --network bridge"),
        ("--cap-drop ALL", "--cap-drop NET_RAW"),
        ("--cap-drop ALL", "--cap-drop ALL --cap-add SYS_ADMIN"),
        ("--security-opt no-new-privileges", "--security-opt no-new-privileges=false"),
        ("--security-opt no-new-privileges", "--security-opt no-new-privileges --security-opt seccomp=unconfined"),
        ("seccomp=seccomp.json", "seccomp=unconfined"),
        ("--privileged=false", "--privileged"),
        ("--privileged=false", "--privileged=false --security-opt apparmor=unconfined"),
        ("--privileged=false", "--privileged=false --security-opt systempaths=unconfined"),
        ("--user 1000:1000", "--user 0:0"),
        ("--user 1000:1000", "--user 1000:1000 -u root"),
        ("--ipc none", "--ipc host"),
        ("--cgroupns private", "--cgroupns host"),
        ("--rm \\", "--rm --pid=host \\"),
        ("--rm \\", "--rm --uts host \\"),
        ("--rm \\", "--rm --userns=host \\"),
        ("--rm \\", "--rm -v /:/host \\"),
        ("--rm \\", "--rm --volume=/var/run/docker.sock:/d.sock \\"),
        ("--rm \\", "--rm --mount type=bind,src=/,dst=/mnt/work2,ro,bind-propagation=rprivate,bind-nonrecursive \\"),
        ("--rm \\", "--rm --mount type=bind,src=/srv/x,dst=/lib,ro,bind-propagation=rprivate,bind-nonrecursive \\"),
        ("--rm \\", "--rm --device /dev/kvm \\"),
        ("--rm \\", "--rm --gpus all \\"),
        ("--rm \\", "--rm -p 80:80 \\"),
        ("--rm \\", "--rm -e TOKEN=x \\"),
        ("--rm \\", "--rm --env-file x \\"),
        ("--rm \\", "--rm --add-host a:127.0.0.1 \\"),
        ("--rm \\", "--rm --group-add 0 \\"),
        ("--rm \\", "--rm --sysctl net.ipv4.ip_forward=1 \\"),
        ("--runtime runc", "--runtime other"),
        ("--rm \\", "--rm --init \\"),
        ("--rm \\", "--rm --shm-size 1g \\"),
        ("--rm \\", "--rm --detach \\"),
        ("--rm \\", "--rm=false \\"),
        ("--tty=false", "--tty"),
        ("--pids-limit 100", "--pids-limit -1"),
        ("--memory 536870912", "--memory 8g"),
        ("--memory-swap 536870912", "--memory-swap -1"),
        ("--cpu-quota 5000", "--cpu-quota 500000"),
        ("--cpu-quota 5000", "--cpu-quota 5000 --cpus 4"),
        ("--ulimit core=0:0", "--ulimit core=-1"),
        ("--ulimit nofile=1024:1024", "--ulimit nofile=1024:1048576"),
        ("noexec,nosuid,nodev,size=67108864", "exec,nosuid,nodev,size=67108864"),
        ("mode=1777", "mode=1777,exec"),
        ("nr_inodes=4096,", ""),
        ("size=67108864", "size=8g"),
        ("--stop-signal SIGKILL", "--stop-signal SIGTERM"),
        ("--log-driver none", "--log-driver json-file"),
        ("--restart no", "--restart always"),
        ("--entrypoint /runner", "--entrypoint /mnt/work/x"),
        ("target=/artefacts,readonly", "target=/artefacts"),
        ("bind-propagation=rprivate", "bind-propagation=rshared"),
        (",bind-nonrecursive=true", ""),
        ("source=/srv/work,", "source=/proc,"),
        ("source=/srv/work,", "source=/srv/../proc,"),
        ("KEY --container", "KEY --no-container --container"),
        ("--container safeclaw-hub1-0", "--container other"),
        ("--hub-key KEY", "--hub-key OTHER"),
        ("--label safeclaw.hub=hub1", "--label safeclaw.hub=hub2"),
        ("--label safeclaw.created=7", "--label safeclaw.created=x"),
    ];
    assert!(edits.len() > 55);
    let mut missed = Vec::new();
    for (from, to) in edits {
        assert!(whole.contains(from), "{from}");
        if state(&file(&whole.replacen(from, to, 1))) != State::Differs {
            missed.push(format!("{from} as {to}"));
        }
    }
    assert_eq!(missed, Vec::<String>::new());
}

#[test]
fn what_cannot_be_read_is_never_well() {
    let whole = step(Program::Runner, Size::Small);
    let edits = [
        ("docker run \\", "docker run $FLAGS \\"),
        ("docker run \\", "docker \"$COMMAND\" \\"),
        ("--memory 536870912", "--memory $MEMORY"),
        ("--memory 536870912", "--tomorrow 536870912"),
        ("--user 1000:1000", "--user \"$(id -u)\""),
        ("--hub-key KEY", "--hub-key ${{ secrets.KEY }}"),
        ("seccomp=seccomp.json", "seccomp=other.json"),
        ("docker run \\", "echo '{}' > seccomp.json\n    docker run \\"),
        ("docker run \\", "cp other seccomp.json\n    docker run \\"),
        ("shell: bash", "shell: python"),
    ];
    for (from, to) in edits {
        assert!(whole.contains(from), "{from}");
        assert_ne!(state(&file(&whole.replacen(from, to, 1))), State::Ok, "{from} as {to}");
    }
    for text in
        ["a: [", "jobs: { a: { steps: [{ uses: ./action }] } }", "jobs: { a: { steps: [{ run: docker compose up }] } }"]
    {
        assert_eq!(state(text), State::Unknown, "{text}");
    }
    assert_eq!(checks(&[])[0].state, State::Unknown);
    assert_eq!(check(Path::new("/nonexistent"), None)[0].state, State::Unknown);
}

#[test]
fn the_image_is_one_and_named_by_its_digest() {
    let whole = step(Program::Runner, Size::Small);
    let image = id().to_string();
    let named = format!("ghcr.io/x/safeclaw@{image}");
    for other in ["safeclaw-runner:latest", "safeclaw", "sha256:abc", &format!("sha256:{}", "0".repeat(64))] {
        assert_eq!(state(&file(&whole.replace(&image, other))), State::Differs, "{other}");
    }
    let two = checks(&[file(&whole), file(&whole.replace(&image, &named))]);
    assert!(two.iter().any(|check| check.found.starts_with("not one image")), "{two:#?}");
    let once = whole.replace(&image, "\"$IMAGE\"");
    assert_ne!(state(&file(&once)), State::Ok);
}

#[test]
fn a_variable_that_only_the_workflow_sets_is_read() {
    let whole = step(Program::Runner, Size::Small);
    let with = |step: &str, env: &str| format!("env: {{ {env} }}\n{}", file(step));
    let edited = whole.replace("--network none", "--network $NETWORK");
    assert_eq!(state(&with(&edited, "NETWORK: none")), State::Ok);
    assert_eq!(state(&with(&edited, "NETWORK: host")), State::Differs);
    assert_eq!(state(&with(&edited, "NETWORK: \"${{ vars.X }}\"")), State::Unknown);
    let set = edited.replace("docker run", "NETWORK=host\n    docker run");
    assert_eq!(state(&with(&set, "NETWORK: none")), State::Unknown);
    let set = edited.replace("docker run", "echo NETWORK=host >> $GITHUB_ENV\n    docker run");
    assert_eq!(state(&with(&set, "NETWORK: none")), State::Unknown);
    let set = edited.replace("docker run", "source x\n    docker run");
    assert_eq!(state(&with(&set, "NETWORK: none")), State::Unknown);
}

#[test]
fn an_image_of_ours_is_no_jobs_container() {
    for text in [
        "jobs: { a: { container: ghcr.io/x/safeclaw@sha256:0, steps: [] } }",
        "jobs: { a: { services: { b: { image: safeclaw-runner } }, steps: [] } }",
        "jobs: { a: { steps: [{ uses: docker://safeclaw-runner }] } }",
        "jobs: { a: { steps: [{ run: safeclaw hub --no-container }] } }",
        "jobs: { a: { steps: [{ run: sudo docker run --rm safeclaw-runner }] } }",
    ] {
        assert_eq!(state(text), State::Differs, "{text}");
    }
    assert_eq!(state("jobs: { a: { container: debian, steps: [{ run: docker run postgres }] } }"), State::Ok);
}
