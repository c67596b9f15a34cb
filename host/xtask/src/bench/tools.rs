//! The calls that are measured, with the answers that they must get.

use super::client::{Era, Prepared};
use serde_json::json;

const TEXT_BYTES: usize = 64 << 10;

/// Two numbers in, one out.
pub(crate) fn add(era: Era) -> Prepared {
    Prepared::new(era, "add", &json!({"a": 19, "b": 23}), r#""42""#)
}

/// 64 KiB of text in and out.
pub(crate) fn echo(era: Era) -> Prepared {
    let text = "0123456789abcdef".repeat(TEXT_BYTES / 16);
    Prepared::new(era, "echo", &json!({ "text": text }), &text)
}

/// One that nobody has.
pub(crate) fn denied() -> Prepared {
    Prepared::denied(Era::Modern, "wipe", &json!({}), "wipe")
}

/// The first, by an interpreter.
pub(crate) fn python_add() -> Prepared {
    Prepared::new(Era::Modern, "python_add", &json!({"a": 19, "b": 23}), r#""42""#)
}

/// A processor for so long.
pub(crate) fn spin(ms: u64) -> Prepared {
    Prepared::new(Era::Modern, "spin", &json!({ "ms": ms }), &format!("spun {ms} ms"))
}

/// So many requests at once for `path` at `authority`, whose answers have so many bytes together.
pub(crate) fn get(authority: &str, path: &str, times: u32, bytes: u64) -> Prepared {
    let arguments = json!({ "authority": authority, "path": path, "times": times });
    Prepared::new(Era::Modern, "get", &arguments, &format!("{times} answers, {bytes} bytes"))
}
