//! GitHub's REST API: issues, pull requests, files, code. The hub adds the credential; this component has none.
//!
//! Another GitHub than the public one is named by the environment variable `GITHUB_API_URL`, which an operator grants.
#![forbid(unsafe_code)]

mod api;
mod limits;
mod name;
mod page;
mod read;
mod shape;
mod write;

use read::{get_file, list_issues, list_pull_requests, search_code};
use safeclaw_sdk::prelude::*;
use write::{comment, create_issue, delete_issue_comment, delete_repo};

plugin!(
    list_issues,
    list_pull_requests,
    get_file,
    search_code,
    create_issue,
    comment,
    delete_issue_comment,
    delete_repo
);

#[cfg(test)]
mod tests;
