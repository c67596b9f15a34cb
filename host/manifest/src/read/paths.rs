//! Paths by their text alone: what they are on a disk is the container's and the engine's to check.

/// What is wrong with a directory below a mount; `.` is all of the mount.
pub(crate) fn not_relative(path: &str) -> Option<&'static str> {
    if path == "." {
        return None;
    }
    if path.starts_with('/') {
        return Some("write it relative to the mount, without a leading `/`");
    }
    normal(path)
}

/// What is wrong with an absolute path.
pub(crate) fn not_absolute(path: &str) -> Option<&'static str> {
    match path.strip_prefix('/') {
        None => Some("write it from the root: `/...`"),
        Some("") => Some("name a directory; all of `/` is never mounted"),
        Some(rest) => normal(rest),
    }
}

/// A path with `..` leaves what it seems to name, and one with `.` or `//` is compared wrongly.
fn normal(path: &str) -> Option<&'static str> {
    let strange = path.split('/').any(|part| matches!(part, "" | "." | ".."));
    strange.then_some("write plain components between single slashes: no `..`, no `.`, no `//`, no slash at the end")
}

/// Directories of the kernel: a mount there shows or changes the machine itself.
pub(crate) fn kernel_directory(path: &str) -> Option<&'static str> {
    ["/proc", "/sys", "/dev"].into_iter().find(|directory| beneath(path, directory))
}

/// Whether `path` is `directory` or lies in it. Both are normal; `.` is all of a mount.
pub(crate) fn beneath(path: &str, directory: &str) -> bool {
    if directory == "." {
        return true;
    }
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beneath_compares_components_and_not_letters() {
        assert!(beneath("src", "."));
        assert!(beneath("src/a", "src"));
        assert!(beneath("src", "src"));
        assert!(!beneath("src-old", "src"));
        assert!(!beneath(".", "src"));
        assert!(!beneath("sr", "src"));
    }
}
