//! A class's container in the words of other programs: rendered by the one renderer, for the hub of the data
//! directory, since a runner obeys the hub whose key it was born with and no other.

use super::Arguments;
use crate::identity::Identity;
use crate::manifests;
use anyhow::Context;
use clap::ValueEnum;
use container::posture::SECCOMP;
use container::posture::formats::{self, Start};
use container::{ClassSpec, ContainerName, Forbidden, PostureInputs, Program, Size, mounts, render};
use manifest::{ClassId, class_of};
use std::path::Path;
use std::time::SystemTime;

/// In whose words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A command line
    Docker,
    /// A compose file
    Compose,
    /// A step of a workflow
    Actions,
    /// The seccomp profile that the others name
    Seccomp,
}

/// A tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TierWord {
    User,
    Write,
    Admin,
    Critical,
}

/// A size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SizeWord {
    /// 0.5 CPU, 512 MiB
    Small,
    /// 2 CPU, 2 GiB
    Large,
}

/// The text to print.
pub(super) fn text(format: Format, arguments: &Arguments) -> anyhow::Result<String> {
    let written = match format {
        Format::Seccomp => return Ok(SECCOMP.to_owned()),
        Format::Docker => formats::docker,
        Format::Compose => formats::compose,
        Format::Actions => formats::actions,
    };
    let data = arguments.hub.data.directory()?;
    let data = data.canonicalize().unwrap_or(data);
    let nobody =
        || format!("no hub has ever run in {}: a runner needs its key, so start `safeclaw hub` once", data.display());
    let identity = Identity::read(&data)?.with_context(nobody)?;
    let image = arguments.image.id(&data)?;
    let (id, class, forbidden) = class(arguments, &data)?;
    let protected: Vec<String> = manifest::protected_paths().into_iter().map(|protected| protected.path).collect();
    let (mounts, warnings) = mounts::check(&class.mounts, &forbidden, &protected)?;
    warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
    let Identity { hub_id, hub_key } = &identity;
    let posture = render(&class, &PostureInputs { hub_id, hub_key, image: &image, class: &id, mounts: &mounts });
    let mut random = [0; 8];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty()).context("no random number")?;
    let container = ContainerName(format!("safeclaw-{}-{}", hub_id.0, hex::encode(random)));
    let created = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let start = Start { container: &container, created_unix_s: created.as_secs(), seccomp_file: &arguments.seccomp };
    Ok(written(&posture, &start))
}

/// The class that a tool of the manifest runs in, or one of a tier that mounts nothing.
fn class(arguments: &Arguments, data: &Path) -> anyhow::Result<(ClassId, ClassSpec, Forbidden)> {
    if let Some(tool) = &arguments.tool {
        let directory = arguments.manifest.directory()?;
        let manifest = manifests::read(&directory)?.manifest;
        let known = manifest.tools.get(tool).with_context(|| format!("the manifest has no tool `{tool}`"))?;
        let id = class_of(known);
        let mut classes = ::hub::classes(&manifest, &arguments.manifest.mount_sources()?, data)?;
        let class = classes.remove(&id).with_context(|| format!("the manifest has no class {id}"))?;
        // Whoever starts it by hand attaches to it: only a launcher makes FIFOs.
        let class = ClassSpec { frames: None, ..class };
        return Ok((id, class, Forbidden::with([data.to_owned(), directory])));
    }
    let tier = match arguments.tier.context("which container? name a tool, or say --tier TIER")? {
        TierWord::User => "user",
        TierWord::Write => "write",
        TierWord::Admin => "admin",
        TierWord::Critical => "critical",
    };
    let (id, size) = match arguments.size {
        SizeWord::Small => (tier.to_owned(), Size::Small),
        SizeWord::Large => (format!("{tier}-large"), Size::Large),
    };
    let class = ClassSpec {
        program: Program::Runner,
        size,
        runtime: manifest::Runtime::Runc,
        mounts: Vec::new(),
        artefacts: Some(data.join("artefacts")),
        frames: None,
    };
    Ok((ClassId(id), class, Forbidden::with([data.to_owned()])))
}
