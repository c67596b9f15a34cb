//! What a path can be misused for: one WASI call with one path, as raw as WASI has it, since std and its C
//! library refuse some attacks before the sandbox ever sees them.

use safeclaw_sdk::prelude::*;
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorType, ErrorCode, NewTimestamp, OpenFlags, PathFlags,
};

/// What to do with the path.
#[arguments]
#[derive(Clone, Copy)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Op {
    /// Opens it, following links, and reads 100 bytes.
    Read,
    /// Opens it without following a link at its end, and reads.
    ReadNofollow,
    /// Opens it as a directory.
    Directory,
    /// Opens what is there for writing, and writes.
    Write,
    /// Opens what is there for reading, and writes to it all the same.
    WriteUnasked,
    /// Opens what is there, for writing at its end.
    Append,
    /// Makes it, or opens what is there, and writes.
    Create,
    /// Makes it and nothing else.
    Exclusive,
    /// Opens it for reading, and cuts it to nothing.
    Truncate,
    /// Sets its size to 8 EiB.
    Grow,
    /// Writes one byte at the last place that has a number.
    WriteFar,
    /// Asks for its size and kind.
    Stat,
    /// The same, of a link itself.
    StatNofollow,
    /// Asks for the hash that tells it from others.
    Hash,
    /// Asks where a link leads.
    Readlink,
    /// Names what is in it.
    List,
    /// Makes a directory.
    Mkdir,
    /// Removes a directory.
    Rmdir,
    /// Removes a file.
    Unlink,
    /// Renames it to `to`.
    Rename,
    /// Gives it a second name, `to`.
    Hardlink,
    /// Makes it a link that leads to `to`.
    Symlink,
    /// Sets its times.
    Touch,
    /// The same, of a link itself.
    TouchNofollow,
}

/// What to try.
#[arguments]
pub(crate) struct Try {
    op: Op,
    path: String,
    /// A second path, where there is one.
    to: Option<String>,
    /// A directory that is opened first; `path` begins there.
    below: Option<String>,
}

/// What came of it.
#[result]
pub(crate) struct Came {
    /// `done`, or the name of the error.
    outcome: String,
    /// What was read, if anything was.
    got: Option<String>,
}

const OWNED: &[u8] = b"owned";

impl Try {
    /// The directory where the path begins.
    fn root(&self) -> Result<Descriptor, ErrorCode> {
        let (root, _) = get_directories().into_iter().next().ok_or(ErrorCode::BadDescriptor)?;
        match &self.below {
            None => Ok(root),
            Some(below) => {
                // As much as can be had: what may be written below it is what the attack wants to know.
                let all = DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY;
                root.open_at(PathFlags::SYMLINK_FOLLOW, below, OpenFlags::DIRECTORY, all)
            }
        }
    }

    pub(crate) fn run(&self) -> Result<Option<String>, ErrorCode> {
        let root = self.root()?;
        let (path, to) = (self.path.as_str(), self.to.as_deref().unwrap_or_default());
        let follow = PathFlags::SYMLINK_FOLLOW;
        let open = |follow, how, flags| root.open_at(follow, path, how, flags);
        let none = OpenFlags::empty();
        match self.op {
            Op::Read => read(&open(follow, none, DescriptorFlags::READ)?).map(Some),
            Op::ReadNofollow => read(&open(PathFlags::empty(), none, DescriptorFlags::READ)?).map(Some),
            Op::Directory => open(follow, OpenFlags::DIRECTORY, DescriptorFlags::READ).map(|_| None),
            Op::Write => open(follow, none, DescriptorFlags::WRITE)?.write(OWNED, 0).map(|_| None),
            Op::WriteUnasked => open(follow, none, DescriptorFlags::READ)?.write(OWNED, 0).map(|_| None),
            Op::Append => open(follow, none, DescriptorFlags::WRITE)?.append_via_stream().map(|_| None),
            Op::Create => open(follow, OpenFlags::CREATE, DescriptorFlags::WRITE)?.write(OWNED, 0).map(|_| None),
            Op::Exclusive => {
                open(follow, OpenFlags::CREATE | OpenFlags::EXCLUSIVE, DescriptorFlags::WRITE).map(|_| None)
            }
            Op::Truncate => open(follow, OpenFlags::TRUNCATE, DescriptorFlags::READ).map(|_| None),
            Op::Grow => open(follow, none, DescriptorFlags::WRITE)?.set_size(1 << 63).map(|()| None),
            Op::WriteFar => open(follow, none, DescriptorFlags::WRITE)?.write(b"x", u64::MAX).map(|_| None),
            Op::Stat => root.stat_at(follow, path).map(|stat| Some(kind(stat.type_))),
            Op::StatNofollow => root.stat_at(PathFlags::empty(), path).map(|stat| Some(kind(stat.type_))),
            Op::Hash => root.metadata_hash_at(follow, path).map(|_| None),
            Op::Readlink => root.readlink_at(path).map(Some),
            Op::List => list(&open(follow, OpenFlags::DIRECTORY, DescriptorFlags::READ)?).map(Some),
            Op::Mkdir => root.create_directory_at(path).map(|()| None),
            Op::Rmdir => root.remove_directory_at(path).map(|()| None),
            Op::Unlink => root.unlink_file_at(path).map(|()| None),
            Op::Rename => root.rename_at(path, &root, to).map(|()| None),
            Op::Hardlink => root.link_at(PathFlags::empty(), path, &root, to).map(|()| None),
            Op::Symlink => root.symlink_at(to, path).map(|()| None),
            Op::Touch => root.set_times_at(follow, path, NewTimestamp::Now, NewTimestamp::Now).map(|()| None),
            Op::TouchNofollow => {
                root.set_times_at(PathFlags::empty(), path, NewTimestamp::Now, NewTimestamp::Now).map(|()| None)
            }
        }
    }
}

fn read(file: &Descriptor) -> Result<String, ErrorCode> {
    let (bytes, _) = file.read(100, 0)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The names in order, each with its kind; a name that cannot be said is `?`.
fn list(directory: &Descriptor) -> Result<String, ErrorCode> {
    let entries = directory.read_directory()?;
    let mut names = Vec::new();
    loop {
        match entries.read_directory_entry() {
            Ok(Some(entry)) => names.push(format!("{} {}", entry.name, kind(entry.type_))),
            Ok(None) => break,
            Err(ErrorCode::IllegalByteSequence) => names.push("?".to_owned()),
            Err(error) => return Err(error),
        }
    }
    names.sort();
    Ok(names.join(", "))
}

fn kind(kind: DescriptorType) -> String {
    match kind {
        DescriptorType::Unknown => "unknown",
        DescriptorType::BlockDevice => "block-device",
        DescriptorType::CharacterDevice => "character-device",
        DescriptorType::Directory => "directory",
        DescriptorType::Fifo => "fifo",
        DescriptorType::SymbolicLink => "symbolic-link",
        DescriptorType::RegularFile => "regular-file",
        DescriptorType::Socket => "socket",
    }
    .to_owned()
}

impl Came {
    pub(crate) fn of(result: Result<Option<String>, ErrorCode>) -> Self {
        match result {
            Ok(got) => Self { outcome: "done".to_owned(), got },
            Err(error) => Self { outcome: error.name().to_owned(), got: None },
        }
    }

    pub(crate) fn done() -> Self {
        Self::of(Ok(None))
    }
}

/// Tries one path in a directory that is granted for reading.
#[tool]
pub(crate) fn attack_path(args: Try) -> Result<Came> {
    Ok(Came::of(args.run()))
}

/// Tries one path in a directory that is granted for writing.
#[tool]
pub(crate) fn attack_path_writing(args: Try) -> Result<Came> {
    Ok(Came::of(args.run()))
}

/// Tries one path where no directory is granted.
#[tool]
pub(crate) fn attack_path_without_grant(args: Try) -> Result<Came> {
    Ok(Came::of(args.run()))
}

/// Opens a path by std, as a tool that means no harm does, and a library below it resolves it.
#[arguments]
pub(crate) struct StdPath {
    path: String,
}

/// Reads a path by std, which looks for a granted directory that it lies in.
#[tool]
pub(crate) fn attack_path_by_std(args: StdPath) -> Result<Came> {
    Ok(match std::fs::read_to_string(&args.path) {
        Ok(got) => Came { outcome: "done".to_owned(), got: Some(got) },
        Err(error) => Came { outcome: error.kind().to_string(), got: None },
    })
}

/// What to try again and again while somebody changes the directory.
#[arguments]
pub(crate) struct Race {
    /// What, each time.
    step: Try,
    /// What a read that is right gets.
    right: Option<String>,
    /// The errors that may come of it.
    may: Vec<String>,
    /// At least this often.
    rounds: u32,
    /// And until it has both worked and failed this often: a race that nobody ran shows nothing.
    both: u32,
}

/// What came of all of it.
#[result]
pub(crate) struct Raced {
    /// `held`, or what must not have been.
    outcome: String,
}

/// Tries one path until it was tried often enough, in whatever state the other side has left it.
fn race(args: &Race) -> String {
    let (mut rounds, mut worked, mut failed) = (0, 0, 0);
    while rounds < args.rounds || worked < args.both || failed < args.both {
        rounds += 1;
        match args.step.run() {
            Ok(got) if args.right.is_some() && got != args.right => return format!("read {got:?}"),
            Ok(_) => worked += 1,
            Err(error) if args.may.iter().any(|may| may == error.name()) => failed += 1,
            Err(error) => return format!("round {rounds}: {}", error.name()),
        }
    }
    "held".to_owned()
}

/// Races with somebody in a directory that is granted for reading.
#[tool]
pub(crate) fn attack_race(args: Race) -> Result<Raced> {
    Ok(Raced { outcome: race(&args) })
}

/// Races with somebody in a directory that is granted for writing.
#[tool]
pub(crate) fn attack_race_writing(args: Race) -> Result<Raced> {
    Ok(Raced { outcome: race(&args) })
}
