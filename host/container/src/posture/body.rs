//! A posture in the engine's words. Every field of [`Posture`] is taken apart here by name, so that a
//! new one cannot be forgotten.

use super::{Absent, Bind, Engine, FRAMES, LABEL_CREATED, Namespace, Posture, SECCOMP, Ulimit};
use crate::class::Program;
use crate::message::ContainerName;
use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigCgroupnsModeEnum, HostConfigLogConfig, Mount, MountBindOptions,
    MountBindOptionsPropagationEnum, MountType, ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};
use std::collections::HashMap;

/// How the engine spells the absence of a network, of IPC and of a log.
const NONE: &str = "none";
/// How the engine spells a private process or host-name namespace: its word is `host` or nothing.
const PRIVATE: &str = "";

/// What differs from container to container of one posture.
pub(crate) struct Birth<'a> {
    pub(crate) name: &'a ContainerName,
    pub(crate) created_unix_s: u64,
}

/// The body of the engine's "create".
pub(crate) fn to_body(posture: &Posture, birth: &Birth<'_>) -> ContainerCreateBody {
    let digest = posture.digest();
    let Posture {
        image,
        runtime,
        entrypoint,
        mut arguments,
        environment: Absent::None,
        user,
        labels,
        stdin_once,
        tty,
        stop_signal,
        auto_remove,
        restart: Absent::None,
        read_only_root,
        privileged,
        capabilities_dropped,
        capabilities_added: Absent::None,
        no_new_privileges,
        seccomp: _, // the digest of SECCOMP, the only profile there is, which is sent whole
        network: Absent::None,
        published_ports: Absent::None,
        ipc: Absent::None,
        cgroup_namespace: Namespace::Private,
        process_namespace: Namespace::Private,
        uts_namespace: Namespace::Private,
        devices: Absent::None,
        masked_paths: Engine::Default,
        log_driver: Absent::None,
        oom_kill_disabled,
        resources,
        tmpfs,
        mut binds,
        frames,
    } = posture.clone();

    let mut security_opt = vec![format!("seccomp={SECCOMP}")];
    if no_new_privileges {
        security_opt.push("no-new-privileges".to_owned());
    }
    if entrypoint.first().map(String::as_str) == Some(Program::Runner.path()) {
        arguments.extend(["--container".into(), birth.name.0.clone(), "--posture".into(), digest.to_string()]);
    }
    if let Some(under) = frames {
        binds.push(super::bind(format!("{under}/{}", birth.name), FRAMES.to_owned(), true));
        arguments.extend(["--frames".into(), FRAMES.to_owned()]);
    }
    let mut labels: HashMap<String, String> = labels.into_iter().collect();
    labels.insert(LABEL_CREATED.to_owned(), birth.created_unix_s.to_string());

    ContainerCreateBody {
        image: Some(image),
        entrypoint: Some(entrypoint),
        cmd: Some(arguments),
        env: Some(Vec::new()),
        user: Some(user),
        working_dir: Some("/".to_owned()),
        labels: Some(labels),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        open_stdin: Some(true),
        stdin_once: Some(stdin_once),
        tty: Some(tty),
        stop_signal: Some(stop_signal),
        network_disabled: Some(true),
        host_config: Some(HostConfig {
            runtime: Some(runtime.as_str().to_owned()),
            auto_remove: Some(auto_remove),
            restart_policy: Some(RestartPolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: Some(0) }),
            readonly_rootfs: Some(read_only_root),
            privileged: Some(privileged),
            cap_drop: Some(capabilities_dropped),
            cap_add: Some(Vec::new()),
            security_opt: Some(security_opt),
            network_mode: Some(NONE.to_owned()),
            publish_all_ports: Some(false),
            port_bindings: Some(HashMap::new()),
            ipc_mode: Some(NONE.to_owned()),
            cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
            pid_mode: Some(PRIVATE.to_owned()),
            uts_mode: Some(PRIVATE.to_owned()),
            devices: Some(Vec::new()),
            log_config: Some(HostConfigLogConfig { typ: Some(NONE.to_owned()), config: None }),
            oom_kill_disable: Some(oom_kill_disabled),
            pids_limit: Some(i64::from(resources.pids)),
            memory: Some(signed(resources.memory_bytes)),
            memory_swap: Some(signed(resources.memory_swap_bytes)),
            cpu_quota: Some(i64::from(resources.cpu_quota_us)),
            cpu_period: Some(i64::from(resources.cpu_period_us)),
            ulimits: Some(resources.ulimits.into_iter().map(ulimit).collect()),
            tmpfs: Some(tmpfs.into_iter().collect()),
            mounts: Some(binds.into_iter().map(mount).collect()),
            // The engine's own lists hold when none is sent.
            masked_paths: None,
            readonly_paths: None,
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

fn ulimit(Ulimit { name, value }: Ulimit) -> ResourcesUlimits {
    ResourcesUlimits { name: Some(name), soft: Some(signed(value)), hard: Some(signed(value)) }
}

fn mount(Bind { source, target, read_only, recursive, propagation: Namespace::Private }: Bind) -> Mount {
    Mount {
        typ: Some(MountType::BIND),
        source: Some(source),
        target: Some(target),
        read_only: Some(read_only),
        bind_options: Some(MountBindOptions {
            propagation: Some(MountBindOptionsPropagationEnum::RPRIVATE),
            non_recursive: Some(!recursive),
            // A source that vanished is an error, never a new directory on the host.
            create_mountpoint: Some(false),
            ..MountBindOptions::default()
        }),
        ..Mount::default()
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
