//! What a schema may look like before anything compiles it.
//!
//! The attack: a component chooses its schema, and the agent that calls it the arguments. A reference
//! outside the document would be fetched, a cycle or a chain of doubling references would cost
//! exponential time for each call, and a long chain the stack.

use super::{Place, SchemaError};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// The longest schema text.
pub const MAX_SCHEMA_BYTES: usize = 64 << 10;
/// Nested arrays and objects in the text.
const MAX_DEPTH: usize = 32;
/// Nested values when every reference is replaced by what it names.
const MAX_EXPANDED_DEPTH: usize = 96;
/// Values when every reference is replaced by what it names: bounds the work for each value of an instance.
const MAX_EXPANDED_VALUES: usize = 20_000;
/// `pattern` and the keys of `patternProperties`; each compiles to a program of bounded size.
const MAX_PATTERNS: usize = 64;

/// Dialects whose references work as checked here.
const DIALECTS: [&str; 3] = [
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "http://json-schema.org/draft-07/schema",
];

/// A document within all bounds, and what checking with it costs.
pub(super) struct Bounded {
    pub(super) document: Value,
    /// Values when every reference is replaced by what it names.
    pub(super) parts: usize,
    /// Whether texts are matched against patterns: then their length costs.
    pub(super) patterns: bool,
}

/// The document, if it stays within all bounds.
pub(super) fn read(text: &str, place: Place) -> Result<Bounded, SchemaError> {
    if text.len() > MAX_SCHEMA_BYTES {
        return Err(SchemaError::Bytes(text.len()));
    }
    let document: Value = serde_json::from_str(text).map_err(|error| SchemaError::Json(error.to_string()))?;
    let Value::Object(root) = &document else {
        return Err(SchemaError::Shape("a schema is a JSON object"));
    };
    if place == Place::Input && root.get("type").and_then(Value::as_str) != Some("object") {
        return Err(SchemaError::Shape("a schema of arguments has `\"type\": \"object\"`"));
    }
    if depth(&document, MAX_DEPTH).is_none() {
        return Err(SchemaError::Large { what: "nesting", most: MAX_DEPTH });
    }
    let mut walk = Walk { patterns: 0, anchors: HashMap::new() };
    walk.keywords(&document, &mut Vec::new())?;
    if walk.patterns > MAX_PATTERNS {
        return Err(SchemaError::Large { what: "a number of patterns", most: MAX_PATTERNS });
    }
    let mut expansion =
        Expansion { document: &document, anchors: &walk.anchors, known: HashMap::new(), open: Vec::new() };
    let size = expansion.size(&document)?;
    if size.depth > MAX_EXPANDED_DEPTH {
        return Err(SchemaError::Large { what: "nesting through references", most: MAX_EXPANDED_DEPTH });
    }
    if size.values > MAX_EXPANDED_VALUES {
        return Err(SchemaError::Large { what: "a number of parts, references followed,", most: MAX_EXPANDED_VALUES });
    }
    let patterns = walk.patterns > 0;
    Ok(Bounded { document, parts: size.values, patterns })
}

/// The depth, or nothing where it is above `most`.
fn depth(value: &Value, most: usize) -> Option<usize> {
    let below: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(fields) => Box::new(fields.values()),
        _ => return Some(0),
    };
    let most = most.checked_sub(1)?;
    let mut deepest = 0;
    for item in below {
        deepest = deepest.max(depth(item, most)?);
    }
    Some(deepest + 1)
}

/// One look at every keyword. A keyword is taken for one wherever it stands with a string, also inside
/// of `default` or `enum`: what looks like a reference is treated as one.
struct Walk<'a> {
    patterns: usize,
    anchors: HashMap<&'a str, &'a Value>,
}

impl<'a> Walk<'a> {
    fn keywords(&mut self, value: &'a Value, at: &mut Vec<String>) -> Result<(), SchemaError> {
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.below(item, index.to_string(), at)?;
                }
            }
            Value::Object(fields) => {
                self.object(value, fields, at)?;
                for (name, item) in fields {
                    self.below(item, name.clone(), at)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn below(&mut self, item: &'a Value, name: String, at: &mut Vec<String>) -> Result<(), SchemaError> {
        at.push(name);
        self.keywords(item, at)?;
        at.pop();
        Ok(())
    }

    fn object(&mut self, value: &'a Value, fields: &'a Map<String, Value>, at: &[String]) -> Result<(), SchemaError> {
        let text = |key: &str| fields.get(key).and_then(Value::as_str);
        let refuse = |keyword, why| Err(SchemaError::Keyword { keyword, at: pointer(at), why });
        if text("$ref").is_some_and(|target| !target.starts_with('#')) {
            return refuse("$ref", "leads outside of the schema; nothing is ever fetched");
        }
        if text("$dynamicRef").is_some() {
            return refuse("$dynamicRef", "is not supported: its cost cannot be bounded beforehand");
        }
        if text("$recursiveRef").is_some() {
            return refuse("$recursiveRef", "is not supported: its cost cannot be bounded beforehand");
        }
        if text("$id").is_some() && !at.is_empty() {
            return refuse("$id", "inside of the schema would make another document of this part");
        }
        if let Some(dialect) = text("$schema")
            && (!at.is_empty() || !DIALECTS.contains(&dialect.trim_end_matches('#')))
        {
            return refuse("$schema", "names a dialect that is not known here");
        }
        for keyword in ["$anchor", "$dynamicAnchor"] {
            if let Some(name) = text(keyword) {
                self.anchors.insert(name, value);
            }
        }
        self.patterns += usize::from(text("pattern").is_some());
        self.patterns += fields.get("patternProperties").and_then(Value::as_object).map_or(0, Map::len);
        Ok(())
    }
}

/// Sizes with every reference followed.
struct Expansion<'a> {
    document: &'a Value,
    anchors: &'a HashMap<&'a str, &'a Value>,
    known: HashMap<*const Value, Size>,
    /// References that are being followed: meeting one again is a cycle.
    open: Vec<*const Value>,
}

#[derive(Debug, Clone, Copy)]
struct Size {
    values: usize,
    depth: usize,
}

impl<'a> Expansion<'a> {
    fn size(&mut self, value: &'a Value) -> Result<Size, SchemaError> {
        if let Some(size) = self.known.get(&std::ptr::from_ref(value)) {
            return Ok(*size);
        }
        let mut size = Size { values: 1, depth: 1 };
        match value {
            Value::Array(items) => {
                for item in items {
                    size.add(self.size(item)?);
                }
            }
            Value::Object(fields) => {
                for item in fields.values() {
                    size.add(self.size(item)?);
                }
                if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                    size.add(self.follow(reference)?);
                }
                self.known.insert(std::ptr::from_ref(value), size);
            }
            _ => {}
        }
        Ok(size)
    }

    fn follow(&mut self, reference: &str) -> Result<Size, SchemaError> {
        let refuse = |why| SchemaError::Keyword { keyword: "$ref", at: reference.chars().take(80).collect(), why };
        let target = self.target(reference).ok_or_else(|| refuse("names nothing in the schema"))?;
        let place = std::ptr::from_ref(target);
        if self.open.contains(&place) {
            return Err(refuse("leads back to itself: a schema that repeats itself has no bound on its cost"));
        }
        if self.open.len() >= MAX_EXPANDED_DEPTH {
            return Err(SchemaError::Large { what: "nesting through references", most: MAX_EXPANDED_DEPTH });
        }
        self.open.push(place);
        let size = self.size(target)?;
        self.open.pop();
        Ok(size)
    }

    fn target(&self, reference: &str) -> Option<&'a Value> {
        let fragment = reference.strip_prefix('#')?;
        if fragment.is_empty() || fragment.starts_with('/') {
            return self.document.pointer(&percent_decoded(fragment)?);
        }
        self.anchors.get(fragment).copied()
    }
}

impl Size {
    fn add(&mut self, below: Self) {
        self.values = self.values.saturating_add(below.values);
        self.depth = self.depth.max(below.depth.saturating_add(1));
    }
}

/// RFC 3986 §2.1: a pointer in a fragment may escape characters.
fn percent_decoded(fragment: &str) -> Option<String> {
    let mut bytes = fragment.bytes();
    let mut decoded = Vec::with_capacity(fragment.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            decoded.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

fn pointer(at: &[String]) -> String {
    let whole: String = at.iter().flat_map(|name| ["/", name]).collect();
    whole.chars().take(80).collect()
}
