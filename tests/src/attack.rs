//! Attacks of guests as data: each row of `tests/attacks/*.toml` says what is tried, what the guest sees, what
//! the hub reports and what the audit log has. The player tries each one and compares word by word.

mod document;
mod host;
mod play;
mod said;
mod stage;

pub use document::document;
pub use play::play;

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A file of rows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Theme {
    /// A heading.
    pub title: String,
    /// What the attacks have in common, and what stops them.
    pub about: String,
    /// The tool of rows that name none.
    pub tool: Option<String>,
    /// What stops rows that do not say.
    pub wall: String,
    /// Lies in the workspace before the first row, in a directory that has the file's name.
    #[serde(default)]
    pub plant: Vec<host::Plant>,
    /// The rows, in order; they run one after the other in one session.
    pub attack: Vec<Row>,
}

/// An attack, or a control: the same without malice, which works and so shows that the attack did begin.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub name: String,
    #[serde(default)]
    pub control: bool,
    pub tool: Option<String>,
    #[serde(default)]
    pub arguments: toml::Table,
    /// The text of the arguments instead, in pieces, each so many times: what is no object cannot be a table.
    pub raw: Option<Vec<(String, usize)>>,
    #[serde(default = "attacker")]
    pub profile: String,
    pub wall: Option<String>,
    /// What the tool tells: its whole structured result if this is a table, its `outcome` if this is a text, the
    /// text of an answer that has neither. Nothing is told by a call that does not come to its end.
    pub sees: Option<toml::Value>,
    /// What the hub reports.
    #[serde(default = "answered")]
    pub hub: String,
    /// What the audit log says of the end; a denial comes with its reason.
    #[serde(default = "answered")]
    pub audit: String,
    /// What the call says on its way, as the hub passes it on.
    pub notes: Option<Vec<String>>,
    /// Bytes of it that were too much.
    pub dropped: Option<u64>,
    /// Members of the MCP result, as an agent gets it over HTTP.
    pub mcp: Option<toml::Table>,
    /// What the host does to the workspace meanwhile, again and again.
    pub race: Option<host::Race>,
    /// So many of these calls at once.
    #[serde(default = "once")]
    pub together: u32,
    /// All of it this often.
    #[serde(default = "once")]
    pub rounds: u32,
    /// A second call, after each.
    pub then: Option<Then>,
    /// Files of the workspace and what is in them afterwards; `-` stands for a file that is not there.
    #[serde(default)]
    pub left: BTreeMap<String, String>,
}

/// What is looked at after an attack.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Then {
    pub tool: String,
    #[serde(default)]
    pub arguments: toml::Table,
    pub sees: toml::Value,
}

fn attacker() -> String {
    "attacker".to_owned()
}

fn answered() -> String {
    "answered".to_owned()
}

fn once() -> u32 {
    1
}

impl Theme {
    /// Reads `tests/attacks/NAME.toml`.
    pub fn read(name: &str) -> Self {
        let path = folder().join(format!("{name}.toml"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// The tool of a row.
    pub fn tool<'a>(&'a self, row: &'a Row) -> &'a str {
        row.tool.as_deref().or(self.tool.as_deref()).unwrap_or_else(|| panic!("{}: no tool", row.name))
    }
}

impl Row {
    /// What the hub is sent.
    fn sent(&self) -> String {
        match &self.raw {
            Some(pieces) => pieces.iter().map(|(text, times)| text.repeat(*times)).collect(),
            None => json(&self.arguments),
        }
    }
}

fn json(table: &toml::Table) -> String {
    serde_json::to_string(table).expect("TOML is JSON")
}

/// What the hostile components offer: all of it is to be played.
pub fn shown_tools() -> Vec<String> {
    stage::STAGE.offered(&["hostile", "hostile-net"])
}

/// Where the rows are.
pub fn folder() -> PathBuf {
    crate::handed::repository().join("tests/attacks")
}
