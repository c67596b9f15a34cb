//! JSON Schema, without fetching anything and with a linear-time engine for patterns.

use crate::cut;
use jsonschema::PatternOptions;
use safeclaw_sdk::prelude::*;
use serde_json::Value;

/// A schema and what is checked against it.
#[arguments]
pub(crate) struct Validate {
    /// JSON Schema; draft 2020-12 unless `$schema` says another. `$ref` works inside it only.
    schema: Value,
    /// Any JSON value.
    json: Value,
}

/// Whether it fits.
#[result]
pub(crate) struct Validity {
    /// It fits.
    valid: bool,
    /// Why not; at most 50.
    errors: Vec<Violation>,
    /// There are more.
    truncated: bool,
}

/// One place that does not fit.
#[result]
pub(crate) struct Violation {
    /// JSON pointer into the value; empty for the whole of it.
    at: String,
    /// JSON pointer into the schema.
    rule: String,
    /// What is wrong.
    message: String,
}

const MAX_ERRORS: usize = 50;

/// Checks JSON against a JSON Schema.
#[tool(title = "Validate JSON", read_only, idempotent)]
pub(crate) fn json_validate(args: Validate) -> Result<Validity> {
    let options = jsonschema::options().with_pattern_options(PatternOptions::regex().size_limit(1 << 20)).offline();
    let validator = options
        .build(&args.schema)
        .map_err(|error| anyhow!("the schema cannot be used: {}", cut(&error.to_string())))?;
    let mut found = validator.iter_errors(&args.json);
    let errors: Vec<_> = found
        .by_ref()
        .take(MAX_ERRORS)
        .map(|error| Violation {
            at: cut(&error.instance_path().to_string()),
            rule: cut(&error.schema_path().to_string()),
            message: cut(&error.to_string()),
        })
        .collect();
    Ok(Validity { valid: errors.is_empty(), truncated: found.next().is_some(), errors })
}
