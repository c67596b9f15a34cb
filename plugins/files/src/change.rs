//! Changing files. In place: a file that is replaced by a new one would lose its permissions.

use crate::place::{failed, regular_file, resolve_inside};
use crate::read::Encoding;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use safeclaw_sdk::prelude::*;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;

/// What to do about a file that exists.
#[arguments]
#[derive(Clone, Copy, Default, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// Refuse.
    #[default]
    Create,
    /// Replace its content.
    Overwrite,
    /// Add to its end.
    Append,
}

/// What to write.
#[arguments]
pub(crate) struct Write {
    /// The file.
    path: String,
    /// What shall be in it.
    content: String,
    /// `text` if left out.
    encoding: Option<Encoding>,
    /// `create` (refuses if it exists) if left out, `overwrite` or `append`.
    #[serde(default)]
    mode: Mode,
    /// Make missing directories.
    #[serde(default)]
    parents: bool,
}

/// What to replace.
#[arguments]
pub(crate) struct Edit {
    /// A text file of at most 4 MiB.
    path: String,
    /// The exact text, with its white space and line ends. It must occur once, unless `all`.
    old: String,
    /// What stands there afterwards.
    new: String,
    /// Replace every occurrence.
    #[serde(default)]
    all: bool,
}

/// What to move, and where.
#[arguments]
pub(crate) struct Move {
    /// A file, a symlink or a directory.
    from: String,
    /// Its new path, not the directory to put it in.
    to: String,
    /// Replace a file that is there.
    #[serde(default)]
    overwrite: bool,
}

/// What to delete.
#[arguments]
pub(crate) struct Delete {
    /// A file, a symlink (not what it points to) or a directory.
    path: String,
    /// A directory with all that is in it.
    #[serde(default)]
    recursive: bool,
}

/// What is there now.
#[result]
pub(crate) struct Changed {
    pub(crate) path: String,
    /// Bytes of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<u64>,
    /// Replacements made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replaced: Option<usize>,
}

const MAX_EDIT_BYTES: u64 = 4 << 20;

/// Writes a file: a new one, over an old one, or at its end.
#[tool(title = "Write a file", destructive)]
pub(crate) fn files_write(args: Write) -> Result<Changed> {
    let path = resolve_inside(&args.path)?;
    let content = match args.encoding {
        Some(Encoding::Base64) => BASE64_STANDARD.decode(&args.content).context("the content is not base64")?,
        _ => args.content.into_bytes(),
    };
    if args.parents
        && let Some(parent) = path.parent()
    {
        fs::create_dir_all(parent).map_err(|e| failed(parent, e))?;
    }
    match path.symlink_metadata() {
        Ok(there) if there.is_symlink() => bail!("{} is a symlink; write to the file it points to", path.display()),
        Ok(_) if args.mode != Mode::Create => drop(regular_file(&path)?),
        _ => {}
    }
    let mut options = OpenOptions::new();
    match args.mode {
        Mode::Create => options.write(true).create_new(true),
        Mode::Overwrite => options.write(true).create(true).truncate(true),
        Mode::Append => options.append(true).create(true),
    };
    let mut file = options.open(&path).map_err(|e| failed(&path, e))?;
    file.write_all(&content).map_err(|e| failed(&path, e))?;
    Ok(Changed { size: file.metadata().ok().map(|m| m.len()), ..changed(&path) })
}

/// Replaces an exact piece of text in a file.
#[tool(title = "Edit a file", destructive)]
pub(crate) fn files_edit(args: Edit) -> Result<Changed> {
    let path = resolve_inside(&args.path)?;
    ensure!(!args.old.is_empty(), "`old` is empty; to write a whole file use files_write");
    ensure!(args.old != args.new, "`old` and `new` are the same");
    let size = regular_file(&path)?;
    ensure!(size <= MAX_EDIT_BYTES, "{} has {size} bytes; at most {MAX_EDIT_BYTES} can be edited", path.display());
    let mut bytes = Vec::new();
    let file = File::open(&path).map_err(|e| failed(&path, e))?;
    file.take(MAX_EDIT_BYTES).read_to_end(&mut bytes).map_err(|e| failed(&path, e))?;
    let Ok(text) = String::from_utf8(bytes) else { bail!("{} is not text in UTF-8", path.display()) };
    let count = text.matches(&args.old).count();
    let crlf = if text.contains("\r\n") { "; its lines end in \\r\\n" } else { "" };
    ensure!(count > 0, "{} does not have that text; read it again and copy it exactly{crlf}", path.display());
    ensure!(args.all || count == 1, "{} has it {count} times; add lines around it, or say `all`", path.display());
    let edited = text.replace(&args.old, &args.new);
    fs::write(&path, &edited).map_err(|e| failed(&path, e))?;
    Ok(Changed { size: Some(edited.len() as u64), replaced: Some(count), ..changed(&path) })
}

/// Moves or renames a file, a symlink or a directory.
#[tool(title = "Move a file", destructive)]
pub(crate) fn files_move(args: Move) -> Result<Changed> {
    let (from, to) = (resolve_inside(&args.from)?, resolve_inside(&args.to)?);
    from.symlink_metadata().map_err(|e| failed(&from, e))?;
    ensure!(from == to || !to.starts_with(&from), "{} lies in {}", to.display(), from.display());
    if let Ok(there) = to.symlink_metadata() {
        ensure!(!there.is_dir(), "{} is a directory; name the new path itself", to.display());
        ensure!(args.overwrite, "{} exists already; say `overwrite` to replace it", to.display());
    }
    fs::rename(&from, &to).map_err(|e| match to.parent().map(Path::symlink_metadata) {
        Some(Err(parent)) => failed(to.parent().unwrap_or(&to), parent),
        _ => failed(&from, e),
    })?;
    Ok(changed(&to))
}

/// Deletes a file, a symlink, or a directory (an empty one, unless `recursive`).
#[tool(title = "Delete a file", destructive)]
pub(crate) fn files_delete(args: Delete) -> Result<Changed> {
    let path = resolve_inside(&args.path)?;
    let there = path.symlink_metadata().map_err(|e| failed(&path, e))?;
    match (there.is_dir(), args.recursive) {
        (false, _) => fs::remove_file(&path),
        // WASI's error for this has no name in std.
        (true, false) if fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_some()) => {
            bail!("{} is a directory with something in it; say `recursive` to delete it all", path.display())
        }
        (true, false) => fs::remove_dir(&path),
        (true, true) => fs::remove_dir_all(&path),
    }
    .map_err(|e| failed(&path, e))?;
    Ok(changed(&path))
}

fn changed(path: &Path) -> Changed {
    Changed { path: path.display().to_string(), size: None, replaced: None }
}
