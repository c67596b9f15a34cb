//! What authors write, and what the host and the agent then see of it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use safeclaw_sdk::prelude::*;
use safeclaw_sdk::serde_json::{Value, from_str, json};
use safeclaw_sdk::{Entry, Hints, call};

/// How something is told.
#[arguments]
#[derive(PartialEq)]
#[serde(rename_all = "lowercase")]
enum Tone {
    /// As a whisper.
    Quiet,
    Loud,
}

/// What to tell.
#[arguments]
struct Telling {
    /// The words.
    words: String,
    tone: Option<Tone>,
    #[serde(default)]
    times: u8,
}

#[result]
struct Told {
    words: String,
    /// How loud, in decibel.
    level: u8,
}

/// Tells something.
///
/// More than once if asked to.
#[tool(name = "tell.it-2", title = "Tell", read_only, destructive = false, open_world = true)]
fn tell(args: Telling) -> Result<Told> {
    ensure!(args.times < 3, "no more than twice");
    let level = if args.tone == Some(Tone::Loud) { 90 } else { 30 };
    Ok(Told { words: args.words.repeat(args.times.into()), level })
}

/// Says a word.
#[tool]
fn plain() -> Result<String> {
    Ok("word".into())
}

/// Counts.
#[tool]
fn list() -> Result<Vec<u8>> {
    Ok(vec![1, 2])
}

/// Does something and has nothing to say.
#[tool]
fn silent() -> Result<()> {
    Ok(())
}

/// Fails twice over.
#[tool]
fn chain() -> std::result::Result<String, std::num::ParseIntError> {
    "x".parse::<u8>().map(|n| n.to_string())
}

/// Has many blocks.
#[tool]
fn rich() -> Result<Answer> {
    let body = ResourceBody::Blob(vec![3]);
    Ok(Answer::text("t")
        .with_image(vec![1], "image/png")
        .with_audio(vec![2], "audio/wav")
        .with_resource("u:x", "a/b", body)
        .failed())
}

plugin!(tell, plain, list, silent, chain, rich);

fn text(answer: &Answer) -> &str {
    let [Content::Text(text)] = answer.content.as_slice() else { panic!("one text") };
    text
}

#[test]
fn a_struct_is_structured_content_and_text() {
    let answer = call::<tell>(r#"{"words":"ha","times":2,"tone":"loud"}"#);
    assert_eq!(answer.structured.as_deref(), Some(r#"{"words":"haha","level":90}"#));
    assert_eq!((text(&answer), answer.is_error), (r#"{"words":"haha","level":90}"#, false));
}

#[test]
fn what_is_no_object_is_text() {
    for (answer, expected) in
        [(call::<plain>("{}"), "word"), (call::<list>("{}"), "[1,2]"), (call::<silent>("{}"), "done")]
    {
        assert_eq!((text(&answer), answer.structured.as_ref(), answer.is_error), (expected, None, false));
    }
    assert_eq!((Entry::of::<list>().output_schema)(), None);
}

#[test]
fn failures_say_what_to_correct() {
    let fails = |arguments: &str, words: &str| {
        let answer = call::<tell>(arguments);
        assert!(answer.is_error && answer.structured.is_none());
        assert!(text(&answer).contains(words), "{}", text(&answer));
    };
    fails(r#"{"words":"ha","times":3}"#, "no more than twice");
    fails(r#"{"word":"ha"}"#, "unknown field `word`, expected one of `words`");
    fails(r#"{}"#, "missing field `words`");
    fails(r#"{"words":"a","tone":"shrill"}"#, "unknown variant `shrill`, expected `quiet` or `loud`");
    fails("[", "the arguments do not fit");
    fails(&format!("{{\"words\":{}", "[".repeat(100_000)), "the arguments do not fit");
    assert_eq!(text(&call::<chain>("{}")), "invalid digit found in string");
    assert!(call::<plain>(r#"{"x":1}"#).is_error);
}

#[test]
fn an_answer_keeps_its_blocks_in_order() {
    let answer = call::<rich>("{}");
    assert!(answer.is_error && answer.content.len() == 4);
    assert_eq!(answer.content[1], Content::Image(vec![1], "image/png".into()));
}

#[test]
fn the_listing_comes_from_types_and_comments() {
    let entry = Entry::of::<tell>();
    assert_eq!((entry.name, entry.title), ("tell.it-2", Some("Tell")));
    assert_eq!(entry.description, "Tells something.\n\nMore than once if asked to.");
    let hints = Hints { read_only: Some(true), destructive: Some(false), idempotent: None, open_world: Some(true) };
    assert_eq!(entry.hints, hints);
    let schema: Value = from_str(&(entry.input_schema)()).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["required"], json!(["words"]));
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["properties"]["words"], json!({"type": "string", "description": "The words."}));
    assert!(!schema.to_string().contains("$ref"), "in one piece");
    let output: Value = from_str(&(entry.output_schema)().unwrap()).unwrap();
    assert_eq!(output["required"], json!(["words", "level"]));
}
