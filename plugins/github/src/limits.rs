//! Bounds of our own on what GitHub answers: a call's result has 1 MiB at most.

/// The largest answer that is read, bytes: a hundred issues with long texts, or a file of 1 MB in base64.
pub(crate) const ANSWER_BYTES: u64 = 8 << 20;
/// Of an error's body.
pub(crate) const ERROR_BYTES: u64 = 64 << 10;
/// Of each text in a list, characters.
pub(crate) const BRIEF_CHARS: usize = 2_000;
/// The largest file, bytes: as text in the structured content and once more in the text block it has to fit a result.
pub(crate) const FILE_BYTES: usize = 384 << 10;
/// The longest title, characters; GitHub's own.
pub(crate) const TITLE_CHARS: usize = 256;
/// The longest text of an issue or a comment, characters; GitHub's own.
pub(crate) const BODY_CHARS: usize = 65_536;

/// The beginning of a text, and whether there is more of it.
pub(crate) fn brief(text: &str) -> (String, bool) {
    match text.char_indices().nth(BRIEF_CHARS) {
        Some((end, _)) => (text.get(..end).unwrap_or_default().to_owned(), true),
        None => (text.to_owned(), false),
    }
}
