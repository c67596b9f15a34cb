//! Names that become parts of a path. GitHub's own rules for them leave nothing that could change the path.

use safeclaw_sdk::http::segment;
use safeclaw_sdk::prelude::*;

/// `OWNER/REPO`, for a path.
pub(crate) fn repository(owner: &str, repo: &str) -> Result<String> {
    // `_` is in the names of accounts that an enterprise manages.
    let fits = |text: &str, more: &[char]| text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(&c));
    ensure!(
        (1..=39).contains(&owner.len()) && fits(owner, &['-', '_']),
        "{owner:?} is no owner: 1 to 39 of A-Z a-z 0-9 - _"
    );
    ensure!(
        (1..=100).contains(&repo.len()) && fits(repo, &['-', '_', '.']) && !matches!(repo, "." | ".."),
        "{repo:?} is no repository: 1 to 100 of A-Z a-z 0-9 - _ ., without the owner in front"
    );
    Ok(format!("{owner}/{repo}"))
}

/// A path in a repository, each segment escaped. `/` at its ends means nothing.
pub(crate) fn path(path: &str) -> Result<String> {
    ensure!(path.len() <= 4096, "a path has at most 4096 bytes");
    let path = path.trim_matches('/');
    if path.is_empty() {
        return Ok(String::new());
    }
    let segments: std::result::Result<Vec<_>, _> = path.split('/').map(segment).collect();
    Ok(segments?.join("/"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::{path, repository};

    #[test]
    fn what_could_change_the_path_is_no_name() {
        assert_eq!(repository("rust-lang", "rust.vim").unwrap(), "rust-lang/rust.vim");
        for (owner, repo) in [
            ("", "x"),
            ("x", ""),
            ("x", "."),
            ("x", ".."),
            ("..", "x"),
            ("x/y", "z"),
            ("x", "y/issues"),
            ("x", "y?z"),
            ("x", "y#"),
            ("x", "%2e%2e"),
            ("x\\", "y"),
            ("ä", "y"),
            ("x", "y\n"),
        ] {
            assert!(repository(owner, repo).is_err(), "{owner:?} {repo:?}");
        }
        assert!(repository(&"a".repeat(40), "x").is_err() && repository("x", &"a".repeat(101)).is_err());
    }

    #[test]
    fn a_path_stays_in_its_repository() {
        assert_eq!(path("/src/a b.rs/").unwrap(), "src/a%20b.rs");
        assert_eq!(path("").unwrap(), "");
        for attack in ["../../user", "src/../..", "a//b", "a/./b", "a\\b", "%2e%2e/x", "a\0"] {
            assert!(path(attack).is_err(), "{attack:?}");
        }
    }
}
