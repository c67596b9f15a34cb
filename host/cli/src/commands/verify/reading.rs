//! Files of a repository, read without trust in what they are: regular ones, bounded, never a link, never a
//! pipe that nobody writes to.

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The largest file that is read: bounds what a planted one costs.
pub(super) const MAX_FILE_BYTES: u64 = 1 << 20;
/// The most files of one directory.
pub(super) const MAX_FILES: usize = 256;

/// The text of a file, or why there is none.
pub(super) fn text(path: &Path) -> Result<String, String> {
    // Neither following nor waiting: a link could lead anywhere, and a pipe would hold us for ever.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = openat(CWD, path, flags, Mode::empty());
    let file = opened.map_err(|error| match error {
        rustix::io::Errno::LOOP => "it is a symbolic link".to_owned(),
        error => error.to_string(),
    })?;
    let kind = fstat(&file).map(|stat| FileType::from_raw_mode(stat.st_mode)).map_err(|error| error.to_string())?;
    if kind != FileType::RegularFile {
        return Err("it is not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    File::from(file).take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("it has more than {MAX_FILE_BYTES} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

/// The YAML files of a directory, in name order.
pub(super) fn yaml_files(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(|error| error.to_string())? {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml") {
            files.push(path);
        }
        if files.len() > MAX_FILES {
            return Err(format!("it has more than {MAX_FILES} workflows"));
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn only_small_regular_files_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("good.yml"), "a: b").unwrap();
        std::fs::write(at("large.yml"), vec![b'#'; usize::try_from(MAX_FILE_BYTES).unwrap() + 1]).unwrap();
        std::fs::write(at("bytes.yml"), [0xff]).unwrap();
        std::os::unix::fs::symlink(at("good.yml"), at("link.yml")).unwrap();
        std::fs::create_dir(at("directory.yml")).unwrap();
        rustix::fs::mknodat(CWD, at("pipe.yml"), FileType::Fifo, Mode::from(0o600), 0).unwrap();
        assert_eq!(text(&at("good.yml")).unwrap(), "a: b");
        for (name, why) in [
            ("large.yml", "more than"),
            ("bytes.yml", "UTF-8"),
            ("link.yml", "link"),
            ("directory.yml", "regular"),
            ("pipe.yml", "regular"),
            ("none.yml", "No such file"),
        ] {
            let error = text(&at(name)).unwrap_err();
            assert!(error.contains(why), "{name}: {error}");
        }
        assert_eq!(yaml_files(dir.path()).unwrap().len(), 6);
    }

    #[test]
    fn a_directory_of_too_many_is_not_half_read() {
        let dir = tempfile::tempdir().unwrap();
        (0..=MAX_FILES).for_each(|n| std::fs::write(dir.path().join(format!("{n}.yaml")), "").unwrap());
        assert!(yaml_files(dir.path()).is_err());
    }
}
