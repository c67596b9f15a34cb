//! What `#[tool]` makes of a function, and how a call finds it.

use crate::answer::Answer;
use crate::reply::{Reply, schema};
use anyhow::{Context as _, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Hints for display; they never decide anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hints {
    /// Changes nothing.
    pub read_only: Option<bool>,
    /// May destroy something.
    pub destructive: Option<bool>,
    /// Doing it twice is as doing it once.
    pub idempotent: Option<bool>,
    /// Talks to something outside.
    pub open_world: Option<bool>,
}

/// A tool; `#[tool]` implements it.
pub trait Tool {
    /// 1 to 128 of `A-Z a-z 0-9 _ . -`.
    const NAME: &'static str;
    /// For people.
    const TITLE: Option<&'static str>;
    /// For the model: the doc comment.
    const DESCRIPTION: &'static str;
    /// For display.
    const HINTS: Hints;
    /// The argument struct.
    type Arguments: DeserializeOwned + JsonSchema;
    /// What the function returns inside its `Result`.
    type Output: Reply;
    /// Runs it.
    ///
    /// # Errors
    /// What the agent is told when the tool cannot do it.
    fn run(arguments: Self::Arguments) -> Result<Self::Output>;
}

/// The arguments of a tool that takes none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoArguments {}

/// Any `Result` whose error can be shown.
pub trait ToolResult {
    /// The success type.
    type Output;
    /// With the error in one shape.
    ///
    /// # Errors
    /// The function's own error.
    fn into_result(self) -> Result<Self::Output>;
}

impl<T, E: Into<anyhow::Error>> ToolResult for std::result::Result<T, E> {
    type Output = T;
    fn into_result(self) -> Result<T> {
        self.map_err(Into::into)
    }
}

/// A row of a plugin's table of tools.
pub struct Entry {
    /// [`Tool::NAME`].
    pub name: &'static str,
    /// [`Tool::TITLE`].
    pub title: Option<&'static str>,
    /// [`Tool::DESCRIPTION`].
    pub description: &'static str,
    /// [`Tool::HINTS`].
    pub hints: Hints,
    /// JSON Schema of the arguments.
    pub input_schema: fn() -> String,
    /// JSON Schema of the structured result.
    pub output_schema: fn() -> Option<String>,
    /// Runs it with the text of a JSON object.
    pub call: fn(&str) -> Answer,
}

impl Entry {
    /// The row of a tool.
    #[must_use]
    pub const fn of<T: Tool>() -> Self {
        Self {
            name: T::NAME,
            title: T::TITLE,
            description: T::DESCRIPTION,
            hints: T::HINTS,
            input_schema: || schema::<T::Arguments>().as_value().to_string(),
            output_schema: <T::Output as Reply>::output_schema,
            call: call::<T>,
        }
    }
}

/// Calls a tool as its host would, with the text of a JSON object: for tests.
#[must_use]
pub fn call<T: Tool>(arguments: &str) -> Answer {
    let run = || {
        let arguments = serde_json::from_str(arguments).context("the arguments do not fit")?;
        T::run(arguments)?.into_answer()
    };
    // The whole chain: an agent can only act on what it is told.
    run().unwrap_or_else(|error: anyhow::Error| Answer::text(format!("{error:#}")).failed())
}
