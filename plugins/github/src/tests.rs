//! The tools against answers of the shapes that the API documents.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use crate::read::{get_file, list_issues, list_pull_requests, search_code};
use crate::write::{comment, create_issue, delete_issue_comment, delete_repo};
use safeclaw_sdk::http::testing::{Served, serve};
use safeclaw_sdk::http::{Error, Request, Response};
use safeclaw_sdk::serde_json::{Value, from_slice, from_str, json};
use safeclaw_sdk::{Answer, Content, Entry, Tool, call};
use std::cell::RefCell;
use std::rc::Rc;

type Log = Rc<RefCell<Vec<Request>>>;

fn answers(mut answer: impl FnMut() -> Response + 'static) -> (Log, Served) {
    let log = Log::default();
    let mine = log.clone();
    let served = serve(move |request| {
        mine.borrow_mut().push(request.clone());
        Ok(answer())
    });
    (log, served)
}

fn ok(body: Value) -> impl FnMut() -> Response {
    move || {
        Response::new(200)
            .with_header("content-type", "application/json; charset=utf-8")
            .with_header("etag", "W/\"abc\"")
            .with_body(body.to_string())
    }
}

fn structured(answer: &Answer) -> Value {
    assert!(!answer.is_error, "{answer:?}");
    from_str(answer.structured.as_deref().unwrap()).unwrap()
}

fn failure<T: Tool>(arguments: &str) -> String {
    let answer = call::<T>(arguments);
    assert!(answer.is_error, "{answer:?}");
    let Content::Text(text) = &answer.content[0] else { panic!("text") };
    text.clone()
}

fn issue(number: u64) -> Value {
    json!({
        "id": 1, "number": number, "title": "Broken", "state": "open", "user": { "login": "octocat", "id": 1 },
        "labels": [{ "id": 2, "name": "bug", "color": "f00" }, "old"], "comments": 3, "body": "It is.",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-02T00:00:00Z",
        "html_url": "https://github.com/o/r/issues/1", "assignee": null, "milestone": null,
    })
}

const REPO: &str = r#"{"owner":"o","repo":"r"}"#;

#[test]
fn issues_come_page_by_page() {
    let mut pull = issue(2);
    pull["pull_request"] = json!({ "url": "x" });
    let mut ghost = issue(3);
    (ghost["user"], ghost["body"]) = (Value::Null, "é".repeat(5_000).into());
    let mut body = ok(json!([issue(1), pull, ghost]));
    let (log, _served) = answers(move || {
        body().with_header("link", "<https://api.github.com/repositories/1/issues?page=3>; rel=\"next\"")
    });
    let arguments = r#"{"owner":"o","repo":"r","state":"all","labels":["bug","a b"],"per_page":3,"page":2}"#;
    let found = structured(&call::<list_issues>(arguments));
    assert_eq!((&found["next_page"], &found["etag"]), (&json!(3), &json!("W/\"abc\"")));
    assert_eq!((&found["pull_requests_left_out"], found["issues"].as_array().unwrap().len()), (&json!(1), 2));
    assert_eq!(found["issues"][0]["labels"], json!(["bug", "old"]));
    assert_eq!(found["issues"][0]["author"], "octocat");
    assert_eq!(found["issues"][1].get("author"), None, "an account that is gone");
    assert_eq!(found["issues"][1]["body_is_cut"], true);
    let log = log.borrow();
    let url = "https://api.github.com/repos/o/r/issues?state=all&labels=bug%2Ca%20b&per_page=3&page=2";
    assert_eq!((log[0].method(), log[0].url()), ("GET", url));
    assert_eq!(log[0].header_value("accept"), Some("application/vnd.github+json"));
    assert_eq!(log[0].header_value("x-github-api-version"), Some("2022-11-28"));
    assert!(log[0].header_value("user-agent").is_some(), "the API refuses requests without one");
    assert!(log[0].header_value("authorization").is_none(), "that is the hub's");
}

#[test]
fn what_has_not_changed_is_said_to_be_so() {
    let (log, _served) = answers(|| Response::new(304).with_header("etag", "W/\"abc\""));
    let arguments = r#"{"owner":"o","repo":"r","if_none_match":"W/\"abc\""}"#;
    let found = structured(&call::<list_issues>(arguments));
    let expected = json!({ "not_modified": true, "issues": [], "pull_requests_left_out": 0, "etag": "W/\"abc\"" });
    assert_eq!(found, expected);
    assert_eq!(structured(&call::<list_pull_requests>(arguments))["not_modified"], true);
    assert_eq!(log.borrow()[0].header_value("if-none-match"), Some("W/\"abc\""));
    assert!(failure::<list_issues>(r#"{"owner":"o","repo":"r","if_none_match":"a\r\nx-evil: 1"}"#).contains("etag"));
    assert!(failure::<list_issues>(REPO).contains("304"), "to who has not asked it is no answer");
    assert_eq!(log.borrow().len(), 3, "the header that would split a request was not sent");
}

#[test]
fn pull_requests_say_where_they_come_from() {
    let side = |label: Value, branch: &str| json!({ "label": label, "ref": branch, "sha": "abc", "repo": null });
    let pull = json!({
        "number": 5, "title": "Fix", "state": "closed", "draft": true, "user": null, "head": side(Value::Null, "patch"),
        "base": side(json!("o:main"), "main"), "created_at": "a", "updated_at": "b", "merged_at": "c",
        "html_url": "u", "body": null,
    });
    let (log, _served) = answers(ok(json!([pull])));
    let found = structured(&call::<list_pull_requests>(r#"{"owner":"o","repo":"r","head":"me:x&y","base":"main"}"#));
    let first = &found["pull_requests"][0];
    assert_eq!((&first["head"], &first["base"], &first["merged_at"]), (&json!("patch"), &json!("main"), &json!("c")));
    assert!(log.borrow()[0].url().contains("/pulls?state=open&head=me%3Ax%26y&base=main&"));
}

fn file(content: &str, size: u64, encoding: &str) -> Value {
    json!({ "type": "file", "path": "a b/c.txt", "name": "c.txt", "size": size, "sha": "f00", "html_url": "u",
        "encoding": encoding, "content": content })
}

#[test]
fn a_file_is_text_or_base64_and_a_directory_its_entries() {
    let arguments = r#"{"owner":"o","repo":"r","path":"/a b/c.txt","ref":"v1/x"}"#;
    let (log, _served) = answers(ok(file("aGVs\nbG8=\n", 5, "base64")));
    let found = structured(&call::<get_file>(arguments));
    assert_eq!((&found["text"], &found["sha"], &found["type"]), (&json!("hello"), &json!("f00"), &json!("file")));
    assert_eq!(log.borrow()[0].url(), "https://api.github.com/repos/o/r/contents/a%20b/c.txt?ref=v1%2Fx");
    let (_, _served) = answers(ok(file("/w==", 1, "base64")));
    let found = structured(&call::<get_file>(arguments));
    assert_eq!((&found["base64"], found.get("text")), (&json!("/w=="), None));
    let entry = json!({ "type": "dir", "name": "src", "path": "src", "size": 0, "sha": "1", "url": "u" });
    let (log, _served) = answers(ok(json!([entry])));
    let found = structured(&call::<get_file>(r#"{"owner":"o","repo":"r","path":""}"#));
    assert_eq!((&found["type"], &found["entries"][0]["name"]), (&json!("dir"), &json!("src")));
    assert!(log.borrow()[0].url().ends_with("/repos/o/r/contents"));
    let link = json!({ "type": "symlink", "path": "l", "size": 3, "sha": "2", "target": "../x" });
    let (_, _served) = answers(ok(link));
    assert_eq!(structured(&call::<get_file>(arguments))["target"], "../x");
    let (_, _served) = answers(ok(file("", 2 << 20, "none")));
    assert!(failure::<get_file>(arguments).contains("has 2097152 bytes"));
    assert!(failure::<get_file>(r#"{"owner":"o","repo":"r","path":"../../user"}"#).contains("lead elsewhere"));
}

#[test]
fn a_search_shows_what_surrounds_the_matches() {
    let (log, _served) = answers(ok(json!({
        "total_count": 2000, "incomplete_results": true,
        "items": [{ "path": "a.rs", "sha": "1", "html_url": "u", "repository": { "full_name": "o/r" },
            "text_matches": [{ "fragment": "fn parse", "matches": [] }] }],
    })));
    let found = structured(&call::<search_code>(r#"{"query":"parse repo:o/r"}"#));
    let hit = json!({ "repository": "o/r", "path": "a.rs", "sha": "1", "url": "u", "fragments": ["fn parse"] });
    assert_eq!(found, json!({ "total_count": 2000, "incomplete": true, "files": [hit] }));
    assert!(log.borrow()[0].url().contains("/search/code?q=parse%20repo%3Ao%2Fr&"));
    assert_eq!(log.borrow()[0].header_value("accept"), Some("application/vnd.github.text-match+json"));
    assert!(failure::<search_code>(r#"{"query":" "}"#).contains("1 to 256"));
}

#[test]
fn what_is_written_is_what_was_said() {
    let (log, _served) = answers(ok(issue(7)));
    let made = structured(&call::<create_issue>(
        r#"{"owner":"o","repo":"r","title":"T","body":"B","labels":["bug"],"assignees":["me"],"milestone":4}"#,
    ));
    assert_eq!(made["number"], 7);
    let sent: Value = from_slice(log.borrow()[0].body_bytes().unwrap()).unwrap();
    assert_eq!(sent, json!({ "title": "T", "body": "B", "labels": ["bug"], "assignees": ["me"], "milestone": 4 }));
    let (log, _served) = answers(ok(json!({ "id": 9, "html_url": "u", "created_at": "t", "body": "B" })));
    let made = structured(&call::<comment>(r#"{"owner":"o","repo":"r","number":7,"body":"B"}"#));
    assert_eq!(made, json!({ "comment_id": 9, "url": "u", "created_at": "t" }));
    assert_eq!(log.borrow()[0].url(), "https://api.github.com/repos/o/r/issues/7/comments");
    let (log, _served) = answers(|| Response::new(204));
    structured(&call::<delete_issue_comment>(r#"{"owner":"o","repo":"r","comment_id":9}"#));
    assert_eq!(structured(&call::<delete_repo>(REPO))["deleted"], "o/r");
    let asked: Vec<_> = log.borrow().iter().map(|r| format!("{} {}", r.method(), r.url())).collect();
    let expected =
        ["DELETE https://api.github.com/repos/o/r/issues/comments/9", "DELETE https://api.github.com/repos/o/r"];
    assert_eq!(asked, expected);
    let long = format!(r#"{{"owner":"o","repo":"r","number":1,"body":"{}"}}"#, "x".repeat(65_537));
    assert!(failure::<comment>(&long).contains("65536"));
    assert!(failure::<create_issue>(r#"{"owner":"o","repo":"r","title":" "}"#).contains("a title has"));
}

#[test]
fn errors_say_what_the_api_said_and_what_to_do() {
    let limit = |status: u16, headers: &'static [(&str, &str)], message: &'static str| {
        move || {
            let body = json!({ "message": message, "documentation_url": "https://docs.github.com/rest" }).to_string();
            headers.iter().fold(Response::new(status), |r, (n, v)| r.with_header(n, v)).with_body(body)
        }
    };
    type Row = (Box<dyn FnMut() -> Response>, &'static str);
    let rows: Vec<Row> = vec![
        (Box::new(limit(401, &[], "Bad credentials")), "401: Bad credentials. The credential that the hub added"),
        (Box::new(limit(403, &[], "Resource not accessible")), "may not do this See https://docs.github.com/rest"),
        (Box::new(limit(403, &[("retry-after", "30")], "You have exceeded a secondary rate limit")), "wait 30 seconds"),
        (
            Box::new(limit(
                403,
                &[
                    ("x-ratelimit-limit", "60"),
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", "1767225600"),
                    ("x-ratelimit-resource", "search"),
                ],
                "API rate limit exceeded",
            )),
            "The rate limit of 60 requests (search) is used up: ask again from 2026-01-01T00:00:00Z on",
        ),
        (Box::new(limit(429, &[], "Slow down")), "at least 60 seconds"),
        (Box::new(limit(403, &[], "You have exceeded a secondary rate limit")), "at least 60 seconds"),
        (Box::new(limit(404, &[], "Not Found")), "or the credential may not see it"),
        (Box::new(limit(410, &[], "Issues are disabled for this repo")), "is gone, or is turned off"),
        (Box::new(|| Response::new(502).with_body("<html>")), "GitHub answered 502. This is GitHub's own trouble"),
        (Box::new(|| Response::new(418)), "GitHub answered 418."),
        (Box::new(|| Response::new(301).with_header("location", "https://api.github.com/repositories/1")), "moved to"),
        (
            Box::new(|| {
                Response::new(422).with_body(
                    json!({ "message": "Validation Failed", "errors": [
                        { "resource": "Issue", "field": "title", "code": "missing_field" }, "and words"] })
                    .to_string(),
                )
            }),
            "422: Validation Failed (Issue title missing_field; and words). Correct what is named",
        ),
        (Box::new(|| Response::new(200).with_body("{")), "is not the JSON it should be"),
        (Box::new(|| Response::new(200).with_body(vec![b' '; 9 << 20])), "has more than"),
    ];
    for (answer, words) in rows {
        let (_, _served) = answers(answer);
        let said = failure::<list_issues>(REPO);
        assert!(said.contains(words), "{said}\nand not: {words}");
    }
    let _served = serve(|_| Err(Error::failed("HTTP-request-denied")));
    assert!(failure::<delete_repo>(REPO).contains("Only its operator can grant it"));
}

#[test]
fn hints_tell_readers_from_writers() {
    let hints = |entry: Entry| (entry.name, entry.hints.read_only, entry.hints.destructive, entry.hints.open_world);
    for (entry, read_only, destructive) in [
        (Entry::of::<list_issues>(), true, None),
        (Entry::of::<list_pull_requests>(), true, None),
        (Entry::of::<get_file>(), true, None),
        (Entry::of::<search_code>(), true, None),
        (Entry::of::<create_issue>(), false, Some(false)),
        (Entry::of::<comment>(), false, Some(false)),
        (Entry::of::<delete_issue_comment>(), false, Some(true)),
        (Entry::of::<delete_repo>(), false, Some(true)),
    ] {
        let name = entry.name;
        let schema: Value = from_str(&(entry.output_schema)().unwrap()).unwrap();
        assert_eq!(schema["type"], "object", "{name}");
        assert_eq!(hints(entry), (name, Some(read_only), destructive, Some(true)));
    }
}
