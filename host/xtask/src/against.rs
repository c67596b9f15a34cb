//! Another revision of this clone, built as this one is, so that both can be measured in one run.

use crate::build::{self, Harness, Host};
use crate::engine::Engine;
use crate::image;
use crate::place::Place;
use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A commit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Revision {
    id: String,
    /// Its short id and first line, for people.
    pub(crate) title: String,
}

/// What was built of it.
#[derive(Debug)]
pub(crate) struct Built {
    /// Its programs.
    pub(crate) bin: PathBuf,
    /// Its runner image, which the engine has.
    pub(crate) image: String,
}

/// Looks it up, before anything is built.
pub(crate) fn find(place: &Place, name: &str) -> anyhow::Result<Revision> {
    let commit = format!("{name}^{{commit}}");
    let id = git(place, &["rev-parse", "--verify", "--end-of-options", &commit])
        .with_context(|| format!("this clone has no revision {name}: name a commit, a branch or a tag, or fetch it"))?;
    let title = git(place, &["log", "-1", "--format=%h %s", &id])?;
    Ok(Revision { id, title })
}

/// Builds its programs and its image in a work tree of its own, and loads the image. The tree is removed again;
/// what was built is kept, so that only what differs is built the next time.
pub(crate) async fn build(place: &Place, revision: &Revision, engine: &Engine) -> anyhow::Result<Built> {
    let home = place.target.join("against");
    let tree = Tree::add(place, home.join(&revision.id), &revision.id)?;
    let theirs = place.beside(tree.path.clone(), home.join("target"))?;
    // Until both had one of their own, `ci` was the profile of what is measured.
    let measured_in_ci =
        std::fs::read_to_string(tree.path.join("Cargo.toml"))?.contains("[profile.ci.package.wasmtime]");
    let theirs = if measured_in_ci { theirs.built_in("ci") } else { theirs };
    eprintln!("against   {}", revision.title);
    let lacks = |what: &str| format!("{}: {what}; compare with a later revision", revision.title);
    build::host(&theirs, Host::Compared)
        .await
        .with_context(|| lacks("its packages or features are not those that this revision builds"))?;
    build::runner(&theirs, Harness::Without).await.with_context(|| lacks("its runner cannot be built"))?;
    build::compile(&theirs, Harness::Without).await.with_context(|| lacks("its compile program cannot be built"))?;
    let image = image::make(&theirs).await.with_context(|| lacks("its `safeclaw` does not pack images as ours"))?;
    image::load(&theirs, &image, engine).await.with_context(|| lacks("its `safeclaw` does not load images as ours"))?;
    Ok(Built { bin: theirs.bin, image })
}

/// A work tree with its registration, both removed when dropped.
struct Tree<'p> {
    place: &'p Place,
    path: PathBuf,
}

impl<'p> Tree<'p> {
    fn add(place: &'p Place, path: PathBuf, id: &str) -> anyhow::Result<Self> {
        // One that a killed run left behind.
        remove(place, &path);
        let shown = path.to_str().context("the target directory's path is not UTF-8")?;
        let added = git(place, &["worktree", "add", "--force", "--detach", "--quiet", shown, id]);
        added.context("git makes no work tree of the revision")?;
        Ok(Self { place, path })
    }
}

impl Drop for Tree<'_> {
    fn drop(&mut self) {
        remove(self.place, &self.path);
    }
}

fn remove(place: &Place, path: &Path) {
    if let Some(path) = path.to_str().filter(|_| path.exists()) {
        // What stays behind is removed before the next one is made, and does no harm until then.
        let _ = git(place, &["worktree", "remove", "--force", path]);
    }
}

fn git(place: &Place, arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new("git");
    command.current_dir(&place.root).args(arguments).stdin(Stdio::null());
    let output = command.output().context("git does not start; install it")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "git {}: {}", arguments.first().unwrap_or(&""), said.trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
