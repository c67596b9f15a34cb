//! A command that starts a runner's container, against the posture: whom the container belongs to, which
//! image, which mounts are taken from the command itself; everything else is as rendered, or differs.

use super::flags::Asked;
use container::drift::{Difference, between};
use container::posture::{Bind, Namespace};
use container::{ClassSpec, ContainerName, HubId, ImageId, PostureInputs, Program, Size, render};
use manifest::{ClassId, Digest, Runtime};
use serde_json::{Value, json};
use std::path::Path;

/// No mount may hold, or lie in, any of these, whatever a manifest says.
const NEVER_MOUNTED: [&str; 10] = [
    "/boot",
    "/dev",
    "/etc",
    "/proc",
    "/run",
    "/sys",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/run",
    "/lib/modules",
];

/// Differences that are certain, and those that hang on a value which cannot be read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Compared {
    pub(super) certain: Vec<Difference>,
    pub(super) unread: Vec<String>,
}

/// Compares with the size that fits best.
pub(super) fn compare(asked: &Asked) -> Compared {
    let program = if asked.body.pointer("/Entrypoint/0") == Some(&json!("/compile")) {
        Program::Compile
    } else {
        Program::Runner
    };
    let sizes: &[Size] = match program {
        Program::Runner => &[Size::Small, Size::Large],
        Program::Compile => &[Size::Build],
    };
    let unread: Vec<String> = asked.unread.iter().map(|(setting, text)| format!("{setting}: {text}")).collect();
    let of = |size: &Size| {
        let hangs_on_unread = |difference: &Difference| {
            let of =
                |setting: &str| difference.setting == setting || difference.setting.starts_with(&format!("{setting} "));
            asked.unread.iter().any(|(setting, _)| of(setting))
        };
        // The digest in the arguments is over the whole posture: with any of it unread it says nothing.
        let arguments = |difference: &Difference| difference.setting == "Cmd" && !asked.unread.is_empty();
        let all = between(&expected(asked, program, *size), &asked.body);
        all.into_iter().filter(|it| !hangs_on_unread(it) && !arguments(it)).collect::<Vec<_>>()
    };
    let certain = sizes.iter().map(of).min_by_key(Vec::len).unwrap_or_default();
    Compared { certain, unread }
}

/// The body that the launcher would send for such a container.
fn expected(asked: &Asked, program: Program, size: Size) -> Value {
    let text = |pointer: &str| asked.body.pointer(pointer).and_then(Value::as_str);
    // Either runtime is one that the renderer writes; which tier wants which is the manifest's to say.
    let runtime = if text("/HostConfig/Runtime") == Some("runsc") { Runtime::Runsc } else { Runtime::Runc };
    let class = ClassSpec { program, size, runtime, mounts: Vec::new(), artefacts: None, frames: None };
    let arguments: Vec<&str> =
        asked.body.get("Cmd").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let key = arguments.iter().skip_while(|word| **word != "--hub-key").nth(1).copied();
    let image = ImageId::of(Digest::of(b""));
    let inputs = PostureInputs {
        hub_id: &HubId(text("/Labels/safeclaw.hub").unwrap_or("(the hub's id)").to_owned()),
        hub_key: key.unwrap_or("(the hub's public key)"),
        image: &image,
        class: &ClassId(text("/Labels/safeclaw.class").unwrap_or("(a class)").to_owned()),
        mounts: &[],
    };
    let mut posture = render(&class, &inputs);
    posture.image = text("/Image").unwrap_or_default().to_owned();
    posture.binds = binds(asked);
    let name = ContainerName(asked.name.clone().unwrap_or_else(|| "(its name, by --name)".to_owned()));
    let created = text("/Labels/safeclaw.created");
    let mut body = posture.body(&name, created.and_then(|text| text.parse().ok()).unwrap_or_default());
    // The time of the run, where a command fills it in.
    if let (Some(created), Some(label)) =
        (created.filter(|text| text.starts_with('$')), body.pointer_mut("/Labels/safeclaw.created"))
    {
        *label = json!(created);
    }
    body
}

/// The mounts of the command that a posture could have; the others are then differences.
fn binds(asked: &Asked) -> Vec<Bind> {
    let mounts = asked.body.pointer("/HostConfig/Mounts").and_then(Value::as_array).into_iter().flatten();
    let bind = |mount: &Value| {
        let text = |key: &str| mount.get(key).and_then(Value::as_str).unwrap_or_default();
        let (source, target) = (text("Source"), text("Target"));
        let artefacts = target == "/artefacts";
        let granted = target.strip_prefix("/mnt/").is_some_and(|name| !name.is_empty());
        (text("Type") == "bind" && (artefacts || granted) && plain(target) && plain(source) && allowed(source)).then(
            || Bind {
                source: source.to_owned(),
                target: target.to_owned(),
                read_only: artefacts || mount.get("ReadOnly") == Some(&Value::Bool(true)),
                recursive: false,
                propagation: Namespace::Private,
            },
        )
    };
    mounts.filter_map(bind).collect()
}

/// An absolute path that names what it says.
fn plain(path: &str) -> bool {
    path.starts_with('/') && !path.split('/').any(|part| part == ".." || part == ".")
}

fn allowed(source: &str) -> bool {
    let source = Path::new(source);
    NEVER_MOUNTED.iter().all(|never| !source.starts_with(never) && !Path::new(never).starts_with(source))
}
