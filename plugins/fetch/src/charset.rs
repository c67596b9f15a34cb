//! Which charset a text is in: a byte order mark, what the server says, what the page says, what its bytes say.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};

/// How far into a page its own word on its charset is looked for, as browsers do.
const PRESCAN_BYTES: usize = 1_024;

/// The text, and the name of its charset. What is no character of it becomes U+FFFD.
pub(crate) fn decode(body: &[u8], content_type: Option<&str>, is_html: bool, is_cut: bool) -> (String, &'static str) {
    let (encoding, body) = match Encoding::for_bom(body) {
        Some((encoding, length)) => (encoding, body.get(length..).unwrap_or_default()),
        None => (guess(body, content_type, is_html, is_cut), body),
    };
    let (text, _) = encoding.decode_without_bom_handling(body);
    let mut text = text.into_owned();
    // A page that was cut may have been cut inside a character.
    if is_cut && text.ends_with('\u{fffd}') {
        text.pop();
    }
    (text, encoding.name())
}

fn guess(body: &[u8], content_type: Option<&str>, is_html: bool, is_cut: bool) -> &'static Encoding {
    let label = content_type.and_then(parameter);
    if let Some(encoding) = label.and_then(|label| Encoding::for_label(label.as_bytes())) {
        return encoding;
    }
    if is_html && let Some(encoding) = prescan(body) {
        return encoding;
    }
    match std::str::from_utf8(body) {
        Ok(_) => UTF_8,
        Err(error) if is_cut && error.error_len().is_none() => UTF_8,
        Err(_) => WINDOWS_1252,
    }
}

/// `charset` of a `Content-Type`.
fn parameter(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']))
    })
}

/// `<meta charset=…>`, or the same inside `content`.
fn prescan(body: &[u8]) -> Option<&'static Encoding> {
    let head = body.get(..PRESCAN_BYTES).unwrap_or(body).to_ascii_lowercase();
    let head = String::from_utf8_lossy(&head);
    head.split("<meta").skip(1).find_map(|tag| {
        let tag = tag.split('>').next().unwrap_or_default();
        let (_, value) = tag.split_once("charset")?;
        let value = value.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
        let label = value.split(|c: char| c.is_ascii_whitespace() || matches!(c, '"' | '\'' | ';' | '/')).next()?;
        let encoding = Encoding::for_label(label.as_bytes())?;
        // A page that could be read so far is not in these.
        Some(match encoding {
            e if e == UTF_16BE || e == UTF_16LE => UTF_8,
            e if e == X_USER_DEFINED => WINDOWS_1252,
            e => e,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn a_charset_is_found_where_it_is_said() {
        let page = |bytes: &[u8], content_type| decode(bytes, content_type, true, false);
        let rows: &[(&[u8], Option<&str>, &str, &str)] = &[
            (b"\xef\xbb\xbfa\xc3\xa9", Some("text/html; charset=latin1"), "aé", "UTF-8"),
            (b"\xff\xfea\0\xe9\0", None, "aé", "UTF-16LE"),
            (b"\xe9", Some("text/html; Charset=\"ISO-8859-1\""), "é", "windows-1252"),
            (b"\x83\x65\x83\x58", Some("text/html;charset=Shift_JIS"), "テス", "Shift_JIS"),
            (b"<meta charset=\"koi8-r\">\xc1", None, "<meta charset=\"koi8-r\">а", "KOI8-R"),
            (
                b"<META http-equiv=x content='text/html; charset=gbk'>\xc4\xe3",
                None,
                "<META http-equiv=x content='text/html; charset=gbk'>你",
                "GBK",
            ),
            (b"<meta charset=utf-16>\xc3\xa9", None, "<meta charset=utf-16>é", "UTF-8"),
            (b"\xc3\xa9", None, "é", "UTF-8"),
            (b"\xe9", None, "é", "windows-1252"),
            (b"\xe9", Some("text/html; charset=nonsense"), "é", "windows-1252"),
        ];
        for (bytes, content_type, text, charset) in rows {
            assert_eq!(page(bytes, *content_type), ((*text).to_owned(), *charset), "{bytes:?}");
        }
    }

    #[test]
    fn a_character_that_was_cut_is_left_out() {
        assert_eq!(decode("aé".as_bytes().get(..2).unwrap_or_default(), None, false, true), ("a".into(), "UTF-8"));
    }
}
