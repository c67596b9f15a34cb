//! Where the store is: a URL, as `MANIFEST_DATABASE_URL` gives it, or the data directory.

use std::path::{Path, PathBuf};

/// The file in a data directory.
const FILE: &str = "hub.db";

/// Where the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location(PathBuf);

/// A URL that names no store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadLocation {
    /// Another database.
    #[error("MANIFEST_DATABASE_URL asks for `{0}`, and only SQLite is supported so far: sqlite:///absolute/path.db")]
    Database(String),
    /// No path, or one that depends on where the command is started.
    #[error("MANIFEST_DATABASE_URL needs an absolute path: sqlite:///absolute/path.db")]
    Path,
    /// More than a path.
    #[error("MANIFEST_DATABASE_URL takes no parameters after `?`: how the store is opened is not the caller's choice")]
    Parameters,
}

impl Location {
    /// In a data directory.
    #[must_use]
    pub fn within(data: &Path) -> Self {
        Self(data.join(FILE))
    }

    /// From a URL. What it says besides is never shown: a URL of a database may hold a password.
    ///
    /// # Errors
    /// See [`BadLocation`].
    pub fn parse(url: &str) -> Result<Self, BadLocation> {
        let (scheme, rest) = url.split_once(':').ok_or(BadLocation::Path)?;
        if scheme != "sqlite" {
            let known = scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+') && scheme.len() < 20;
            return Err(BadLocation::Database(if known { scheme.to_owned() } else { "?".to_owned() }));
        }
        if rest.contains(['?', '#']) {
            return Err(BadLocation::Parameters);
        }
        let path = rest.strip_prefix("//").unwrap_or(rest);
        // In `sqlite://data.db` the file would be a host.
        if !path.starts_with('/') || path.ends_with('/') || path.contains('\0') {
            return Err(BadLocation::Path);
        }
        Ok(Self(PathBuf::from(path)))
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_an_absolute_file_of_sqlite_and_nothing_else() {
        for (url, path) in [("sqlite:///srv/hub.db", "/srv/hub.db"), ("sqlite:/srv/hub.db", "/srv/hub.db")] {
            assert_eq!(Location::parse(url), Ok(Location(path.into())), "{url}");
        }
        for url in ["sqlite://hub.db", "sqlite:hub.db", "sqlite::memory:", "hub.db", "", "sqlite:///", "sqlite:///a/"] {
            assert_eq!(Location::parse(url), Err(BadLocation::Path), "{url}");
        }
        assert_eq!(Location::parse("sqlite:///a.db?mode=ro"), Err(BadLocation::Parameters));
        for url in ["postgres://ada:secret@db/x", "my:x", "\u{1b}[2J:x"] {
            let said = Location::parse(url).map(|_| ()).unwrap_err_text();
            assert!(!said.contains("secret") && !said.contains('\u{1b}') && said.contains("only SQLite"), "{said}");
        }
    }

    trait Said {
        fn unwrap_err_text(self) -> String;
    }

    impl Said for Result<(), BadLocation> {
        fn unwrap_err_text(self) -> String {
            self.map_or_else(|error| error.to_string(), |()| "taken".to_owned())
        }
    }
}
