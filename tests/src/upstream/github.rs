//! GitHub's REST API as it is documented, for one repository: `octo/claw`. `octo/quiet` has issues turned off,
//! `octo/guarded` may not be deleted, and others do not exist.

use super::{Received, Reply, Shared, lock};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What is in the repository.
pub(super) struct State {
    issues: Vec<Value>,
    comments: Vec<u64>,
    deleted: bool,
}

impl Default for State {
    fn default() -> Self {
        let issues = (1..=5).map(|number| issue(number, &format!("Issue {number}"), "Found by a test.", number == 4));
        Self { issues: issues.collect(), comments: vec![1], deleted: false }
    }
}

fn issue(number: u64, title: &str, body: &str, is_pull: bool) -> Value {
    let mut issue = json!({
        "id": 1000 + number, "node_id": "I_x", "number": number, "title": title, "state": "open", "locked": false,
        "user": { "login": "octocat", "id": 1, "type": "User" }, "labels": [{ "id": 9, "name": "bug", "color": "d73a4a" }],
        "assignees": [], "milestone": null, "comments": 0, "body": body, "closed_at": null,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-02T00:00:00Z",
        "html_url": format!("https://github.com/octo/claw/issues/{number}"), "author_association": "OWNER",
    });
    if is_pull {
        issue["pull_request"] = json!({ "url": "https://api.github.com/repos/octo/claw/pulls/4" });
    }
    issue
}

fn pull(number: u64) -> Value {
    let side =
        |branch: &str| json!({ "label": format!("octo:{branch}"), "ref": branch, "sha": "6dcb09b5b5", "repo": null });
    json!({
        "id": 2000 + number, "number": number, "title": format!("Pull {number}"), "state": "open", "draft": number == 1,
        "user": { "login": "octocat", "id": 1 }, "head": side("topic"), "base": side("main"), "body": null,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-02T00:00:00Z", "merged_at": null,
        "html_url": format!("https://github.com/octo/claw/pull/{number}"),
    })
}

/// As it answers errors.
fn problem(status: u16, message: &str) -> Reply {
    let docs = "https://docs.github.com/rest";
    Reply::json(status, &json!({ "message": message, "documentation_url": docs, "status": status.to_string() }))
}

pub(super) fn answer(shared: &Shared, asked: &Received) -> Reply {
    let reply = match asked.header("authorization") {
        _ if asked.header("user-agent").is_empty() => {
            return Reply::text(
                403,
                "Request forbidden by administrative rules. Please make sure your request has a User-Agent header",
            );
        }
        "" => problem(401, "Requires authentication"),
        sent if sent != format!("Bearer {}", shared.token) => problem(401, "Bad credentials"),
        _ => routed(shared, asked),
    };
    reply
        .header("x-github-media-type", "github.v3; format=json")
        .header("x-ratelimit-limit", "5000")
        .header("x-ratelimit-remaining", "4987")
        .header("x-ratelimit-reset", "1767225600")
        .header("x-ratelimit-resource", "core")
}

fn routed(shared: &Shared, asked: &Received) -> Reply {
    let mut state = lock(&shared.github);
    let parts: Vec<&str> = asked.place().split('/').skip(1).collect();
    if let ["search", "code"] = parts.as_slice() {
        return search(shared, asked);
    }
    let ["repos", owner, repo, rest @ ..] = parts.as_slice() else { return problem(404, "Not Found") };
    let known = *owner == "octo" && ["claw", "quiet", "guarded"].contains(repo);
    if !known || (*repo == "claw" && state.deleted) {
        return problem(404, "Not Found");
    }
    match (asked.method.as_str(), rest) {
        ("GET" | "POST", ["issues"]) if *repo == "quiet" => {
            problem(410, "Issues has been disabled in this repository.")
        }
        ("GET", ["issues"]) => listed(shared, asked, state.issues.clone()),
        ("GET", ["pulls"]) => listed(shared, asked, (1..=3).map(pull).collect()),
        ("GET", ["contents", path @ ..]) => contents(asked, &path.join("/")),
        ("POST", ["issues"]) => created(&mut state, asked),
        ("POST", ["issues", number, "comments"]) => {
            let number: u64 = number.parse().unwrap_or(0);
            if !state.issues.iter().any(|issue| issue["number"] == number) {
                return problem(404, "Not Found");
            }
            let id = state.comments.iter().max().copied().unwrap_or(0) + 1;
            state.comments.push(id);
            let url = format!("https://github.com/octo/claw/issues/{number}#issuecomment-{id}");
            Reply::json(
                201,
                &json!({ "id": id, "html_url": url, "created_at": "2026-01-03T00:00:00Z", "body": sent(asked)["body"] }),
            )
        }
        ("DELETE", ["issues", "comments", id]) => {
            let id: u64 = id.parse().unwrap_or(0);
            let before = state.comments.len();
            state.comments.retain(|comment| *comment != id);
            if state.comments.len() < before { Reply::empty(204) } else { problem(404, "Not Found") }
        }
        ("DELETE", []) if *repo == "guarded" => problem(403, "Must have admin rights to Repository."),
        ("DELETE", []) => {
            state.deleted = true;
            Reply::empty(204)
        }
        _ => problem(404, "Not Found"),
    }
}

fn sent(asked: &Received) -> Value {
    serde_json::from_slice(&asked.body).unwrap_or_default()
}

fn created(state: &mut State, asked: &Received) -> Reply {
    let sent = sent(asked);
    let Some(title) = sent["title"].as_str().filter(|title| !title.is_empty()) else {
        let errors = json!([{ "resource": "Issue", "code": "missing_field", "field": "title" }]);
        return Reply::json(422, &json!({ "message": "Validation Failed", "errors": errors, "status": "422" }));
    };
    let made = issue(state.issues.len() as u64 + 1, title, sent["body"].as_str().unwrap_or_default(), false);
    state.issues.push(made.clone());
    Reply::json(201, &made)
}

/// A page of a list, with `Link` and `ETag`; or that nothing has changed.
fn listed(shared: &Shared, asked: &Received, all: Vec<Value>) -> Reply {
    let number = |name: &str, otherwise: usize| asked.query(name).and_then(|n| n.parse().ok()).unwrap_or(otherwise);
    let (per_page, page) = (number("per_page", 30).clamp(1, 100), number("page", 1).max(1));
    let last = all.len().div_ceil(per_page).max(1);
    let shown: Vec<Value> = all.into_iter().skip((page - 1) * per_page).take(per_page).collect();
    let reply = tagged(asked, &json!(shown));
    let to = |page: usize, rel: &str| {
        let url = shared.url(&format!("{}?per_page={per_page}&page={page}", asked.place()));
        format!("<{url}>; rel=\"{rel}\"")
    };
    let mut links = Vec::new();
    if page > 1 {
        links.extend([to(page - 1, "prev"), to(1, "first")]);
    }
    if page < last {
        links.extend([to(page + 1, "next"), to(last, "last")]);
    }
    if links.is_empty() { reply } else { reply.header("link", links.join(", ")) }
}

fn tagged(asked: &Received, value: &Value) -> Reply {
    let etag = format!("W/\"{}\"", hex::encode(&Sha256::digest(value.to_string())[..16]));
    if asked.header("if-none-match") == etag {
        return Reply::empty(304).header("etag", etag);
    }
    Reply::json(200, value).header("etag", etag)
}

fn contents(asked: &Received, path: &str) -> Reply {
    let file = |path: &str, bytes: &[u8]| {
        let mut content = String::new();
        for line in STANDARD.encode(bytes).as_bytes().chunks(60) {
            content.push_str(&String::from_utf8_lossy(line));
            content.push('\n');
        }
        json!({ "type": "file", "name": path.rsplit('/').next(), "path": path, "size": bytes.len(), "sha": "3d21ec53",
            "html_url": format!("https://github.com/octo/claw/blob/main/{path}"), "encoding": "base64", "content": content })
    };
    let entry = |kind: &str, name: &str, size: u64| json!({ "type": kind, "name": name, "path": name, "size": size, "sha": "7c1" });
    match path {
        "" => tagged(asked, &json!([entry("dir", "src", 0), entry("file", "README.md", 22)])),
        "README.md" => tagged(asked, &file(path, b"# Claw\n\nIt has claws.\n")),
        "src/a%20b.bin" => tagged(asked, &file("src/a b.bin", &[0xff, 0xfe, 0])),
        // Above 1 MB the content is left out.
        "large.bin" => Reply::json(
            200,
            &json!({ "type": "file", "name": path, "path": path, "size": 2_000_000, "sha": "9",
            "html_url": null, "encoding": "none", "content": "" }),
        ),
        _ => problem(404, "Not Found"),
    }
}

fn search(shared: &Shared, asked: &Received) -> Reply {
    let Some(query) = asked.query("q").filter(|query| !query.is_empty()) else {
        let errors = json!([{ "resource": "Search", "field": "q", "code": "missing" }]);
        return Reply::json(422, &json!({ "message": "Validation Failed", "errors": errors, "status": "422" }));
    };
    let hit = |number: u64| {
        let mut hit = json!({ "name": "x.rs", "path": format!("src/{number}.rs"), "sha": "b1", "score": 1.0,
            "html_url": format!("https://github.com/octo/claw/blob/main/src/{number}.rs"),
            "repository": { "id": 1, "full_name": "octo/claw" } });
        if asked.header("accept").contains("text-match") {
            hit["text_matches"] = json!([{ "object_type": "FileContent", "property": "content", "fragment": format!("… {query} …"), "matches": [] }]);
        }
        hit
    };
    let reply = listed(shared, asked, (1..=3).map(hit).collect());
    if reply.status != 200 {
        return reply;
    }
    let super::reply::Content::Whole(items) = &reply.content else { return reply };
    let items: Value = serde_json::from_slice(items).unwrap_or_default();
    let found = json!({ "total_count": 3, "incomplete_results": false, "items": items });
    reply.body(found.to_string().as_bytes())
}
