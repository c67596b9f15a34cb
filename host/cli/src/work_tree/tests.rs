//! Hostile repositories. Most are written by hand, object by object, since no program would write them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod attacks;
mod committed;
mod objects;
mod program;

use super::*;
use gix::hash::ObjectId;
use gix::objs::{Kind, compute_hash};
use gix::zlib::{Compression, stream::deflate};
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use tempfile::TempDir;

/// A work tree whose repository is written by hand.
struct Repo(TempDir);

impl Repo {
    /// Nothing is committed yet.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in [".git/objects/pack", ".git/objects/info", ".git/refs/heads", ".git/info"] {
            fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        fs::write(dir.path().join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        Self(dir)
    }

    /// `policy/` with these files is written and committed, and `main` is that commit.
    fn with(files: &[(&str, &str)]) -> (Self, String) {
        let repo = Self::new();
        for (name, text) in files {
            repo.write(&format!("policy/{name}"), text);
        }
        let commit = repo.commit(files);
        repo.write(".git/refs/heads/main", format!("{commit}\n"));
        (repo, commit)
    }

    fn top(&self) -> &Path {
        self.0.path()
    }

    fn at(&self, name: &str) -> PathBuf {
        self.top().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Commits `policy/` with these files, and moves nothing.
    fn commit(&self, files: &[(&str, &str)]) -> String {
        let blobs: Vec<_> =
            files.iter().map(|(name, text)| ("100644", *name, self.object(Kind::Blob, text.as_bytes()))).collect();
        let policy = self.tree(&blobs);
        self.commit_of(&[("40000", "policy", policy)])
    }

    /// Commits this as the top of the work tree.
    fn commit_of(&self, entries: &[(&str, &str, ObjectId)]) -> String {
        let tree = self.tree(entries);
        let text = format!("tree {tree}\nauthor a <a> 0 +0000\ncommitter a <a> 0 +0000\n\nwords\n");
        self.object(Kind::Commit, text.as_bytes()).to_string()
    }

    fn tree(&self, entries: &[(&str, &str, ObjectId)]) -> ObjectId {
        let mut data = Vec::new();
        for (mode, name, id) in entries {
            write!(data, "{mode} {name}\0").unwrap();
            data.extend_from_slice(id.as_slice());
        }
        self.object(Kind::Tree, &data)
    }

    fn object(&self, kind: Kind, data: &[u8]) -> ObjectId {
        let id = compute_hash(gix::hash::Kind::Sha1, kind, data).unwrap();
        let header = format!("{} {}\0", str::from_utf8(kind.as_bytes()).unwrap(), data.len());
        self.loose(&id.to_string(), header.as_bytes(), data);
        id
    }

    /// A loose object under any name, whatever its header says.
    fn loose(&self, id: &str, header: &[u8], data: &[u8]) {
        let mut deflated = deflate::Write::new(Vec::new(), Compression::BEST_SPEED);
        deflated.write_all(header).unwrap();
        deflated.write_all(data).unwrap();
        deflated.flush().unwrap();
        let (folder, name) = id.split_at(2);
        self.write(&format!(".git/objects/{folder}/{name}"), deflated.into_inner());
    }

    /// The manifest as the command reads it, and what is then said of it.
    fn look(&self) -> Result<WorkTree, WorkTreeError> {
        look_at(&self.at("policy"))
    }
}

fn look_at(dir: &Path) -> Result<WorkTree, WorkTreeError> {
    look(dir, &crate::manifests::files(dir).unwrap())
}

fn clean(commit: &str) -> WorkTree {
    WorkTree::Clean { commit: commit.to_owned() }
}

fn dirty(commit: &str, paths: &[&str]) -> WorkTree {
    WorkTree::Dirty { commit: commit.to_owned(), paths: paths.iter().map(|path| (*path).to_owned()).collect() }
}

/// Whom nobody writes to and who is therefore waited for without end, by whoever opens it as a file.
fn fifo(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
}

const TOOLS: (&str, &str) = ("tools.toml", "name = \"x\"\n");
