//! The hub's directory: what it keeps between two runs, and the lock that makes it one hub's.

pub(crate) mod ours;

use crate::api::StartError;
use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// An open data directory. While it lives no other hub can open the same one.
#[derive(Debug)]
pub struct DataDir {
    root: PathBuf,
    /// Held, not used: the lock ends with the process, however it ends.
    _lock: File,
}

impl DataDir {
    /// Makes what is missing and takes the lock.
    ///
    /// # Errors
    /// When another hub has it, or it cannot be made.
    pub fn open(path: &Path) -> Result<Self, StartError> {
        make(path)?;
        let root =
            path.canonicalize().map_err(|source| StartError::Data { path: path.to_owned(), what: "open", source })?;
        let lock_path = root.join("hub.lock");
        let refuse = |source| StartError::Data { path: lock_path.clone(), what: "lock", source };
        // NONBLOCK: a FIFO in its place would hold the start.
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
            .open(&lock_path)
            .map_err(refuse)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(StartError::Locked(root)),
            Err(fs::TryLockError::Error(source)) => return Err(refuse(source)),
        }
        let data = Self { root, _lock: lock };
        for (directory, mode) in [(data.components(), 0o700), (data.artefacts(), 0o755), (frames(&data.root), 0o700)] {
            within(&directory)?;
            permit(&directory, mode)?;
        }
        empty(&frames(&data.root))?;
        Ok(data)
    }

    /// The directory itself, canonical.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Components and their registrations.
    #[must_use]
    pub fn components(&self) -> PathBuf {
        self.root.join("components")
    }

    /// Artefacts: mounted read-only into every runner, written by the hub alone.
    #[must_use]
    pub fn artefacts(&self) -> PathBuf {
        artefacts(&self.root)
    }

    /// The audit log.
    #[must_use]
    pub fn audit(&self) -> PathBuf {
        self.root.join("audit.jsonl")
    }

    /// Names this hub, so that it finds what an earlier run of it left: 8 hexadecimal digits, made once.
    ///
    /// # Errors
    /// When the file cannot be read or made, or holds something else.
    pub fn hub_id(&self) -> Result<String, StartError> {
        hub_id(&self.root)
    }

    /// The seed of the keys that sign tickets and seal registrations, made once.
    ///
    /// # Errors
    /// When the file cannot be read or made, is not 32 bytes, or others may read it.
    pub fn key_seed(&self) -> Result<[u8; 32], StartError> {
        key_seed(&self.root)
    }
}

/// Who the hub of a data directory is: its id and the seed of its keys. Both are made when no hub has run there
/// yet, since a token may be made before; a hub that starts at the same moment makes the same ones.
pub(crate) fn identity(data: &Path) -> Result<(String, [u8; 32]), StartError> {
    make(data)?;
    Ok((hub_id(data)?, key_seed(data)?))
}

fn hub_id(root: &Path) -> Result<String, StartError> {
    let path = root.join("hub.id");
    let bytes = secret::<4>(&path, |random| hex::encode(random).into_bytes())?;
    let id = String::from_utf8(bytes).unwrap_or_default();
    if id.len() == 8 && id.chars().all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase()) {
        Ok(id)
    } else {
        Err(StartError::Damaged { path, what: "it should hold 8 hexadecimal digits".into() })
    }
}

fn key_seed(root: &Path) -> Result<[u8; 32], StartError> {
    let path = root.join(KEY);
    let bytes = secret::<32>(&path, |random| random.to_vec())?;
    seed(path, bytes)
}

/// Where a hub keeps its artefacts in its data directory.
#[must_use]
pub fn artefacts(root: &Path) -> PathBuf {
    root.join("artefacts")
}

/// Where the FIFOs of containers are that have not been heard yet.
#[must_use]
pub fn frames(root: &Path) -> PathBuf {
    root.join("frames")
}

/// What a hub that was killed left there is nobody's.
fn empty(directory: &Path) -> Result<(), StartError> {
    let fail = |what| move |source| StartError::Data { path: directory.to_owned(), what, source };
    for entry in fs::read_dir(directory).map_err(fail("read"))? {
        let path = entry.map_err(fail("read"))?.path();
        // A link is removed, and what it leads to stays.
        let removed = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
        removed.map_err(fail("empty"))?;
    }
    Ok(())
}

const KEY: &str = "hub.key";

/// A key for one purpose, from the seed of a data directory: what one of them signs, no other one does. A domain ends
/// with a zero and the seed has a fixed length, so no other pair has the same text.
pub(crate) fn derived(domain: &[u8], seed: &[u8; 32]) -> [u8; 32] {
    Sha256::new().chain_update(domain).chain_update(seed).finalize().into()
}

/// The seed of a data directory that a hub may be using at this moment.
pub(crate) fn key_seed_of(data: &Path) -> Result<[u8; 32], StartError> {
    let path = data.join(KEY);
    let bytes = read_secret(&path)?;
    seed(path, bytes)
}

fn seed(path: PathBuf, bytes: Vec<u8>) -> Result<[u8; 32], StartError> {
    <[u8; 32]>::try_from(bytes).map_err(|_| StartError::Damaged { path, what: "it should hold 32 bytes".into() })
}

fn make(path: &Path) -> Result<(), StartError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|source| StartError::Data {
        path: path.to_owned(),
        what: "make",
        source,
    })?;
    owned(path)?;
    permit(path, 0o700)
}

/// Whoever owns a directory decides what lies in it, whatever its mode says: a hub of root must not believe
/// what another user keeps there.
fn owned(path: &Path) -> Result<(), StartError> {
    let fail = |what, source| StartError::Data { path: path.to_owned(), what, source };
    let owner = path.metadata().map_err(|source| fail("read", source))?.uid();
    if owner == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    let words = format!("it belongs to user {owner}: start the hub as that user, or with another --data DIR");
    Err(fail("trust", io::Error::other(words)))
}

/// A directory below the root, and no link to one elsewhere: it is mounted into runners, and tidied.
fn within(path: &Path) -> Result<(), StartError> {
    match path.symlink_metadata() {
        Ok(found) if !found.is_dir() => {
            Err(StartError::Damaged { path: path.to_owned(), what: "it should be a directory".into() })
        }
        // What is missing is made.
        _ => make(path),
    }
}

fn permit(path: &Path, mode: u32) -> Result<(), StartError> {
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(|source| StartError::Data {
        path: path.to_owned(),
        what: "set the permissions",
        source,
    })
}

/// Reads a small file of ours, or makes it from this many random bytes; nobody else may have had access to it.
pub(crate) fn secret<const BYTES: usize>(
    path: &Path,
    make: impl FnOnce(&[u8; BYTES]) -> Vec<u8>,
) -> Result<Vec<u8>, StartError> {
    let fail = |what| move |source: io::Error| StartError::Data { path: path.to_owned(), what, source };
    if !path.exists() {
        let mut random = [0; BYTES];
        getrandom::fill(&mut random).map_err(io::Error::from).map_err(fail("make"))?;
        let mut draft = Draft::beside(path).map_err(fail("write"))?;
        draft.file.write_all(&make(&random)).and_then(|()| draft.keep_unless_there(path)).map_err(fail("write"))?;
    }
    read_secret(path)
}

fn read_secret(path: &Path) -> Result<Vec<u8>, StartError> {
    let fail = |what| move |source: io::Error| StartError::Data { path: path.to_owned(), what, source };
    let damaged = |error: ours::NotOurs| StartError::Damaged { path: path.to_owned(), what: format!("it {error}") };
    let (mut file, found) = ours::open(path).map_err(damaged)?;
    let mode = found.mode();
    if mode & 0o077 != 0 {
        return Err(StartError::Damaged {
            path: path.to_owned(),
            what: format!("others may read it (mode {:o}); make it 0600 or remove it", mode & 0o777),
        });
    }
    let mut bytes = Vec::new();
    Read::by_ref(&mut file).take(64).read_to_end(&mut bytes).map_err(fail("read"))?;
    Ok(bytes)
}

/// Replaces a file so that a reader, and a crash at any moment, finds either the old one or the new one whole.
///
/// # Errors
/// Whatever the file system says; the old file is then still there.
pub fn write_atomic(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut new = Draft::beside(path)?;
    new.file.write_all(bytes)?;
    new.keep(path, mode)
}

/// A file in the making: removed again unless it is kept.
#[derive(Debug)]
pub struct Draft {
    /// Where to write.
    pub file: File,
    path: Option<PathBuf>,
}

impl Draft {
    /// Starts one in the directory of `path`.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn beside(path: &Path) -> io::Result<Self> {
        let mut random = [0; 8];
        getrandom::fill(&mut random)?;
        let name = format!(".new-{}", hex::encode(random));
        let draft = path.parent().unwrap_or(Path::new(".")).join(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        Ok(Self { file, path: Some(draft) })
    }

    /// Makes it durable and puts it in its place.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn keep(mut self, path: &Path, mode: u32) -> io::Result<()> {
        self.file.set_permissions(Permissions::from_mode(mode))?;
        self.file.sync_all()?;
        if let Some(draft) = self.path.take() {
            fs::rename(&draft, path).inspect_err(|_| drop(fs::remove_file(&draft)))?;
        }
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    }

    /// The same with mode 0600, unless there is a file already: of two that make a key at once, one does, and
    /// what the other one signed would be signed with a key that is nowhere.
    fn keep_unless_there(mut self, path: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        let Some(draft) = &self.path else { return Ok(()) };
        match renameat_with(CWD, draft, CWD, path, RenameFlags::NOREPLACE) {
            Ok(()) => self.path = None,
            // The draft goes when it is dropped.
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            drop(fs::remove_file(path));
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::testing::fifo;

    #[test]
    fn one_directory_one_hub() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hub");
        let first = DataDir::open(&path).unwrap();
        let second = DataDir::open(&path).unwrap_err();
        assert!(second.to_string().starts_with("another hub is running on"), "{second}");
        drop(first);
        DataDir::open(&path).unwrap();
    }

    #[test]
    fn identity_and_key_stay_and_are_ours_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hub");
        let data = DataDir::open(&path).unwrap();
        let (id, seed) = (data.hub_id().unwrap(), data.key_seed().unwrap());
        assert_ne!(seed, [0; 32]);
        assert_eq!((id, seed), (data.hub_id().unwrap(), data.key_seed().unwrap()));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(data.artefacts().metadata().unwrap().permissions().mode() & 0o777, 0o755);
        permit(&path.join("hub.key"), 0o644).unwrap();
        assert!(matches!(data.key_seed(), Err(StartError::Damaged { .. })));
    }

    #[test]
    fn many_that_make_an_identity_at_once_make_one() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("hub");
        let made: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(|| identity(&data).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(made.iter().all(|one| one == made.first().unwrap()), "{made:?}");
        let left = std::fs::read_dir(&data).unwrap().count();
        assert_eq!(left, 2, "no draft is left");
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path()).unwrap();
        write_atomic(&dir.path().join("hub.key"), b"short", 0o600).unwrap();
        assert!(matches!(data.key_seed(), Err(StartError::Damaged { .. })));
    }

    #[test]
    fn what_lies_in_a_files_place_is_refused_and_never_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path()).unwrap();
        fifo(&dir.path().join("hub.key"));
        let said = data.key_seed().unwrap_err().to_string();
        assert!(said.ends_with("hub.key is damaged: it is not a regular file"), "{said}");
        std::os::unix::fs::symlink("/etc/hostname", dir.path().join("hub.id")).unwrap();
        let said = data.hub_id().unwrap_err().to_string();
        assert!(said.ends_with("hub.id is damaged: it is a symbolic link"), "{said}");
        drop(data);
        fs::remove_file(dir.path().join("hub.lock")).unwrap();
        fifo(&dir.path().join("hub.lock"));
        assert!(matches!(DataDir::open(dir.path()), Err(StartError::Data { what: "lock", .. })));
        fs::remove_file(dir.path().join("hub.lock")).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::remove_dir(dir.path().join("components")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), dir.path().join("components")).unwrap();
        let said = DataDir::open(dir.path()).unwrap_err().to_string();
        assert!(said.ends_with("components is damaged: it should be a directory"), "{said}");
    }

    #[test]
    fn what_a_killed_hub_left_among_its_fifos_goes_and_what_is_elsewhere_stays() {
        let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(elsewhere.path().join("kept"), b"1").unwrap();
        drop(DataDir::open(dir.path()).unwrap());
        let frames = frames(dir.path());
        fs::create_dir(frames.join("safeclaw-1-2")).unwrap();
        fifo(&frames.join("safeclaw-1-2/in"));
        fs::write(frames.join("file"), b"1").unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), frames.join("link")).unwrap();
        drop(DataDir::open(dir.path()).unwrap());
        assert_eq!(fs::read_dir(&frames).unwrap().count(), 0);
        assert!(elsewhere.path().join("kept").exists());
    }

    #[test]
    fn a_draft_that_is_not_kept_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        drop(Draft::beside(&dir.path().join("x")).unwrap());
        write_atomic(&dir.path().join("kept"), b"1", 0o444).unwrap();
        write_atomic(&dir.path().join("kept"), b"2", 0o444).unwrap();
        let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["kept"]);
        assert_eq!(fs::read(dir.path().join("kept")).unwrap(), b"2");
    }
}
