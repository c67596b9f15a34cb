//! For the operator: what to write so that a request that was denied is not.

use super::{Method, PathPattern, Target};
use crate::names::ToolName;
use std::fmt::Write;

/// A segment that is longer is somebody's data, and no place.
const MAX_SEGMENT: usize = 64;

/// The line of a manifest that would allow a request to a tool, and where it belongs. It allows no more than this
/// method and path, except that a segment which cannot be in a pattern becomes `*`.
#[must_use]
pub fn line_that_would_allow(tool: &ToolName, method: Method, target: &Target) -> String {
    let segment = |segment: &str| {
        let plain = segment.len() <= MAX_SEGMENT && !segment.contains('*');
        if plain { segment.to_owned() } else { "*".to_owned() }
    };
    let path = target.path().split('/').map(segment).collect::<Vec<_>>().join("/");
    let name = key(tool.as_str());
    if PathPattern::try_from(path.clone()).is_err() {
        return format!("no line of [tools.{name}] allows it: its path is longer than a pattern can be");
    }
    let mut line = String::new();
    if target.scheme() != super::Scheme::Https {
        let _ = write!(line, "scheme = \"{}\", ", target.scheme());
    }
    let _ = write!(line, "host = \"{}\", ", target.name());
    if target.port() != target.scheme().port() {
        let _ = write!(line, "port = {}, ", target.port());
    }
    format!("in [tools.{name}]: http = [{{ {line}methods = [\"{method}\"], paths = [\"{path}\"] }}]")
}

/// A tool's name as a key of TOML: with a dot in it, it would be two.
fn key(name: &str) -> String {
    if name.contains('.') { format!("\"{name}\"") } else { name.to_owned() }
}
