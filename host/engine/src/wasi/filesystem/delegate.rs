//! The interface method by method: ours where it says so, wasmtime's otherwise.

use super::listing::Listing;
use super::{
    DescriptorFlags, DynInputStream, DynOutputStream, ErrorCode, Fs, FsError, FsResult, HostDescriptor,
    HostDirectoryEntryStream, NewTimestamp, OpenFlags, PathFlags, Place, Reader, Resource, timespec, types,
};
use rustix::fs::{AtFlags, Mode, Timestamps};
use std::io;

type Fd = Resource<types::Descriptor>;
type Size = types::Filesize;
type Entries = Resource<types::DirectoryEntryStream>;

impl types::Host for Fs<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        self.inner.convert_error_code(error)
    }

    fn filesystem_error_code(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<Option<ErrorCode>> {
        self.inner.filesystem_error_code(error)
    }
}

impl HostDescriptor for Fs<'_> {
    // Ours: see the module above.

    async fn open_at(
        &mut self,
        fd: Fd,
        follow: PathFlags,
        path: String,
        how: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Fd> {
        let dir = self.dir(&fd)?;
        let opened = Fs::open_at(self, &dir, follow, &path, how, flags)?;
        Ok(self.inner.table.push(opened)?)
    }

    async fn set_times_at(
        &mut self,
        fd: Fd,
        follow: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        if follow.contains(PathFlags::SYMLINK_FOLLOW) {
            return self.set_times_of_target(&fd, &path, accessed, modified);
        }
        let times = Timestamps { last_access: timespec(accessed)?, last_modification: timespec(modified)? };
        let (parent, name) = self.place(&fd, &path)?;
        Ok(rustix::fs::utimensat(parent, name, &times, AtFlags::SYMLINK_NOFOLLOW).map_err(io::Error::from)?)
    }

    async fn create_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let (parent, name) = self.place(&fd, &path)?;
        Ok(rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o777)).map_err(io::Error::from)?)
    }

    async fn remove_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let (parent, name) = self.place(&fd, &path)?;
        Ok(rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR).map_err(io::Error::from)?)
    }

    async fn unlink_file_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let (parent, name) = self.place(&fd, &path)?;
        if path.ends_with('/') {
            return Err(ErrorCode::NotDirectory.into());
        }
        Ok(rustix::fs::unlinkat(parent, name, AtFlags::empty()).map_err(io::Error::from)?)
    }

    async fn rename_at(&mut self, fd: Fd, old: String, new_fd: Fd, new: String) -> FsResult<()> {
        let (from, old) = self.place(&fd, &old)?;
        let (to, new) = self.place(&new_fd, &new)?;
        Ok(rustix::fs::renameat(from, old, to, new).map_err(io::Error::from)?)
    }

    // Never: a second name carries a file past what is protected by name, and a link that is planted in a
    // workspace leads whoever follows it later out of it. The runner's filter says the same.

    async fn link_at(&mut self, _: Fd, _: PathFlags, _: String, _: Fd, _: String) -> FsResult<()> {
        Err(ErrorCode::NotPermitted.into())
    }

    async fn symlink_at(&mut self, _: Fd, _: String, _: String) -> FsResult<()> {
        Err(ErrorCode::NotPermitted.into())
    }

    fn read_via_stream(&mut self, fd: Fd, offset: Size) -> FsResult<Resource<DynInputStream>> {
        let file = self.file(&fd, ErrorCode::IsDirectory)?.file;
        let reader: DynInputStream = Box::new(Reader { file, position: offset, ended: false });
        Ok(self.inner.table.push(reader)?)
    }

    fn write_via_stream(&mut self, fd: Fd, offset: Size) -> FsResult<Resource<DynOutputStream>> {
        self.writer(&fd, Place::At(offset))
    }

    fn append_via_stream(&mut self, fd: Fd) -> FsResult<Resource<DynOutputStream>> {
        self.writer(&fd, Place::End)
    }

    // wasmtime's reads a directory whole before it answers.

    async fn read_directory(&mut self, fd: Fd) -> FsResult<Entries> {
        self.list(&fd)
    }

    // wasmtime's give up on the kernel's resolver where something is renamed beside them, and walk the path
    // themselves. Ours ask the kernel again, and then say that it is busy.

    async fn stat_at(&mut self, fd: Fd, follow: PathFlags, path: String) -> FsResult<types::DescriptorStat> {
        let seen = self.look(&fd, follow, &path)?;
        let stat = self.inner.stat(Resource::new_borrow(seen.rep())).await;
        HostDescriptor::drop(&mut self.inner, seen).map_err(FsError::trap)?;
        stat
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Fd,
        follow: PathFlags,
        path: String,
    ) -> FsResult<types::MetadataHashValue> {
        let seen = self.look(&fd, follow, &path)?;
        let hash = self.inner.metadata_hash(Resource::new_borrow(seen.rep())).await;
        HostDescriptor::drop(&mut self.inner, seen).map_err(FsError::trap)?;
        hash
    }

    async fn readlink_at(&mut self, fd: Fd, path: String) -> FsResult<String> {
        self.link_target(&fd, &path)
    }

    // wasmtime's: they open nothing and change nothing but what is already open.

    async fn advise(&mut self, fd: Fd, offset: Size, len: Size, advice: types::Advice) -> FsResult<()> {
        self.inner.advise(fd, offset, len, advice).await
    }

    async fn sync_data(&mut self, fd: Fd) -> FsResult<()> {
        self.inner.sync_data(fd).await
    }

    async fn get_flags(&mut self, fd: Fd) -> FsResult<DescriptorFlags> {
        self.inner.get_flags(fd).await
    }

    async fn get_type(&mut self, fd: Fd) -> FsResult<types::DescriptorType> {
        self.inner.get_type(fd).await
    }

    async fn set_size(&mut self, fd: Fd, size: Size) -> FsResult<()> {
        self.inner.set_size(fd, size).await
    }

    async fn set_times(&mut self, fd: Fd, accessed: NewTimestamp, modified: NewTimestamp) -> FsResult<()> {
        self.inner.set_times(fd, accessed, modified).await
    }

    async fn read(&mut self, fd: Fd, len: Size, offset: Size) -> FsResult<(Vec<u8>, bool)> {
        self.inner.read(fd, len, offset).await
    }

    async fn write(&mut self, fd: Fd, bytes: Vec<u8>, offset: Size) -> FsResult<Size> {
        self.inner.write(fd, bytes, offset).await
    }

    async fn sync(&mut self, fd: Fd) -> FsResult<()> {
        self.inner.sync(fd).await
    }

    async fn stat(&mut self, fd: Fd) -> FsResult<types::DescriptorStat> {
        self.inner.stat(fd).await
    }

    async fn is_same_object(&mut self, a: Fd, b: Fd) -> wasmtime::Result<bool> {
        self.inner.is_same_object(a, b).await
    }

    async fn metadata_hash(&mut self, fd: Fd) -> FsResult<types::MetadataHashValue> {
        self.inner.metadata_hash(fd).await
    }

    fn drop(&mut self, fd: Fd) -> wasmtime::Result<()> {
        HostDescriptor::drop(&mut self.inner, fd)?;
        self.open.closed();
        Ok(())
    }
}

impl HostDirectoryEntryStream for Fs<'_> {
    async fn read_directory_entry(&mut self, entries: Entries) -> FsResult<Option<types::DirectoryEntry>> {
        let listing = self.inner.table.get_mut(&Resource::<Listing>::new_borrow(entries.rep()))?;
        Ok(listing.next()?)
    }

    fn drop(&mut self, entries: Entries) -> wasmtime::Result<()> {
        self.inner.table.delete(Resource::<Listing>::new_own(entries.rep()))?;
        self.open.closed();
        Ok(())
    }
}
