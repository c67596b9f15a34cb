//! How a call ended, as MCP says it.
//!
//! What the model should act on is a result with `isError`: a protocol error mostly never reaches it.

use crate::api::{CallEnd, CallOutcome, PendingApproval};
use crate::bounds;
use base64::{Engine, engine::general_purpose::STANDARD};
use protocol::{Answer, Content, Resource, ResourceBody};
use rmcp::model::{CallToolResult, ContentBlock, MetaObject, ResourceContents};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

/// What a result is made of, before it is anybody's type.
pub(crate) struct Parts {
    pub(crate) content: Vec<ContentBlock>,
    /// JSON, as it leaves.
    pub(crate) structured: Option<Box<RawValue>>,
    pub(crate) is_error: bool,
    /// What a person's answer could change, as a client reads it.
    pub(crate) meta: Map<String, Value>,
}

/// The result of a call, for the library.
pub(super) fn result(end: CallEnd) -> CallToolResult {
    let id = end.call_id;
    let Parts { content, structured, is_error, meta } = parts(end);
    let Ok(structured) = structured.map(|text| bounds::tree(text.get())).transpose() else {
        return CallToolResult::error(broken(&id.to_string()).content);
    };
    let mut result = CallToolResult::success(content);
    result.structured_content = structured;
    result.is_error = Some(is_error);
    result.meta = (!meta.is_empty()).then_some(MetaObject(meta));
    result
}

/// The parts of a result. [`CallOutcome::UnknownTool`] is a protocol error, the caller's to make.
pub(crate) fn parts(end: CallEnd) -> Parts {
    match end.outcome {
        CallOutcome::Answer(answer) => answered(answer, &end.call_id.to_string()),
        CallOutcome::UnknownTool => error("unknown tool".to_owned()),
        CallOutcome::Denied { reason, approvable: true } => waiting(&reason, done(end.begun), end.approval),
        CallOutcome::Denied { reason, approvable: false } => error(format!("denied: {reason}. {}", done(end.begun))),
        CallOutcome::Limit { limit, value, text } => error(format!("limit: {text} ({limit} = {value})")),
        CallOutcome::Broken { id } => broken(&id.to_string()),
        CallOutcome::Cancelled => error("cancelled".to_owned()),
    }
}

/// What a denied call did. One that was told that nothing ran would do again what was done.
fn done(begun: bool) -> &'static str {
    if begun { "It had begun to run: what it did until then is not undone." } else { "Nothing ran." }
}

/// Where a client of the model's and the model itself both find what to do next.
fn waiting(reason: &str, done: &str, approval: Option<PendingApproval>) -> Parts {
    let Some(PendingApproval { id, expires }) = approval else {
        return error(format!("denied, approvable: {reason}. {done}"));
    };
    let text = format!(
        "denied, approvable: {reason}. {done} Tell your user to run `safeclaw approve {id}`; once a person has approved it, repeat the same call with the same arguments. `request_status` with {{\"approval\": \"{id}\"}} tells how it stands."
    );
    Parts { meta: envelope(json!([{ "type": "approval", "id": id, "expires": expires }])), ..error(text) }
}

/// The envelope of a denial that can be remedied, in the words of the draft that has one (SEP-2643).
pub(super) fn envelope(hints: Value) -> Map<String, Value> {
    let authorization = json!({
        "reason": "insufficient_authorization",
        "remediation": "available",
        "remediationHints": hints,
    });
    [("io.modelcontextprotocol/authorization".to_owned(), authorization)].into_iter().collect()
}

fn answered(answer: Answer, call_id: &str) -> Parts {
    let mut content: Vec<ContentBlock> = answer.content.into_iter().map(block).collect();
    let structured = match answer.structured.map(one_reading).transpose() {
        Ok(structured) => structured,
        // The runner checks it; one that sends anything else is not believed.
        Err(_) => return broken(call_id),
    };
    // Clients differ in which of the two they show the model.
    if let (true, Some(text)) = (content.is_empty(), &structured) {
        content.push(ContentBlock::text(text.get()));
    }
    Parts { content, structured, is_error: answer.is_error, meta: Map::new() }
}

/// A text in which a key stands twice has two readings; one of them is passed on.
fn one_reading(text: String) -> serde_json::Result<Box<RawValue>> {
    if bounds::keys_are_unique(&text) {
        return RawValue::from_string(text);
    }
    to_raw_value(&bounds::tree(&text)?)
}

fn block(content: Content) -> ContentBlock {
    match content {
        Content::Text(text) => ContentBlock::text(text),
        Content::Image(bytes, mime_type) => ContentBlock::image(STANDARD.encode(bytes), mime_type),
        Content::Audio(bytes, mime_type) => ContentBlock::audio(STANDARD.encode(bytes), mime_type),
        Content::Resource(resource) => ContentBlock::resource(contents(resource)),
    }
}

fn contents(resource: Resource) -> ResourceContents {
    let Resource { uri, mime_type, body } = resource;
    match body {
        ResourceBody::Text(text) => ResourceContents::TextResourceContents { uri, mime_type, text, meta: None },
        ResourceBody::Blob(bytes) => {
            let blob = STANDARD.encode(bytes);
            ResourceContents::BlobResourceContents { uri, mime_type, blob, meta: None }
        }
    }
}

/// The agent gets the id, the operator finds the chain of causes under it in the log.
fn broken(id: &str) -> Parts {
    error(format!("broken: the call failed inside SafeClaw; the operator finds it under {id}"))
}

fn error(text: String) -> Parts {
    Parts { content: vec![ContentBlock::text(text)], structured: None, is_error: true, meta: Map::new() }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn shown(outcome: CallOutcome) -> Value {
        let end = CallEnd { outcome, usage: None, wall_us: 1, call_id: Uuid::nil(), begun: false, approval: None };
        serde_json::to_value(result(end)).unwrap()
    }

    fn error_text(outcome: CallOutcome) -> String {
        let shown = shown(outcome);
        assert_eq!(shown["isError"], json!(true));
        shown["content"][0]["text"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_denial_says_that_nothing_ran_and_whether_it_can_be_approved() {
        let denied = |approvable| CallOutcome::Denied { reason: "escalation not available".to_owned(), approvable };
        assert_eq!(error_text(denied(false)), "denied: escalation not available. Nothing ran.");
        assert!(error_text(denied(true)).starts_with("denied, approvable: "));
    }

    #[test]
    fn a_denial_does_not_say_that_nothing_ran_where_something_did() {
        let approval = PendingApproval { id: "ab".into(), expires: jiff::Timestamp::UNIX_EPOCH };
        for (approvable, approval) in [(false, None), (true, None), (true, Some(approval))] {
            let outcome = CallOutcome::Denied { reason: "it was taken back".to_owned(), approvable };
            let end = CallEnd { outcome, usage: None, wall_us: 1, call_id: Uuid::nil(), begun: true, approval };
            let shown = serde_json::to_value(result(end)).unwrap();
            let text = shown["content"][0]["text"].as_str().unwrap();
            assert!(text.contains("It had begun to run") && !text.contains("Nothing ran"), "{text}");
        }
    }

    #[test]
    fn what_waits_for_a_person_says_how_to_go_on() {
        let reason = "a person has to allow this call".to_owned();
        let outcome = CallOutcome::Denied { reason, approvable: true };
        let approval = Some(PendingApproval { id: "ab".into(), expires: jiff::Timestamp::UNIX_EPOCH });
        let end = CallEnd { outcome, usage: None, wall_us: 1, call_id: Uuid::nil(), begun: false, approval };
        let shown = serde_json::to_value(result(end)).unwrap();
        let text = shown["content"][0]["text"].as_str().unwrap();
        for said in ["Nothing ran.", "`safeclaw approve ab`", "repeat the same call", "`request_status`"] {
            assert!(text.contains(said), "{text}");
        }
        let hint = json!({"type": "approval", "id": "ab", "expires": "1970-01-01T00:00:00Z"});
        let authorization = &shown["_meta"]["io.modelcontextprotocol/authorization"];
        assert_eq!(authorization["remediationHints"], json!([hint]));
        assert_eq!(shown["isError"], json!(true));
    }

    #[test]
    fn a_limit_names_itself_and_its_value() {
        let limit = CallOutcome::Limit {
            limit: "memory_bytes".to_owned(),
            value: 65_536,
            text: "the tool wanted more memory than it may have".to_owned(),
        };
        let text = "limit: the tool wanted more memory than it may have (memory_bytes = 65536)";
        assert_eq!(error_text(limit), text);
    }

    #[test]
    fn what_broke_inside_is_an_id_and_nothing_else() {
        let id = Uuid::from_u128(5);
        assert!(error_text(CallOutcome::Broken { id }).ends_with(&id.to_string()));
    }

    #[test]
    fn a_runner_that_sends_no_json_as_structured_content_is_not_believed() {
        let answer = Answer { structured: Some("{".to_owned()), ..Answer::default() };
        assert!(error_text(CallOutcome::Answer(answer)).starts_with("broken: "));
        let deep = Answer { structured: Some("[".repeat(100_000)), ..Answer::default() };
        assert!(error_text(CallOutcome::Answer(deep)).starts_with("broken: "));
    }

    /// A reader with the library's magic would unpack it, and hand on what nobody has cleaned.
    #[test]
    fn what_is_hidden_under_a_readers_own_key_stays_a_text() {
        for twice in ["", r#""a": 1, "a": 2, "#] {
            let text = format!(r#"{{"b": {{{twice}"$serde_json::private::RawValue": "{{\"x\": \"\\u001b[2J\"}}"}}}}"#);
            let answer = Answer { structured: Some(text), ..Answer::default() };
            let shown = shown(CallOutcome::Answer(answer));
            let hidden = &shown["structuredContent"]["b"]["$serde_json::private::RawValue"];
            assert_eq!(hidden, &json!("{\"x\": \"\\u001b[2J\"}"), "{shown}");
        }
    }

    #[test]
    fn every_kind_of_content_keeps_its_place_and_its_bytes() {
        let resource =
            |body| Content::Resource(Resource { uri: "x:y".to_owned(), mime_type: Some("a/b".to_owned()), body });
        let content = vec![
            Content::Text("t".to_owned()),
            Content::Image(vec![0, 255], "image/png".to_owned()),
            Content::Audio(vec![1], "audio/wav".to_owned()),
            resource(ResourceBody::Text("r".to_owned())),
            resource(ResourceBody::Blob(vec![2])),
        ];
        let answer = Answer { content, structured: Some("null".to_owned()), is_error: false };
        let expected = json!({
            "resultType": "complete",
            "content": [
                {"type": "text", "text": "t"},
                {"type": "image", "data": "AP8=", "mimeType": "image/png"},
                {"type": "audio", "data": "AQ==", "mimeType": "audio/wav"},
                {"type": "resource", "resource": {"uri": "x:y", "mimeType": "a/b", "text": "r"}},
                {"type": "resource", "resource": {"uri": "x:y", "mimeType": "a/b", "blob": "Ag=="}},
            ],
            "structuredContent": null,
            "isError": false,
        });
        assert_eq!(shown(CallOutcome::Answer(answer)), expected);
    }

    #[test]
    fn structured_content_alone_is_also_given_as_text() {
        let answer = Answer { structured: Some(r#"{"a":1}"#.to_owned()), ..Answer::default() };
        let shown = shown(CallOutcome::Answer(answer));
        assert_eq!(shown["content"], json!([{"type": "text", "text": "{\"a\":1}"}]));
        assert_eq!(shown["structuredContent"], json!({"a": 1}));
    }

    #[test]
    fn a_tool_that_failed_says_so_in_its_own_words() {
        let content = vec![Content::Text("no such file".to_owned())];
        let answer = Answer { content, structured: None, is_error: true };
        assert_eq!(error_text(CallOutcome::Answer(answer)), "no such file");
    }
}
