//! Whether a manifest's directory lies in a Git work tree, and whether what was read from it is what was committed.
//!
//! The tree is hostile: an agent can write it, `.git` included. So nothing of it is obeyed. No configuration is read,
//! hence no hook, filter, file system monitor, pager or other program is known that could be run; no attribute, index,
//! replacement, graft or alternate is looked at. Files are opened beneath the repository's own directories, through no
//! link, and only if they are regular; each is bounded before it is read. What is left is `HEAD`, references, and the
//! objects on the way from the commit to the directory, and every object must hash to the name by which it was asked
//! for: then the commit's id says what is in it, whoever wrote the repository.
//!
//! What is refused, in words, rather than followed: a `.git` that is a symbolic link or anything but a directory or
//! the plain link of a linked work tree; directories of another user; references that are too many or go in circles;
//! objects borrowed from elsewhere; submodules; sha-256 repositories and reftables, which are not understood yet.

mod beneath;
mod compare;
mod find;
mod head;
mod objects;
mod packs;

#[cfg(test)]
mod tests;

use beneath::Budget;
use manifest::SourceFile;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// Bytes read in all: an index and a pack of a large repository. A tree that makes us read more costs the operator
/// memory.
const MOST_BYTES: u64 = 1 << 30;
/// A file system that does not answer, or an object made to take for ever, is given up.
const LONGEST: Duration = Duration::from_secs(20);

/// How the files of a manifest stand to the work tree around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WorkTree {
    /// There is none.
    None,
    /// The files are those of `HEAD`, byte for byte, and `HEAD` has no others there.
    Clean {
        /// The commit's id, 40 hexadecimal digits.
        commit: String,
    },
    /// They are not.
    Dirty {
        /// The commit's id, 40 hexadecimal digits.
        commit: String,
        /// What is changed, not committed, or committed and not there: relative to the work tree, escaped, a hundred
        /// at most.
        paths: Vec<String>,
    },
}

/// Why it cannot be said. The operator can apply the manifest without a commit; nobody is told that it is clean.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkTreeError {
    /// The operating system says no.
    #[error("{} cannot be read; mend it, or keep the manifest outside of this repository", shown(.path))]
    Unreadable {
        /// What.
        path: PathBuf,
        /// What it said.
        #[source]
        source: std::io::Error,
    },
    /// It is there, and is what it should not be.
    #[error("{} is {what}; {help}", shown(.path))]
    Refused {
        /// What.
        path: PathBuf,
        /// What it is.
        what: &'static str,
        /// What to do.
        help: &'static str,
    },
    /// Whoever owns it can change what it says.
    #[error(
        "{} belongs to user {owner}, and this program runs as user {me}; run it as the owner, or keep the manifest in a repository of your own",
        shown(.path)
    )]
    Foreign {
        /// What.
        path: PathBuf,
        /// Its owner's user id.
        owner: u32,
        /// Ours.
        me: u32,
    },
    /// More than is read.
    #[error("{} is too large: more than {most} bytes; keep the manifest in a repository of its own", shown(.path))]
    TooLarge {
        /// What.
        path: PathBuf,
        /// How much is read.
        most: u64,
    },
    /// More than is followed or counted.
    #[error("{} has too many {what}: more than {most}; keep the manifest in a repository of its own", shown(.path))]
    TooMany {
        /// Where.
        path: PathBuf,
        /// Of what.
        what: &'static str,
        /// How many are followed.
        most: usize,
    },
    /// A repository in which nothing was ever committed.
    #[error("the repository of {} has no commit yet; commit the manifest first", shown(.path))]
    NoCommit {
        /// The work tree.
        path: PathBuf,
    },
    /// An object is not there.
    #[error(
        "object {id} is not in the repository of {}; objects of other repositories are not looked at, so fetch or repack it in (git repack -ad)",
        shown(.path)
    )]
    Missing {
        /// The work tree.
        path: PathBuf,
        /// The object's id.
        id: String,
    },
    /// It does not say what it should, by mistake or on purpose.
    #[error("{} is damaged: {what}; check the repository (git fsck)", shown(.path))]
    Damaged {
        /// What.
        path: PathBuf,
        /// In which way.
        what: &'static str,
    },
    /// It took too long.
    #[error("the repository of {} was not read within {seconds} s; keep the manifest in a repository of its own", shown(.path))]
    TimedOut {
        /// The manifest's directory.
        path: PathBuf,
        /// How long it had.
        seconds: u64,
    },
}

/// Looks at the work tree around `dir`, whose files have been read as `files`; none of them is read again.
///
/// # Errors
///
/// There is a work tree and it cannot be said how the files stand to it.
pub(crate) fn look(dir: &Path, files: &[SourceFile]) -> Result<WorkTree, WorkTreeError> {
    look_within(dir, files, LONGEST, MOST_BYTES)
}

fn look_within(dir: &Path, files: &[SourceFile], longest: Duration, bytes: u64) -> Result<WorkTree, WorkTreeError> {
    let (answer, answered) = channel();
    let (owned_dir, owned_files) = (dir.to_owned(), files.to_vec());
    let budget = Budget::new(bytes, longest);
    // A thread of its own, since nothing else ends a call into a file system that does not answer. It is left behind
    // then, and ends with the program.
    let work = move || drop(answer.send(judge(&owned_dir, &owned_files, &budget)));
    let unreadable = |source| WorkTreeError::Unreadable { path: dir.to_owned(), source };
    std::thread::Builder::new().name("work-tree".to_owned()).spawn(work).map_err(unreadable)?;
    match answered.recv_timeout(longest) {
        Ok(judged) => judged,
        Err(RecvTimeoutError::Timeout) => {
            Err(WorkTreeError::TimedOut { path: dir.to_owned(), seconds: longest.as_secs() })
        }
        // It panicked: the libraries below it parse what the tree's owner wrote.
        Err(RecvTimeoutError::Disconnected) => {
            Err(WorkTreeError::Damaged { path: dir.to_owned(), what: "reading its objects failed" })
        }
    }
}

fn judge(dir: &Path, files: &[SourceFile], budget: &Budget) -> Result<WorkTree, WorkTreeError> {
    let Some(repository) = find::repository(dir, budget)? else { return Ok(WorkTree::None) };
    let commit = head::commit(&repository)?;
    let paths = compare::differences(&repository, commit, files)?;
    let commit = commit.to_string();
    Ok(if paths.is_empty() { WorkTree::Clean { commit } } else { WorkTree::Dirty { commit, paths } })
}

/// A path as it may be shown: whoever writes the tree chooses its names.
fn shown(path: &Path) -> String {
    path.to_string_lossy().chars().take(1_024).flat_map(char::escape_debug).collect()
}
