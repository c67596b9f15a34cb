//! Golden formats, and a walk over the body: whatever is changed in it changes each format, or is named in a
//! comment there. `UPDATE_GOLDEN=1` writes the golden files anew.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::class::{ClassSpec, MountSpec, Program, Size};
use crate::image::ImageId;
use crate::message::HubId;
use crate::mounts::CheckedMount;
use crate::posture::{Posture, PostureInputs, digest_of, render};
use manifest::{Access, ClassId, MountName};
use std::path::{Path, PathBuf};

fn posture(source: &str) -> Posture {
    let name = MountName::try_from("work").unwrap();
    let source = PathBuf::from(source);
    let spec = MountSpec { name: name.clone(), source: source.clone(), access: Access::Write };
    let class = ClassSpec {
        program: Program::Runner,
        size: Size::Small,
        runtime: manifest::Runtime::Runc,
        mounts: vec![spec],
        artefacts: Some("/srv/hub/artefacts".into()),
        frames: None,
    };
    let (pinned, protected) = (vec![".git".to_owned()], vec![".git/hooks".to_owned()]);
    let inputs = PostureInputs {
        hub_id: &HubId("hub1".to_owned()),
        hub_key: "KEY",
        image: &ImageId::of(digest_of(b"image")),
        class: &ClassId("class".to_owned()),
        mounts: &[CheckedMount { name, source, access: Access::Write, pinned, protected }],
    };
    // The profile has tests of its own: one rule less there is no change here.
    Posture { seccomp: "sha-256 of runner-image/seccomp.json".to_owned(), ..render(&class, &inputs) }
}

fn name() -> ContainerName {
    ContainerName("safeclaw-hub1-0".to_owned())
}

fn golden(file: &str, posture: &Posture, rendered: &str) {
    // A field more in the posture is another digest, and no other format.
    let rendered = &rendered.replace(posture.digest().as_str(), "DIGEST-OF-THE-POSTURE");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/formats").join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, rendered).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == *rendered, "{file} differs; UPDATE_GOLDEN=1 writes it anew:\n{rendered}");
}

#[test]
fn formats_are_as_reviewed() {
    let name = name();
    let start = Start { container: &name, created_unix_s: 7, seccomp_file: "safeclaw-seccomp.json" };
    for (kind, source) in
        [("plain", "/srv/work"), ("hostile", "/srv/a 'b\" $HOME `id` $(id) ${{ x }},\\,\n- é\u{2028}#")]
    {
        let posture = posture(source);
        golden(&format!("{kind}.sh"), &posture, &docker(&posture, &start));
        golden(&format!("{kind}-compose.yaml"), &posture, &compose(&posture, &start));
        golden(&format!("{kind}-actions.yaml"), &posture, &actions(&posture, &start));
    }
}

/// Every value of the body that has none below it, and every empty list and object.
fn leaves(at: &str, value: &Value, found: &mut Vec<String>) {
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(map) if !map.is_empty() => {
            map.iter().for_each(|(key, value)| leaves(&format!("{at}/{}", escaped(key)), value, found));
        }
        Value::Array(list) if !list.is_empty() => {
            list.iter().enumerate().for_each(|(index, value)| leaves(&format!("{at}/{index}"), value, found));
        }
        _ => found.push(at.to_owned()),
    }
}

fn other(value: &Value) -> Value {
    match value {
        Value::Null => Value::from("other"),
        Value::Bool(on) => Value::from(!on),
        Value::Number(number) => Value::from(number.as_i64().unwrap() + 1),
        Value::String(text) => Value::from(format!("other{text}")),
        Value::Array(_) => serde_json::json!(["other"]),
        Value::Object(_) => serde_json::json!({"other": "other"}),
    }
}

#[test]
fn each_setting_of_the_body_is_in_each_format_or_named_in_its_comments() {
    let name = name();
    let start = Start { container: &name, created_unix_s: 7, seccomp_file: "FILE" };
    let body = posture("/srv/work").body(&name, 7);
    let mut found = Vec::new();
    leaves("", &body, &mut found);
    assert!(found.len() > 60, "{found:?}");
    type Written = fn(&Value, &Start<'_>) -> String;
    let formats: [(&str, Written); 3] =
        [("docker", docker::written), ("compose", compose::written), ("actions", actions::written)];
    for (format, written) in formats {
        let before = written(&body, &start);
        for leaf in &found {
            let mut changed = body.clone();
            let place = changed.pointer_mut(leaf).unwrap();
            *place = other(place);
            let setting = leaf.rsplit('/').find(|part| part.parse::<u32>().is_err()).unwrap();
            let named = before.lines().any(|line| line.starts_with('#') && line.contains(setting));
            // The profile is a file, and its text is that file's.
            let profile = leaf == "/HostConfig/SecurityOpt/0" && before.contains("seccomp=FILE");
            assert!(written(&changed, &start) != before || named || profile, "{format} says nothing of {leaf}");
        }
    }
}

#[test]
fn a_setting_of_tomorrow_is_named_and_not_dropped() {
    let name = name();
    let start = Start { container: &name, created_unix_s: 7, seccomp_file: "FILE" };
    let mut body = posture("/srv/work").body(&name, 7);
    body["HostConfig"]["Tomorrow"] = true.into();
    for text in [docker::written(&body, &start), compose::written(&body, &start), actions::written(&body, &start)] {
        assert!(text.lines().any(|line| line.starts_with("# Tomorrow: not expressed")), "{text}");
    }
}
