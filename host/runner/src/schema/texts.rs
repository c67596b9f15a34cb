//! Whether a schema looks into texts. Most only say where a text stands; then an instance is read without copying
//! its texts, of which there may be a megabyte.

use serde_json::{Map, Value};

/// What of an instance's texts is kept for the check. Keys always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Texts {
    /// As they stand.
    Kept,
    /// Each is read, and as good as an empty one.
    Dropped,
}

/// Keywords whose value is a schema, or a list of them.
const SCHEMAS: [&str; 13] = [
    "additionalProperties",
    "allOf",
    "anyOf",
    "contains",
    "else",
    "if",
    "items",
    "not",
    "oneOf",
    "prefixItems",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
/// Keywords whose value is an object of schemas.
const NAMED: [&str; 4] = ["$defs", "definitions", "dependentSchemas", "properties"];
/// Keywords for which all texts are the same. `format` is one because it is never checked here.
const BLIND: [&str; 26] = [
    "$anchor",
    "$comment",
    "$id",
    "$schema",
    "default",
    "dependentRequired",
    "deprecated",
    "description",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxContains",
    "maxItems",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minProperties",
    "minimum",
    "multipleOf",
    "readOnly",
    "required",
    "title",
    "type",
    "writeOnly",
];

/// What a schema needs. Any keyword that is not known here to be blind keeps the texts: `const`, `enum`, `pattern`,
/// `minLength`, `uniqueItems` and so on; and `$ref`, which could lead to a schema below `examples`.
pub(super) fn needed(schema: &Value) -> Texts {
    if blind(schema) { Texts::Dropped } else { Texts::Kept }
}

fn blind(schema: &Value) -> bool {
    match schema {
        Value::Object(keywords) => keywords.iter().all(|(keyword, value)| {
            let keyword = keyword.as_str();
            BLIND.contains(&keyword)
                || SCHEMAS.contains(&keyword) && blind(value)
                || NAMED.contains(&keyword) && value.as_object().is_some_and(named)
        }),
        Value::Array(schemas) => schemas.iter().all(blind),
        Value::Bool(_) => true,
        _ => false,
    }
}

fn named(schemas: &Map<String, Value>) -> bool {
    schemas.values().all(blind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whatever_may_look_into_a_text_keeps_the_texts() {
        for keyword in [
            json!({"const": "a"}),
            json!({"enum": ["a"]}),
            json!({"pattern": "a"}),
            json!({"minLength": 1}),
            json!({"maxLength": 1}),
            json!({"uniqueItems": true}),
            json!({"contentEncoding": "base64"}),
            json!({"contentMediaType": "application/json"}),
            json!({"propertyNames": {"maxLength": 1}}),
            json!({"patternProperties": {"a": {}}}),
            json!({"dependencies": {"a": {"const": "a"}}}),
            json!({"$ref": "#/examples/0", "examples": [{"const": "a"}]}),
            json!({"unheard of": 1}),
        ] {
            for schema in [
                keyword.clone(),
                json!({"properties": {"a": keyword}}),
                json!({"items": [{"not": keyword}]}),
                json!({"$defs": {"a": {"additionalProperties": keyword}}}),
                json!({"anyOf": [true, {"if": keyword}]}),
            ] {
                assert_eq!(needed(&schema), Texts::Kept, "{schema}");
            }
        }
    }

    #[test]
    fn what_only_says_where_a_text_stands_drops_them() {
        for schema in [
            json!({}),
            json!({"type": "object", "properties": {"enum": {"type": "string", "description": "a"}}, "required": ["a"]}),
            json!({"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}], "default": {"enum": 1}}),
            json!({"items": {"minimum": 1}, "additionalProperties": false, "examples": [{"const": 1}]}),
        ] {
            assert_eq!(needed(&schema), Texts::Dropped, "{schema}");
        }
    }
}
