//! jq, through jaq.

use crate::{MAX_ANSWER_BYTES, cut};
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, data::JustLut, unwrap_valr};
use jaq_json::{Val, read};
use safeclaw_sdk::prelude::*;
use serde_json::Value;

/// A filter and what it is applied to.
#[arguments]
pub(crate) struct Query {
    /// A jq filter, such as `.users[] | select(.age > 30) | .name`.
    filter: String,
    /// Any JSON value.
    json: Value,
}

/// What the filter gave.
#[result]
pub(crate) struct Results {
    /// One for each value that the filter yields.
    results: Vec<Value>,
    /// There are more; narrow the filter, or use `limit` and `skip`.
    truncated: bool,
}

const MAX_RESULTS: usize = 1000;
const MAX_FILTER_BYTES: usize = 8 << 10;
/// The parser of filters recurses: a filter of brackets alone would fill the stack.
const MAX_FILTER_DEPTH: i32 = 100;

/// Applies a jq filter to JSON.
#[tool(title = "Query JSON", read_only, idempotent)]
pub(crate) fn json_query(args: Query) -> Result<Results> {
    ensure!(args.filter.len() <= MAX_FILTER_BYTES, "a filter has at most {MAX_FILTER_BYTES} bytes");
    ensure!(depth(&args.filter) <= MAX_FILTER_DEPTH, "a filter has at most {MAX_FILTER_DEPTH} open brackets at once");
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let arena = Arena::default();
    let file = File { code: args.filter.as_str(), path: () };
    let modules = Loader::new(defs).load(&arena, file).map_err(|errors| {
        let first = errors.into_iter().next().map(|(_, error)| explain(error, &args.filter));
        anyhow!("the filter is not jq: {}", first.unwrap_or_default())
    })?;
    let filter = Compiler::default().with_funs(funs).compile(modules).map_err(|errors| {
        let first = errors.into_iter().flat_map(|(_, errors)| errors).next();
        let what = first.map(|(name, kind)| format!("{} {}", kind.as_str(), cut(name)));
        anyhow!("the filter uses an unknown {}", what.unwrap_or_default())
    })?;
    let input = read::parse_single(args.json.to_string().as_bytes())?;
    let context = Ctx::<JustLut<Val>>::new(&filter.lut, Vars::new([]));
    let (mut results, mut bytes) = (Vec::new(), 0);
    for value in filter.id.run((context, input)).map(unwrap_valr) {
        let value = value.map_err(|error| anyhow!("the filter failed: {}", cut(&error.to_string())))?;
        let text = value.to_string();
        bytes += text.len();
        if results.len() == MAX_RESULTS || bytes > MAX_ANSWER_BYTES {
            ensure!(
                !results.is_empty(),
                "one result alone has {bytes} bytes, over {MAX_ANSWER_BYTES}; narrow the filter"
            );
            return Ok(Results { results, truncated: true });
        }
        // jaq also has byte strings, NaN and keys that are no strings.
        results.push(serde_json::from_str(&text).with_context(|| format!("a result is not JSON: {}", cut(&text)))?);
    }
    Ok(Results { results, truncated: false })
}

/// The most brackets that are open at once; those in strings count too, which only ever refuses more.
fn depth(filter: &str) -> i32 {
    let mut open = 0_i32;
    let steps = filter.chars().map(|c| match c {
        '(' | '[' | '{' => 1,
        ')' | ']' | '}' => -1,
        _ => 0,
    });
    steps
        .map(|step| {
            open = (open + step).max(0);
            open
        })
        .max()
        .unwrap_or(0)
}

fn explain(error: load::Error<&str>, filter: &str) -> String {
    let expected = |what: &str, found: &str| {
        let at = if found.is_empty() { "at its end".to_owned() } else { format!("before {:?}", cut(found)) };
        format!("expected {what} {at}")
    };
    match error {
        load::Error::Io(errors) => errors.first().map(|(path, why)| format!("module {path}: {why}")),
        // The lexer's own words panic for what is none of its brackets, so they are not asked for.
        load::Error::Lex(errors) => errors.first().map(|(_, found)| expected("a token or a closing bracket", found)),
        load::Error::Parse(errors) => errors.first().map(|(what, found)| expected(what.as_str(), found)),
    }
    .unwrap_or_else(|| cut(filter))
}
