//! What is other than the last time that a person allowed this tool to this principal. Whoever approves the same thing
//! every day sees the day on which it is not the same.

use super::asked::Asked;
use super::shown;
use serde_json::{Map, Value};

/// One line a difference, in full.
pub(super) fn since(last: &Asked, now: &Asked) -> Vec<String> {
    let mut lines = Vec::new();
    let (was, is) = (&last.binding, &now.binding);
    if was.component != is.component {
        lines.push(format!("the component is another file: it was {}, and is {}", was.component, is.component));
    }
    for gone in last.grants.iter().filter(|grant| !now.grants.contains(grant)) {
        lines.push(format!("granted no more: {}", shown::quoted(gone)));
    }
    for new in now.grants.iter().filter(|grant| !last.grants.contains(grant)) {
        lines.push(format!("granted now: {}", shown::quoted(new)));
    }
    if was.session != is.session {
        lines.push(format!("it was another session: {}", shown::quoted(&was.session.0)));
    }
    match (&was.request, &is.request) {
        (was, is) if was == is => {}
        (Some(was), Some(_)) => lines.push(format!("the request was {} {}", was.method, shown::quoted(&was.url))),
        (None, _) => lines.push("it was the whole call, and is one request of it".to_owned()),
        (Some(_), None) => lines.push("it was one request of the call, and is the whole call".to_owned()),
    }
    let (before, after) = (object(&last.arguments), object(&now.arguments));
    for (key, value) in &after {
        let name = shown::quoted(key);
        match before.get(key) {
            None => lines.push(format!("the argument {name} is new: {}", shown::value(value))),
            Some(old) if old != value => {
                lines.push(format!("the argument {name} was {}, and is {}", shown::value(old), shown::value(value)));
            }
            Some(_) => {}
        }
    }
    for (key, old) in before.iter().filter(|(key, _)| !after.contains_key(*key)) {
        lines.push(format!("the argument {} is gone: it was {}", shown::quoted(key), shown::value(old)));
    }
    if lines.is_empty() {
        lines.push("nothing: the same call was allowed before".to_owned());
    }
    lines
}

fn object(canonical: &str) -> Map<String, Value> {
    match crate::bounds::tree(canonical) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    }
}
