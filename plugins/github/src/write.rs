//! The tools that change something.

use crate::api::{change, delete, request};
use crate::limits::{BODY_CHARS, TITLE_CHARS};
use crate::name;
use crate::shape::{Issue, RawComment, RawIssue};
use safeclaw_sdk::prelude::*;
use safeclaw_sdk::serde_json::{Map, Value};

/// The issue to be.
#[arguments]
pub(crate) struct CreateIssue {
    /// The owner's login.
    owner: String,
    /// The repository's name, without the owner.
    repo: String,
    /// One line.
    title: String,
    /// The text, in Markdown.
    body: Option<String>,
    /// Names of labels. Without push access GitHub drops them in silence.
    #[serde(default)]
    labels: Vec<String>,
    /// Logins. Without push access GitHub drops them in silence.
    #[serde(default)]
    assignees: Vec<String>,
    /// The number of a milestone.
    milestone: Option<u64>,
}

/// Opens an issue.
#[tool(title = "Create an issue", read_only = false, destructive = false, idempotent = false, open_world)]
pub(crate) fn create_issue(args: CreateIssue) -> Result<Issue> {
    let repository = name::repository(&args.owner, &args.repo)?;
    ensure!(
        !args.title.trim().is_empty() && args.title.chars().count() <= TITLE_CHARS,
        "a title has 1 to {TITLE_CHARS} characters"
    );
    let mut body = Map::new();
    body.insert("title".into(), args.title.into());
    if let Some(text) = args.body {
        body.insert("body".into(), checked(text)?.into());
    }
    for (key, list) in [("labels", args.labels), ("assignees", args.assignees)] {
        if !list.is_empty() {
            body.insert(key.into(), list.into());
        }
    }
    if let Some(number) = args.milestone {
        body.insert("milestone".into(), number.into());
    }
    let asked = request("POST", &format!("/repos/{repository}/issues")).json(&Value::Object(body))?;
    Ok(change::<RawIssue>(asked)?.into())
}

/// The comment to be.
#[arguments]
pub(crate) struct Comment {
    /// The owner's login.
    owner: String,
    /// The repository's name, without the owner.
    repo: String,
    /// The number of the issue or pull request.
    number: u64,
    /// The text, in Markdown.
    body: String,
}

/// A comment that was made.
#[result]
pub(crate) struct Commented {
    /// Its id, as delete_issue_comment takes it.
    comment_id: u64,
    url: String,
    created_at: String,
}

/// Comments on an issue or a pull request.
#[tool(title = "Comment", read_only = false, destructive = false, idempotent = false, open_world)]
pub(crate) fn comment(args: Comment) -> Result<Commented> {
    let repository = name::repository(&args.owner, &args.repo)?;
    ensure!(!args.body.trim().is_empty(), "a comment has a text");
    let body = Value::Object(Map::from_iter([("body".to_owned(), checked(args.body)?.into())]));
    let asked = request("POST", &format!("/repos/{repository}/issues/{}/comments", args.number)).json(&body)?;
    let made: RawComment = change(asked)?;
    Ok(Commented { comment_id: made.id, url: made.html_url, created_at: made.created_at })
}

fn checked(text: String) -> Result<String> {
    ensure!(text.chars().count() <= BODY_CHARS, "a text has at most {BODY_CHARS} characters");
    Ok(text)
}

/// Which comment.
#[arguments]
pub(crate) struct DeleteIssueComment {
    /// The owner's login.
    owner: String,
    /// The repository's name, without the owner.
    repo: String,
    /// The comment's id, not the issue's number.
    comment_id: u64,
}

/// What was deleted.
#[result]
pub(crate) struct Deleted {
    /// What it was.
    deleted: String,
}

/// Deletes a comment of an issue or a pull request, for good.
#[tool(title = "Delete a comment", read_only = false, destructive, idempotent = false, open_world)]
pub(crate) fn delete_issue_comment(args: DeleteIssueComment) -> Result<Deleted> {
    let repository = name::repository(&args.owner, &args.repo)?;
    delete(&format!("/repos/{repository}/issues/comments/{}", args.comment_id))?;
    Ok(Deleted { deleted: format!("comment {} of {repository}", args.comment_id) })
}

/// Which repository.
#[arguments]
pub(crate) struct DeleteRepo {
    /// The owner's login.
    owner: String,
    /// The repository's name, without the owner.
    repo: String,
}

/// Deletes a repository with its issues, pull requests and history, for good.
#[tool(title = "Delete a repository", read_only = false, destructive, idempotent = false, open_world)]
pub(crate) fn delete_repo(args: DeleteRepo) -> Result<Deleted> {
    let repository = name::repository(&args.owner, &args.repo)?;
    delete(&format!("/repos/{repository}"))?;
    Ok(Deleted { deleted: repository })
}
