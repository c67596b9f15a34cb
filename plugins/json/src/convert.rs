//! From one format to another, through JSON's own data model. What it cannot hold is an error, not a guess.

use crate::{MAX_ANSWER_BYTES, cut};
use safeclaw_sdk::prelude::*;
use serde_json::{Map, Number, Value};

/// A text format.
#[arguments]
#[derive(Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// JSON.
    Json,
    /// YAML 1.2, one document.
    Yaml,
    /// TOML 1.1; its dates become text.
    Toml,
    /// CSV with a header line; all values are text.
    Csv,
}

/// What to convert.
#[arguments]
pub(crate) struct Convert {
    /// The text.
    text: String,
    /// What it is in.
    from: Format,
    /// What is wanted.
    to: Format,
}

/// The converted text.
#[result]
pub(crate) struct Converted {
    /// In the format that was wanted.
    text: String,
}

/// Converts between JSON, YAML, TOML and CSV. CSV is an array of objects whose keys are its header.
#[tool(title = "Convert data", read_only, idempotent)]
pub(crate) fn json_convert(args: Convert) -> Result<Converted> {
    let value = match args.from {
        Format::Json => serde_json::from_str(&args.text).context("the text is not JSON")?,
        Format::Yaml => from_yaml(&args.text)?,
        Format::Toml => from_toml(
            toml::from_str(&args.text).map_err(|e| anyhow!("the text is not TOML: {}", cut(&e.to_string())))?,
        )?,
        Format::Csv => from_csv(&args.text)?,
    };
    let text = match args.to {
        Format::Json => serde_json::to_string_pretty(&value)?,
        Format::Yaml => serde_saphyr::to_string(&value)?,
        Format::Toml => {
            ensure!(value.is_object(), "TOML is a table: only an object can become it");
            toml::to_string_pretty(&value)
                .context("TOML cannot say this (it has no null, and integers have 64 bits)")?
        }
        Format::Csv => to_csv(&value)?,
    };
    ensure!(
        text.len() <= MAX_ANSWER_BYTES,
        "the result has {} bytes, over {MAX_ANSWER_BYTES}; convert it in parts",
        text.len()
    );
    Ok(Converted { text })
}

fn from_yaml(text: &str) -> Result<Value> {
    // The reader bounds depth and what aliases expand to. `no` is a text since YAML 1.2.
    let options = serde_saphyr::options! { strict_booleans: true };
    let value = serde_saphyr::from_str_with_options(text, options)
        .map_err(|e| anyhow!("the text is not YAML of one document: {}", cut(&e.to_string())))?;
    Ok(value)
}

fn from_toml(value: toml::Value) -> Result<Value> {
    Ok(match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => Value::Number(Number::from_f64(number).context("JSON has neither nan nor inf")?),
        toml::Value::Boolean(boolean) => boolean.into(),
        toml::Value::Datetime(moment) => Value::String(moment.to_string()),
        toml::Value::Array(items) => Value::Array(items.into_iter().map(from_toml).collect::<Result<_>>()?),
        toml::Value::Table(table) => {
            Value::Object(table.into_iter().map(|(key, value)| Ok((key, from_toml(value)?))).collect::<Result<_>>()?)
        }
    })
}

fn from_csv(text: &str) -> Result<Value> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().context("the text is not CSV")?.clone();
    let mut rows = Vec::new();
    for record in reader.into_records() {
        let record = record.context("the text is not CSV with a header")?;
        let row: Map<_, _> = header.iter().zip(&record).map(|(key, value)| (key.to_owned(), value.into())).collect();
        ensure!(
            row.len() == header.len(),
            "the header has a name twice: {}",
            cut(&header.iter().collect::<Vec<_>>().join(","))
        );
        rows.push(Value::Object(row));
    }
    Ok(Value::Array(rows))
}

fn to_csv(value: &Value) -> Result<String> {
    const SHAPE: &str = "only an array of objects, or of arrays, can become CSV";
    let rows = value.as_array().context(SHAPE)?;
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    if rows.iter().all(Value::is_object) {
        let objects = || rows.iter().filter_map(Value::as_object);
        let mut columns = Map::new();
        objects().flat_map(Map::keys).for_each(|key| drop(columns.insert(key.clone(), Value::Null)));
        ensure!(columns.len() <= 1000, "{} columns are too many for CSV", columns.len());
        if !columns.is_empty() {
            writer.write_record(columns.keys())?;
        }
        for row in objects() {
            writer.write_record(columns.keys().map(|key| cell(row.get(key))).collect::<Result<Vec<_>>>()?)?;
        }
    } else {
        for row in rows {
            let row = row.as_array().context(SHAPE)?;
            writer.write_record(row.iter().map(|value| cell(Some(value))).collect::<Result<Vec<_>>>()?)?;
        }
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

fn cell(value: Option<&Value>) -> Result<String> {
    Ok(match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(_) | Value::Object(_)) => {
            bail!("a CSV cell cannot hold an array or an object; flatten it first, with json_query")
        }
        Some(other) => other.to_string(),
    })
}
