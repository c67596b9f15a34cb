//! A tool's answer before it leaves the hub: its size checked once more, its text cleaned. Pure.

use crate::{bounds, clean};
use protocol::{Answer, Content, Resource, ResourceBody};

/// Longest URI of an embedded resource, bytes.
const URI_BYTES: usize = 2048;
/// Longest media type, bytes.
const MIME_BYTES: usize = 128;

/// Why an answer is not passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It is larger than `result_bytes`, before or after cleaning.
    Size,
    /// Its structured part is nested deeper than the hub takes.
    Depth,
    /// Its structured part has more values than the hub takes.
    Values,
    /// Its structured part is not JSON: the runner did not check it.
    NotJson,
}

/// Checks and cleans.
pub(crate) fn fit(mut answer: Answer, result_bytes: u32) -> Result<Answer, Unfit> {
    let most = usize::try_from(result_bytes).unwrap_or(usize::MAX);
    if bytes(&answer) > most {
        return Err(Unfit::Size);
    }
    if let Some(structured) = &answer.structured {
        bounds::value(structured, most, bounds::DEPTH).map_err(|error| match error {
            bounds::OutOfBounds::Depth { .. } => Unfit::Depth,
            bounds::OutOfBounds::Values { .. } => Unfit::Values,
            bounds::OutOfBounds::Bytes { .. } => Unfit::Size,
            bounds::OutOfBounds::Syntax | bounds::OutOfBounds::NotAnObject => Unfit::NotJson,
        })?;
    }
    answer.structured = answer.structured.as_deref().map(clean::json);
    answer.content = answer.content.into_iter().map(block).collect();
    // One hidden byte becomes up to nine that can be seen.
    if bytes(&answer) > most { Err(Unfit::Size) } else { Ok(answer) }
}

/// The size of an answer: every text and every byte of it.
pub(crate) fn bytes(answer: &Answer) -> usize {
    let blocks = answer.content.iter().map(|content| match content {
        Content::Text(text) => text.len(),
        Content::Image(data, mime) | Content::Audio(data, mime) => data.len() + mime.len(),
        Content::Resource(resource) => resource_bytes(resource),
    });
    blocks.sum::<usize>() + answer.structured.as_ref().map_or(0, String::len)
}

fn resource_bytes(resource: &Resource) -> usize {
    let body = match &resource.body {
        ResourceBody::Text(text) => text.len(),
        ResourceBody::Blob(data) => data.len(),
    };
    body + resource.uri.len() + resource.mime_type.as_ref().map_or(0, String::len)
}

fn block(content: Content) -> Content {
    match content {
        Content::Text(text) => Content::Text(clean::text(&text)),
        Content::Image(data, mime) => Content::Image(data, media_type(&mime)),
        Content::Audio(data, mime) => Content::Audio(data, media_type(&mime)),
        Content::Resource(resource) => Content::Resource(Resource {
            uri: clean::line(&resource.uri, URI_BYTES),
            mime_type: resource.mime_type.as_deref().map(media_type),
            body: match resource.body {
                ResourceBody::Text(text) => ResourceBody::Text(clean::text(&text)),
                blob @ ResourceBody::Blob(_) => blob,
            },
        }),
    }
}

/// A media type in the characters of RFC 6838, with parameters; anything else is unknown bytes.
fn media_type(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "!#$&-^_.+/;= \"".contains(c);
    if text.len() <= MIME_BYTES && text.contains('/') && text.chars().all(plain) {
        text.to_owned()
    } else {
        "application/octet-stream".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Answer {
        Answer { content: vec![Content::Text(text.into())], structured: None, is_error: false }
    }

    fn structured(json: &str) -> Answer {
        Answer { content: Vec::new(), structured: Some(json.into()), is_error: false }
    }

    #[test]
    fn the_bound_is_on_everything_together() {
        let mut answer = text("12345");
        answer.structured = Some("[67]".into());
        answer.content.push(Content::Image(vec![0; 10], "image/png".into()));
        assert_eq!(fit(answer.clone(), 28), Ok(answer.clone()));
        assert_eq!(fit(answer, 27), Err(Unfit::Size));
    }

    #[test]
    fn cleaning_cannot_grow_past_the_bound() {
        assert_eq!(fit(text("\u{1b}\u{1b}"), 12), Ok(text("\\u{1b}\\u{1b}")));
        assert_eq!(fit(text("\u{1b}\u{1b}"), 11), Err(Unfit::Size));
    }

    #[test]
    fn structured_text_is_cleaned_and_checked() {
        assert_eq!(fit(structured(r#"{"a":"\u202ex"}"#), 100), Ok(structured(r#"{"a":"\\u{202e}x"}"#)));
        assert_eq!(fit(structured("{"), 100), Err(Unfit::NotJson));
        let many = format!("[{}0]", "0,".repeat(bounds::VALUES));
        assert_eq!(fit(structured(&many), 1 << 20), Err(Unfit::Values));
        assert_eq!(fit(structured(&("[".repeat(33) + &"]".repeat(33))), 100), Err(Unfit::Depth));
    }

    #[test]
    fn media_types_and_addresses_hide_nothing() {
        let resource = Resource {
            uri: "file:///a\n\u{200b}b".into(),
            mime_type: Some("text/plain\r\nX: y".into()),
            body: ResourceBody::Blob(vec![0]),
        };
        let answer = Answer {
            content: vec![Content::Resource(resource), Content::Image(vec![], "image/\u{202e}gnp".into())],
            structured: None,
            is_error: false,
        };
        let clean = Resource {
            uri: "file:///a \\u{200b}b".into(),
            mime_type: Some("application/octet-stream".into()),
            body: ResourceBody::Blob(vec![0]),
        };
        assert_eq!(
            fit(answer, 1000).map(|a| a.content),
            Ok(vec![Content::Resource(clean), Content::Image(vec![], "application/octet-stream".into())])
        );
    }
}
