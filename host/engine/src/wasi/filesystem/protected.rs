//! Names that no tool makes, changes or removes, wherever they stand: `.git`, `.envrc`, `.vscode`, …
//!
//! The attack: a tool that may write a workspace plants a file that the host's own programs execute or
//! obey. Those that exist at a mount's root are mounted read-only on top (wall 2); this is wall 1's half,
//! which also holds those that do not exist yet, and those of repositories further down.

use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The first component of each path of the list that ships. Lower case: a host file system may not tell
/// `.GIT` from `.git`.
static NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let first = |path: &str| path.split('/').next().unwrap_or(path).to_lowercase();
    manifest::protected_paths().iter().map(|protected| first(&protected.path)).collect()
});

/// Whether a path goes through, or ends in, a protected name.
pub(super) fn names(path: &str) -> bool {
    path.split('/').any(|component| NAMES.contains(&component.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_protected_name_is_found_wherever_it_stands() {
        for path in [
            ".git",
            ".git/hooks/pre-commit",
            "sub/.git/config",
            "./.GIT/config",
            ".envrc",
            "a/../.vscode/tasks.json",
            ".git/",
        ] {
            assert!(names(path), "{path}");
        }
        for path in ["git", ".gitignore", "src/main.rs", "a.git", ".", ""] {
            assert!(!names(path), "{path}");
        }
    }
}
