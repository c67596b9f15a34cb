//! `wasi:filesystem`, narrowed: regular files and directories only, and nothing that blocks.
//!
//! The runner has one thread, so an `open` that waits for the other end of a FIFO would hold every call
//! and every deadline in it. Here a path is therefore resolved and opened by the kernel in one step
//! (`openat2`: beneath the granted directory, no magic links), without ever waiting (`O_NONBLOCK`), and
//! what was opened is looked at afterwards: no check comes before its use, so there is no race. Where there is
//! no `openat2`, as in gVisor, `beneath` walks the path step by step, with the same answers.
//!
//! Nothing is written through a symbolic link: a hostile repository brings `notes.md -> .envrc`, and the
//! name that a tool is asked to write is then not the one that changes. What makes, opens for writing,
//! renames or removes is resolved without links (`paths`); what was reached through one is read-only.
//!
//! What is left: a FIFO's other end can see that
//! it was opened and closed, and a file system that hangs (a dead network mount) hangs the thread until
//! the hub's own deadline kills the runner.

use rustix::fs::{FileType, OFlags, Timespec, UTIME_NOW, UTIME_OMIT};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use wasmtime::component::{HasData, Resource};
use wasmtime_wasi::filesystem::{Descriptor, Dir, File as OpenFile, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, DescriptorFlags, ErrorCode, HostDescriptor, HostDirectoryEntryStream, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};
use wasmtime_wasi::{FsPerms, OpenMode, ResourceTableError};

use super::streams::{Place, Reader, Writer};
use listing::Listing;
use open_files::OpenFiles;
use paths::Links;

mod delegate;
mod listing;
pub(crate) mod open_files;
mod paths;
mod protected;

/// Marks the interfaces that [`Fs`] serves.
pub(crate) struct Filesystem;

impl HasData for Filesystem {
    type Data<'a> = Fs<'a>;
}

/// wasmtime's implementation, the granted directories, and our narrower `open-at` and streams.
pub(crate) struct Fs<'a> {
    pub(crate) inner: WasiFilesystemCtxView<'a>,
    pub(crate) granted: Arc<[(Dir, String)]>,
    pub(crate) open: &'a mut OpenFiles,
}

/// A granted directory as the guest gets it: opened once, when the grant was prepared.
pub(crate) fn directory(dir: impl AsFd, access: manifest::Access) -> io::Result<Dir> {
    let file = paths::open(dir, ".", OFlags::RDONLY | OFlags::DIRECTORY, Links::Refuse)?;
    let (perms, mode) = match access {
        manifest::Access::Read => (FsPerms::ReadOnly, OpenMode::READ),
        manifest::Access::Write => (FsPerms::ReadWrite, OpenMode::READ | OpenMode::WRITE),
    };
    Ok(Dir::new(file, perms, mode, true))
}

enum Kind {
    Directory,
    Regular,
}

/// What was opened; a FIFO, a socket or a device is a denial.
fn kind(file: &File) -> Result<Kind, ErrorCode> {
    let stat = rustix::fs::fstat(file).map_err(|errno| ErrorCode::from(io::Error::from(errno)))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Ok(Kind::Directory),
        FileType::RegularFile => Ok(Kind::Regular),
        _ => Err(ErrorCode::NotPermitted),
    }
}

impl Fs<'_> {
    fn dir(&self, fd: &Resource<Descriptor>) -> FsResult<Dir> {
        match self.inner.table.get(fd)? {
            Descriptor::Dir(dir) => Ok(dir.clone()),
            Descriptor::File(_) => Err(ErrorCode::NotDirectory.into()),
        }
    }

    fn file(&self, fd: &Resource<Descriptor>, on_dir: ErrorCode) -> FsResult<OpenFile> {
        match self.inner.table.get(fd)? {
            Descriptor::File(file) => Ok(file.clone()),
            Descriptor::Dir(_) => Err(on_dir.into()),
        }
    }

    fn writable(&self, fd: &Resource<Descriptor>) -> FsResult<Arc<File>> {
        let file = self.file(fd, ErrorCode::BadDescriptor)?;
        if file.perms.write_not_permitted() {
            return Err(ErrorCode::NotPermitted.into());
        }
        Ok(file.file)
    }

    fn writer(&mut self, fd: &Resource<Descriptor>, place: Place) -> FsResult<Resource<DynOutputStream>> {
        let file = self.writable(fd)?;
        let writer: DynOutputStream = Box::new(Writer { file, place });
        Ok(self.inner.table.push(writer)?)
    }

    fn open_at(
        &mut self,
        dir: &Dir,
        follow: PathFlags,
        path: &str,
        how: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Descriptor> {
        let synchronous = DescriptorFlags::FILE_INTEGRITY_SYNC
            | DescriptorFlags::DATA_INTEGRITY_SYNC
            | DescriptorFlags::REQUESTED_WRITE_SYNC;
        if flags.intersects(synchronous) {
            return Err(ErrorCode::Unsupported.into());
        }
        let creates = how.contains(OpenFlags::CREATE);
        if how.contains(OpenFlags::DIRECTORY)
            && how.intersects(OpenFlags::CREATE | OpenFlags::EXCLUSIVE | OpenFlags::TRUNCATE)
        {
            return Err(ErrorCode::Invalid.into());
        }
        let write = creates || how.contains(OpenFlags::TRUNCATE) || flags.contains(DescriptorFlags::WRITE);
        // What lies behind a protected name can be read, and nothing opened there can be written.
        let mut perms = if protected::names(path) { FsPerms::ReadOnly } else { dir.perms };
        if write && perms.write_not_permitted() {
            return Err(ErrorCode::NotPermitted.into());
        }
        // What is not opened for writing is opened for reading, whatever was asked.
        let read = flags.contains(DescriptorFlags::READ) || !flags.contains(DescriptorFlags::WRITE);
        let mut mode = OpenMode::empty();
        mode.set(OpenMode::READ, read);
        mode.set(OpenMode::WRITE, write);
        let mut oflags = match (read, write) {
            (true, true) => OFlags::RDWR,
            (false, true) => OFlags::WRONLY,
            _ => OFlags::RDONLY,
        };
        oflags.set(OFlags::CREATE, creates);
        oflags.set(OFlags::EXCL, creates && how.contains(OpenFlags::EXCLUSIVE));
        oflags.set(OFlags::TRUNC, how.contains(OpenFlags::TRUNCATE));
        oflags.set(OFlags::DIRECTORY, how.contains(OpenFlags::DIRECTORY));
        oflags.set(OFlags::NOFOLLOW, !follow.contains(PathFlags::SYMLINK_FOLLOW));
        if !self.open.has_room() {
            return Err(ResourceTableError::Full.into());
        }
        let file = match paths::open(&*dir.dir, path, oflags, Links::Refuse) {
            Err(error) if write => Err(paths::refused(error)),
            Err(error) if paths::link_in_the_way(&error) => {
                perms = FsPerms::ReadOnly;
                paths::open(&*dir.dir, path, oflags, Links::Follow)
            }
            other => other,
        };
        let file = file.map_err(ErrorCode::from)?;
        match kind(&file)? {
            Kind::Directory => {
                let dir = Dir::new(file, perms, mode, true);
                self.open.opened(&dir.dir);
                Ok(Descriptor::Dir(dir))
            }
            Kind::Regular => {
                let file = OpenFile::new(file, perms, mode, true);
                self.open.opened(&file.file);
                Ok(Descriptor::File(file))
            }
        }
    }

    /// Where a change happens: the directory that holds the last component, reached without links, and
    /// that component. Nothing is changed below a read-only directory, nor what has a protected name.
    fn place<'p>(&self, fd: &Resource<Descriptor>, path: &'p str) -> FsResult<(OwnedFd, &'p str)> {
        let dir = self.dir(fd)?;
        if dir.perms.write_not_permitted() || protected::names(path) {
            return Err(ErrorCode::NotPermitted.into());
        }
        Ok(paths::parent(&*dir.dir, path).map_err(ErrorCode::from)?)
    }

    /// A directory, to be read entry by entry.
    fn list(&mut self, fd: &Resource<Descriptor>) -> FsResult<Resource<types::DirectoryEntryStream>> {
        let dir = self.dir(fd)?;
        if !self.open.has_room() {
            return Err(ResourceTableError::Full.into());
        }
        let listing = Listing::open(&*dir.dir).map_err(ErrorCode::from)?;
        self.open.opened(listing.file());
        // The bindings know only wasmtime's own stream; behind the number in the table stands ours.
        Ok(Resource::new_own(self.inner.table.push(listing)?.rep()))
    }

    /// What a path names, as a descriptor that can only be looked at.
    fn look(&mut self, fd: &Resource<Descriptor>, follow: PathFlags, path: &str) -> FsResult<Resource<Descriptor>> {
        let at_the_end = if follow.contains(PathFlags::SYMLINK_FOLLOW) { Links::Follow } else { Links::Refuse };
        let file = paths::glance(&*self.dir(fd)?.dir, path, at_the_end).map_err(ErrorCode::from)?;
        let seen = OpenFile::new(file, FsPerms::ReadOnly, OpenMode::empty(), true);
        Ok(self.inner.table.push(Descriptor::File(seen))?)
    }

    /// Where a link leads. An absolute target is the host's affair: it names what is not granted.
    fn link_target(&self, fd: &Resource<Descriptor>, path: &str) -> FsResult<String> {
        let link = paths::glance(&*self.dir(fd)?.dir, path, Links::Refuse).map_err(ErrorCode::from)?;
        let stat = rustix::fs::fstat(&link).map_err(io::Error::from)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
            return Err(ErrorCode::Invalid.into());
        }
        let target = rustix::fs::readlinkat(&link, "", Vec::new()).map_err(io::Error::from)?;
        let target = target.into_string().map_err(|_| ErrorCode::IllegalByteSequence)?;
        if target.starts_with('/') { Err(ErrorCode::NotPermitted.into()) } else { Ok(target) }
    }

    /// wasmtime's own opens the file to change its times, which would wait on a FIFO.
    fn set_times_of_target(
        &self,
        fd: &Resource<Descriptor>,
        path: &str,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        let dir = self.dir(fd)?;
        if dir.perms.write_not_permitted() || protected::names(path) {
            return Err(ErrorCode::NotPermitted.into());
        }
        let mut times = std::fs::FileTimes::new();
        if let Some(time) = moment(accessed)? {
            times = times.set_accessed(time);
        }
        if let Some(time) = moment(modified)? {
            times = times.set_modified(time);
        }
        let file = paths::open(&*dir.dir, path, OFlags::RDONLY, Links::Refuse)
            .map_err(|error| ErrorCode::from(paths::refused(error)))?;
        kind(&file)?;
        file.set_times(times).map_err(ErrorCode::from)?;
        Ok(())
    }
}

/// The same for utimensat(2), which knows two of the three by themselves.
fn timespec(time: NewTimestamp) -> Result<Timespec, ErrorCode> {
    let special = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
    Ok(match time {
        NewTimestamp::NoChange => special(UTIME_OMIT),
        NewTimestamp::Now => special(UTIME_NOW),
        NewTimestamp::Timestamp(time) => Timespec {
            tv_sec: time.seconds.try_into().map_err(|_| ErrorCode::Overflow)?,
            tv_nsec: i64::from(time.nanoseconds),
        },
    })
}

fn moment(time: NewTimestamp) -> Result<Option<SystemTime>, ErrorCode> {
    match time {
        NewTimestamp::NoChange => Ok(None),
        NewTimestamp::Now => Ok(Some(SystemTime::now())),
        NewTimestamp::Timestamp(time) => {
            let since =
                Duration::from_secs(time.seconds).checked_add(Duration::from_nanos(u64::from(time.nanoseconds)));
            let moment = since.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since));
            moment.map(Some).ok_or(ErrorCode::Overflow)
        }
    }
}

impl preopens::Host for Fs<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let mut directories = Vec::with_capacity(self.granted.len());
        for (dir, name) in self.granted.iter() {
            let fd = self.inner.table.push(Descriptor::Dir(dir.clone()))?;
            directories.push((fd, name.clone()));
        }
        Ok(directories)
    }
}
