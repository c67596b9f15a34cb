//! Golden postures: all that a container of each size is given, for each kind of mount. A change here is a
//! change of wall 2, and is read as one. `UPDATE_GOLDEN=1` writes them anew.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use container::{CheckedMount, ClassSpec, HubId, ImageId, MountSpec, PostureInputs, Program, Size, render};
use manifest::{Access, ClassId, Digest, MountName, Runtime};
use std::path::{Path, PathBuf};

fn check(file: &str, program: Program, size: Size, runtime: Runtime, access: Option<Access>) {
    let name = MountName::try_from("work").unwrap();
    let source = PathBuf::from("/srv/work");
    let mounts: Vec<_> =
        access.map(|access| MountSpec { name: name.clone(), source: source.clone(), access }).into_iter().collect();
    let writable = access == Some(Access::Write);
    let on_top = |path: &str| if writable { vec![path.to_owned()] } else { Vec::new() };
    let checked: Vec<_> = access
        .map(|access| CheckedMount { name, source, access, pinned: on_top(".git"), protected: on_top(".git/hooks") })
        .into_iter()
        .collect();
    let artefacts = (program == Program::Runner).then(|| PathBuf::from("/srv/hub/artefacts"));
    let posture = render(
        &ClassSpec { program, size, runtime, mounts, artefacts, frames: Some("/srv/hub/frames".into()) },
        &PostureInputs {
            hub_id: &HubId("hub1".to_owned()),
            hub_key: "KEY",
            image: &ImageId::of(Digest::try_from("0".repeat(64)).unwrap()),
            class: &ClassId("class".to_owned()),
            mounts: &checked,
        },
    );
    assert_eq!(posture.digest(), posture.clone().digest());
    // The profile is a file of its own, with tests of its own: one rule less there is not nine changes here.
    let mut shown = serde_json::to_value(&posture).unwrap();
    assert_eq!(shown["seccomp"].as_str().unwrap().len(), 64);
    shown["seccomp"] = "sha-256 of runner-image/seccomp.json".into();
    let rendered = serde_json::to_string_pretty(&shown).unwrap() + "\n";

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &rendered).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == rendered, "{file} differs; UPDATE_GOLDEN=1 writes it anew:\n{rendered}");
}

#[test]
fn postures_are_as_reviewed() {
    for (size, size_name, program) in [
        (Size::Small, "small", Program::Runner),
        (Size::Large, "large", Program::Runner),
        (Size::Build, "build", Program::Compile),
    ] {
        for (access, mount_name) in [(None, "no-mount"), (Some(Access::Read), "ro"), (Some(Access::Write), "rw")] {
            check(&format!("{size_name}-{mount_name}.json"), program, size, Runtime::Runc, access);
        }
    }
    check("small-rw-runsc.json", Program::Runner, Size::Small, Runtime::Runsc, Some(Access::Write));
}

#[test]
fn any_other_setting_is_another_digest() {
    let class = ClassSpec {
        program: Program::Runner,
        size: Size::Small,
        runtime: Runtime::Runc,
        mounts: Vec::new(),
        artefacts: None,
        frames: None,
    };
    let (hub_id, image) = (HubId("hub1".to_owned()), ImageId::of(Digest::try_from("0".repeat(64)).unwrap()));
    let (one, two) = (ClassId("one".to_owned()), ClassId("two".to_owned()));
    let digest = |class: &ClassSpec, id: &ClassId, hub_key: &str| {
        render(class, &PostureInputs { hub_id: &hub_id, hub_key, image: &image, class: id, mounts: &[] }).digest()
    };
    let all = [
        digest(&class, &one, "KEY"),
        digest(&class, &two, "KEY"),
        digest(&class, &one, "OTHER"),
        digest(&ClassSpec { size: Size::Large, ..class.clone() }, &one, "KEY"),
        digest(&ClassSpec { runtime: Runtime::Runsc, ..class.clone() }, &one, "KEY"),
        digest(&ClassSpec { artefacts: Some("/a".into()), ..class.clone() }, &one, "KEY"),
        digest(&ClassSpec { frames: Some("/f".into()), ..class.clone() }, &one, "KEY"),
        digest(&ClassSpec { program: Program::Compile, ..class.clone() }, &one, "KEY"),
    ];
    let distinct: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len());
    assert_eq!(digest(&class, &one, "KEY"), all[0]);
}
