//! Where the work tree around a directory begins, and where its repository is.

use super::WorkTreeError;
use super::beneath::{Budget, Directory, link, ours, unreadable};
use rustix::fs::{AtFlags, FileType, fstat, statat};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Directories above a manifest, and below a work tree.
const MOST_LEVELS: usize = 128;
/// A file that holds one path.
const MOST_LINK_BYTES: u64 = 8 << 10;

/// A work tree and its repository.
pub(super) struct Repository<'a> {
    /// The top of the work tree.
    pub(super) top: PathBuf,
    /// The manifest's directory, relative to it.
    pub(super) below: PathBuf,
    /// Where `HEAD` is: of this work tree alone.
    pub(super) own: Directory<'a>,
    /// Where references and objects are, if not there: of all linked work trees.
    shared: Option<Directory<'a>>,
}

impl<'a> Repository<'a> {
    /// Where references and objects are.
    pub(super) fn shared(&self) -> &Directory<'a> {
        self.shared.as_ref().unwrap_or(&self.own)
    }
}

/// The repository whose work tree `dir` lies in.
///
/// Searched for upwards as Git does it: up to the next file system. Unlike Git, a `.git` that is no repository ends
/// the search with an error: to go on would let another repository answer for this tree.
pub(super) fn repository<'a>(dir: &Path, budget: &'a Budget) -> Result<Option<Repository<'a>>, WorkTreeError> {
    let start = canonical(dir)?;
    let mut device = None;
    for (level, top) in start.ancestors().enumerate() {
        if level == MOST_LEVELS {
            return Err(WorkTreeError::TooMany { path: start.clone(), what: "parents", most: MOST_LEVELS });
        }
        let here = Directory::open(top, budget)?;
        let stat = fstat(here.fd()).map_err(|errno| unreadable(top, errno))?;
        if *device.get_or_insert(stat.st_dev) != stat.st_dev {
            return Ok(None);
        }
        let path = top.join(".git");
        let git = match statat(here.fd(), ".git", AtFlags::SYMLINK_NOFOLLOW) {
            Ok(git) => git,
            Err(Errno::NOENT) => continue,
            Err(errno) => return Err(unreadable(&path, errno)),
        };
        here.is_ours()?;
        ours(&path, git.st_uid)?;
        let (own, shared) = match FileType::from_raw_mode(git.st_mode) {
            FileType::Directory => {
                let own = here.directory(".git")?.ok_or_else(|| no_repository(&path))?;
                own.is_ours()?;
                (own, None)
            }
            FileType::RegularFile => {
                let text = here.read(".git", MOST_LINK_BYTES)?.ok_or_else(|| no_repository(&path))?;
                let (own, shared) = linked(top, &text, budget)?;
                (own, Some(shared))
            }
            FileType::Symlink => return Err(link(&path)),
            _ => return Err(no_repository(&path)),
        };
        let below = start.strip_prefix(top).unwrap_or(Path::new("")).to_owned();
        return Ok(Some(Repository { top: top.to_owned(), below, own, shared }));
    }
    Ok(None)
}

/// A linked work tree (`git worktree add`): its `.git` is a file that names a directory of the repository, and that
/// directory names this work tree. Whoever can only write the tree can write the first and not the second, so a link
/// to somebody else's repository is refused; so is that of a submodule, which has no second.
fn linked<'a>(top: &Path, text: &[u8], budget: &'a Budget) -> Result<(Directory<'a>, Directory<'a>), WorkTreeError> {
    let path = top.join(".git");
    let refused = |what| {
        let help = "only that of a work tree that the repository itself knows is followed (git worktree repair)";
        WorkTreeError::Refused { path: path.clone(), what, help }
    };
    let target = text.strip_prefix(b"gitdir: ").map(line).ok_or_else(|| no_repository(&path))?;
    let own = Directory::open(&canonical(&top.join(target))?, budget)?;
    own.is_ours()?;
    let worktrees = own.path().parent().filter(|parent| parent.file_name() == Some(OsStr::new("worktrees")));
    let shared = worktrees.and_then(Path::parent).ok_or_else(|| refused("a link, and not of a linked work tree"))?;
    if own.read("commondir", MOST_LINK_BYTES)?.as_deref().map(line) != Some(Path::new("../..")) {
        return Err(refused("a link to a directory that is not a work tree's"));
    }
    let back = own.read("gitdir", MOST_LINK_BYTES)?.ok_or_else(|| refused("a link that is not answered"))?;
    let back = own.path().join(line(&back));
    // Its directory is resolved, the `.git` in it is not: it is the file that was read.
    let answered = back.file_name() == Some(OsStr::new(".git"))
        && back.parent().is_some_and(|parent| canonical(parent).is_ok_and(|parent| parent == top));
    if !answered {
        return Err(refused("a link to the directory of another work tree"));
    }
    let shared = Directory::open(shared, budget)?;
    shared.is_ours()?;
    Ok((own, shared))
}

fn line(text: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(text.strip_suffix(b"\n").unwrap_or(text)))
}

fn canonical(path: &Path) -> Result<PathBuf, WorkTreeError> {
    path.canonicalize().map_err(|source| WorkTreeError::Unreadable { path: path.to_owned(), source })
}

pub(super) fn no_repository(path: &Path) -> WorkTreeError {
    let help = "remove it, or mend the repository";
    WorkTreeError::Refused { path: path.to_owned(), what: "no repository that can be understood", help }
}
