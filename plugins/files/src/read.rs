//! Reading, by lines or by bytes, never more at once than an answer can carry.

use crate::place::{failed, regular_file, resolve};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use safeclaw_sdk::prelude::*;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _, Seek as _, SeekFrom};

/// How bytes become JSON.
#[arguments]
#[derive(Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encoding {
    /// UTF-8.
    Text,
    /// Any bytes.
    Base64,
}

/// What to read: a range of lines or of bytes; from the start if neither is given.
#[arguments]
pub(crate) struct Read {
    /// The file.
    path: String,
    /// The first line, counted from 1.
    first_line: Option<u64>,
    /// How many lines; all that fit if left out.
    lines: Option<u64>,
    /// The first byte, counted from 0; not together with lines.
    offset: Option<u64>,
    /// At most how many bytes; 64 KiB if left out, never more than 128 KiB.
    max_bytes: Option<u64>,
    /// `text` if left out; `base64` for binary files.
    encoding: Option<Encoding>,
}

/// A part of a file.
#[result]
pub(crate) struct Part {
    path: String,
    /// Bytes of the whole file.
    size: u64,
    /// The first byte of this part: later than asked for if that was in the middle of a character.
    offset: u64,
    /// What is in it.
    content: String,
    /// More is there: ask again with this as `offset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<u64>,
    /// The number of the first line that is not here, if it was read by lines and ends with one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_line: Option<u64>,
}

/// The answer carries the content twice (structured and as text) and has to stay well below 1 MiB.
const MAX_BYTES: u64 = 128 << 10;
const MAX_JSON_BYTES: usize = 400 << 10;

/// Reads a file or a part of one.
#[tool(title = "Read a file", read_only, idempotent)]
pub(crate) fn files_read(args: Read) -> Result<Part> {
    let path = resolve(&args.path)?;
    let size = regular_file(&path)?;
    let by_lines = args.first_line.is_some() || args.lines.is_some();
    ensure!(!(by_lines && args.offset.is_some()), "give lines or an offset, not both");
    ensure!(args.first_line != Some(0), "lines are counted from 1");
    let text = args.encoding != Some(Encoding::Base64);
    ensure!(text || !by_lines, "lines are read as text; for base64 give `offset`");
    let mut file = BufReader::new(File::open(&path).map_err(|e| failed(&path, e))?);
    let mut offset = args.offset.unwrap_or(0);
    ensure!(offset <= size, "{} has only {size} bytes", path.display());
    let first_line = args.first_line.unwrap_or(1);
    if by_lines {
        for line in 1..first_line {
            let skipped = file.skip_until(b'\n').map_err(|e| failed(&path, e))?;
            ensure!(skipped > 0, "{} has only {} lines", path.display(), line - 1);
            offset += skipped as u64;
        }
    } else {
        file.seek(SeekFrom::Start(offset)).map_err(|e| failed(&path, e))?;
    }
    let max_bytes = args.max_bytes.unwrap_or(64 << 10).clamp(4, MAX_BYTES);
    let mut bytes = Vec::new();
    file.take(max_bytes).read_to_end(&mut bytes).map_err(|e| failed(&path, e))?;
    let mut next_line = None;
    if let Some(lines) = args.lines {
        let mut ends = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1);
        let keep = if lines == 0 { Some(0) } else { ends.nth(usize::try_from(lines - 1)?) };
        if let Some(keep) = keep {
            bytes.truncate(keep);
            next_line = Some(first_line + lines);
        }
    }
    if !text {
        let next = offset + bytes.len() as u64;
        return Ok(part(path.display().to_string(), size, offset, BASE64_STANDARD.encode(bytes), next, None));
    }
    // A range may begin and end inside a character: a following call gets exactly what this one left.
    let skip = if offset == 0 { 0 } else { bytes.iter().take(3).take_while(|b| **b & 0xC0 == 0x80).count() };
    offset += skip as u64;
    bytes.drain(..skip);
    let content = match String::from_utf8(bytes) {
        Ok(content) => content,
        Err(error) if error.utf8_error().error_len().is_none() && offset + (error.as_bytes().len() as u64) < size => {
            let whole = error.utf8_error().valid_up_to();
            String::from_utf8_lossy(error.as_bytes().get(..whole).unwrap_or_default()).into_owned()
        }
        Err(_) => bail!("{} is not text in UTF-8; read it with encoding = base64", path.display()),
    };
    ensure!(
        !content.contains('\0'),
        "{} looks binary (it has NUL bytes); read it with encoding = base64",
        path.display()
    );
    let mut keep = content.as_str();
    while serde_json::to_string(keep)?.len() > MAX_JSON_BYTES {
        // Control characters grow sixfold in JSON.
        keep = keep.get(..keep.floor_char_boundary(keep.len() / 2)).unwrap_or_default();
        next_line = None;
    }
    let next = offset + keep.len() as u64;
    Ok(part(path.display().to_string(), size, offset, keep.to_owned(), next, next_line))
}

fn part(path: String, size: u64, offset: u64, content: String, next: u64, next_line: Option<u64>) -> Part {
    let next_offset = Some(next).filter(|next| *next < size);
    Part { path, size, offset, content, next_offset, next_line: next_line.filter(|_| next_offset.is_some()) }
}
