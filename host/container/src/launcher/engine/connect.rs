//! Which engines are good enough, and how they are asked.

use crate::image::{Image, ImageId};
use crate::launcher::LauncherError;
use bollard::errors::Error as EngineError;
use bollard::models::{Runtime, SystemInfo, SystemVersion};
use bollard::{API_DEFAULT_VERSION, Docker};
use futures_util::TryStreamExt as _;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the engine may take for one request. The slowest it really has is the removal of a container
/// that does not die, 12 seconds.
const REQUEST_S: u64 = 30;
/// An image is tens of megabytes.
const LOAD_S: u64 = 120;

/// The socket that `DOCKER_HOST` names, or the usual one.
///
/// # Errors
/// It names an engine on another machine.
pub fn default_socket(docker_host: Option<&str>) -> Result<PathBuf, LauncherError> {
    match docker_host.filter(|host| !host.is_empty()) {
        None => Ok(PathBuf::from("/var/run/docker.sock")),
        Some(host) => match host.strip_prefix("unix://") {
            Some(path) if path.starts_with('/') => Ok(PathBuf::from(path)),
            _ => Err(LauncherError::Remote(host.chars().take(200).collect())),
        },
    }
}

/// An engine that has been found good.
pub(super) struct Engine {
    pub(super) docker: Docker,
    /// Where it keeps images and containers: no mount may be there.
    pub(super) data: Option<PathBuf>,
    /// What it can run containers with.
    pub(super) runtimes: Option<HashMap<String, Runtime>>,
}

pub(super) async fn connect(socket: &Path) -> Result<Engine, LauncherError> {
    let not_there = |error: EngineError| LauncherError::NotThere(socket.to_owned(), Box::new(error));
    let path =
        socket.to_str().ok_or_else(|| not_there(EngineError::SocketNotFoundError(socket.display().to_string())))?;
    let docker = Docker::connect_with_unix(path, REQUEST_S, API_DEFAULT_VERSION).map_err(not_there)?;
    docker.ping().await.map_err(not_there)?;
    let version = asked("report its version", docker.version()).await?;
    acceptable_version(&version)?;
    let docker = asked("agree on a version", docker.negotiate_version()).await?;
    let info = asked("report its settings", docker.info()).await?;
    acceptable_settings(&info)?;
    Ok(Engine { docker, data: info.docker_root_dir.map(PathBuf::from), runtimes: info.runtimes })
}

fn acceptable_version(version: &SystemVersion) -> Result<(), LauncherError> {
    let components = version.components.as_deref().unwrap_or_default();
    if components.iter().any(|component| component.name.to_ascii_lowercase().contains("podman")) {
        return Err(LauncherError::Podman);
    }
    let platform = [version.os.as_deref(), version.arch.as_deref()].map(|part| part.unwrap_or("unknown")).join("/");
    if platform != "linux/amd64" {
        return Err(LauncherError::Platform(platform));
    }
    let api = version.api_version.as_deref().unwrap_or("unknown");
    let number = api.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    if number.is_none_or(|number: (u32, u32)| number < (1, 41)) {
        return Err(LauncherError::TooOld(api.chars().take(20).collect()));
    }
    Ok(())
}

fn acceptable_settings(info: &SystemInfo) -> Result<(), LauncherError> {
    let options = info.security_options.as_deref().unwrap_or_default();
    let has = |name: &str| options.iter().any(|option| option.split(',').any(|part| part == name));
    if has("name=rootless") {
        return Err(LauncherError::Rootless);
    }
    let enforced = [
        ("seccomp profiles (use a kernel with CONFIG_SECCOMP_FILTER)", has("name=seccomp")),
        ("memory limits (boot with cgroup_enable=memory, or use cgroup v2)", info.memory_limit == Some(true)),
        ("swap limits (boot with swapaccount=1, or use cgroup v2)", info.swap_limit == Some(true)),
        ("pids limits (give the engine the pids controller of its cgroup)", info.pids_limit == Some(true)),
        ("CPU quotas (give the engine the cpu controller of its cgroup)", info.cpu_cfs_quota == Some(true)),
    ];
    match enforced.iter().find(|(_, enforced)| !enforced) {
        Some((what, _)) => Err(LauncherError::CannotEnforce((*what).to_owned())),
        None => Ok(()),
    }
}

pub(super) async fn require_image(docker: &Docker, image: &ImageId) -> Result<(), LauncherError> {
    let seen = found("inspect the image", docker.inspect_image(&image.to_string())).await?;
    match seen {
        None => Err(LauncherError::NoImage(image.clone())),
        Some(seen) if seen.id.as_deref() == Some(&image.to_string()) => Ok(()),
        Some(_) => Err(LauncherError::OtherImage(image.clone())),
    }
}

/// Loads an image, unless the engine has it, and makes sure that the engine calls it by the id that was
/// computed here.
///
/// # Errors
/// The engine is refused (see [`crate::Launcher::connect`]), or it did not take the image under this id.
pub async fn load_image(socket: &Path, image: &Image) -> Result<(), LauncherError> {
    let docker = connect(socket).await?.docker;
    if require_image(&docker, &image.id).await.is_ok() {
        return Ok(());
    }
    let body = bollard::body_full(image.tar.clone().into());
    let options = bollard::query_parameters::ImportImageOptionsBuilder::default().quiet(true).build();
    let load = docker.import_image(options, body, None).try_for_each(|_| std::future::ready(Ok(())));
    within("load the image", LOAD_S, load).await?;
    require_image(&docker, &image.id).await.map_err(|error| match error {
        LauncherError::NoImage(id) => LauncherError::OtherImage(id),
        other => other,
    })
}

/// The answer to a question, in bounded time.
pub(super) async fn asked<T>(
    doing: &'static str,
    question: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, LauncherError> {
    within(doing, REQUEST_S, question).await
}

/// The same for a thing that may be gone.
pub(super) async fn found<T>(
    doing: &'static str,
    question: impl Future<Output = Result<T, EngineError>>,
) -> Result<Option<T>, LauncherError> {
    let or_none = async {
        match question.await {
            Ok(answer) => Ok(Some(answer)),
            Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    };
    asked(doing, or_none).await
}

async fn within<T>(
    doing: &'static str,
    seconds: u64,
    question: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, LauncherError> {
    match tokio::time::timeout(Duration::from_secs(seconds), question).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(LauncherError::Engine { doing, source: Box::new(error) }),
        Err(_) => Err(LauncherError::Timeout { doing, seconds }),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use serde_json::{Value, json};

    fn version(change: Value) -> Result<(), LauncherError> {
        let mut version = json!({"ApiVersion": "1.41", "Os": "linux", "Arch": "amd64", "Components": [{"Name": "Engine", "Version": "20.10"}]});
        version.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        acceptable_version(&serde_json::from_value(version).unwrap())
    }

    fn settings(change: Value) -> Result<(), LauncherError> {
        let mut info = json!({
            "SecurityOptions": ["name=seccomp,profile=default"],
            "MemoryLimit": true, "SwapLimit": true, "PidsLimit": true, "CpuCfsQuota": true,
        });
        info.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        acceptable_settings(&serde_json::from_value(info).unwrap())
    }

    #[test]
    fn engines_that_are_not_tested_are_refused_in_one_line() {
        version(json!({})).unwrap();
        version(json!({"ApiVersion": "1.53"})).unwrap();
        settings(json!({})).unwrap();
        settings(json!({"SecurityOptions": ["name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"]}))
            .unwrap();
        let refused = [
            (version(json!({"Components": [{"Name": "Podman Engine", "Version": "4.3.1"}]})), "Podman"),
            (version(json!({"ApiVersion": "1.40"})), "API 1.40"),
            (version(json!({"ApiVersion": "0.99"})), "API 0.99"),
            (version(json!({"ApiVersion": "new"})), "API new"),
            (version(json!({"Arch": "arm64"})), "linux/arm64"),
            (version(json!({"Os": "windows"})), "windows/amd64"),
            (settings(json!({"SecurityOptions": ["name=seccomp,profile=default", "name=rootless"]})), "rootless"),
            (settings(json!({"SecurityOptions": []})), "seccomp"),
            (settings(json!({"PidsLimit": false})), "pids"),
            (settings(json!({"MemoryLimit": false})), "memory"),
            (settings(json!({"SwapLimit": false})), "swap"),
            (settings(json!({"CpuCfsQuota": null})), "CPU"),
            (default_socket(Some("tcp://10.0.0.1:2376")).map(drop), "remote"),
            (default_socket(Some("ssh://host")).map(drop), "remote"),
            (default_socket(Some("http://localhost:2375")).map(drop), "remote"),
            (default_socket(Some("unix://relative.sock")).map(drop), "remote"),
        ];
        for (answer, word) in refused {
            let line = answer.unwrap_err().to_string();
            assert!(line.contains(word) && !line.contains('\n'), "{word}: {line}");
        }
    }

    /// A limit that a manifest relies on and this engine cannot hold: each of its answers, and what to do.
    #[test]
    fn each_setting_that_cannot_be_held_is_named_with_its_remedy() {
        let rows = [
            ("MemoryLimit", "memory limits", "cgroup_enable=memory"),
            ("SwapLimit", "swap limits", "swapaccount=1"),
            ("PidsLimit", "pids limits", "pids controller"),
            ("CpuCfsQuota", "CPU quotas", "cpu controller"),
            ("SecurityOptions", "seccomp profiles", "CONFIG_SECCOMP_FILTER"),
        ];
        for (field, what, remedy) in rows {
            for answer in
                [json!(null), if field == "SecurityOptions" { json!(["name=apparmor"]) } else { json!(false) }]
            {
                let refused = settings(json!({ field: answer })).unwrap_err();
                let line = refused.to_string();
                assert!(matches!(refused, LauncherError::CannotEnforce(_)), "{line}");
                assert!(line.contains(what) && line.contains(remedy), "{field}: {line}");
            }
        }
    }

    #[test]
    fn a_local_socket_is_taken() {
        assert_eq!(default_socket(None).unwrap(), Path::new("/var/run/docker.sock"));
        assert_eq!(default_socket(Some("")).unwrap(), Path::new("/var/run/docker.sock"));
        assert_eq!(default_socket(Some("unix:///tmp/x.sock")).unwrap(), Path::new("/tmp/x.sock"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_engine_that_hangs_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        // Connections wait in the kernel and are never taken: so there is nothing but the clock to wait for.
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let began = tokio::time::Instant::now();
        let line = connect(&socket).await.err().unwrap().to_string();
        assert_eq!(began.elapsed().as_secs(), REQUEST_S, "{line}");
        assert!(!line.contains('\n'), "{line}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_without_an_answer_has_an_end() {
        let never = || std::future::pending::<Result<(), EngineError>>();
        let began = tokio::time::Instant::now();
        assert!(matches!(asked("answer", never()).await, Err(LauncherError::Timeout { seconds: REQUEST_S, .. })));
        assert!(matches!(found("answer", never()).await, Err(LauncherError::Timeout { seconds: REQUEST_S, .. })));
        let loading = within("load the image", LOAD_S, never()).await;
        assert!(matches!(loading, Err(LauncherError::Timeout { seconds: LOAD_S, .. })));
        assert_eq!(began.elapsed().as_secs(), 2 * REQUEST_S + LOAD_S);
    }

    #[tokio::test]
    async fn no_engine_is_one_line() {
        let line = connect(Path::new("/nowhere/docker.sock")).await.err().unwrap().to_string();
        assert!(line.starts_with("no container engine answers at /nowhere/docker.sock"), "{line}");
    }
}
