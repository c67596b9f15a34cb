//! Files below the granted directories. Every answer is bounded and says how to go on, and every refusal
//! names the path as this tool sees it. Symlinks are named, never followed out: the sandbox sees to that.
#![forbid(unsafe_code)]

mod change;
mod look;
mod place;
mod read;
mod search;

use change::{files_delete, files_edit, files_move, files_write};
use look::{files_list, files_stat};
use read::files_read;
use search::files_search;

safeclaw_sdk::plugin!(
    files_list,
    files_stat,
    files_read,
    files_search,
    files_write,
    files_edit,
    files_move,
    files_delete,
);

#[cfg(test)]
mod tests;
