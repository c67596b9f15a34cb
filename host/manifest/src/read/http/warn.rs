//! What is no mistake in a grant, and more than its writer may have thought.

use super::written::Written;
use crate::diagnostics::quote;
use crate::http::{HostPattern, HttpGrant, Method, PathPattern, Scheme, surprises};
use crate::raw::Reading;
use crate::source::Spot;

/// Last segments of places where the body says what is done, and not method and path.
const EVERYTHING: [&str; 10] =
    ["graphql", "gql", "rpc", "jsonrpc", "json-rpc", "xmlrpc", "xmlrpc.php", "batch", "$batch", "mcp"];

pub(super) fn of(reading: &mut Reading<'_>, written: &Written, grant: &HttpGrant, spot: Spot, at: &str) {
    let place = |field: &str| written.spot(field).unwrap_or(spot);
    if let HostPattern::Below(parent) = &grant.host {
        let message = format!("{} may ask any host one label below `{parent}`", quote(at));
        let help = "name the hosts, unless all of them, and whoever can make another, are one and the same";
        reading.warn(place("host"), message, help);
    }
    if grant.scheme == Scheme::Http {
        let message = format!("{} asks over plain http", quote(at));
        let help =
            "write scheme = \"https\", unless nobody is on the way: who is, reads and writes what the tool reads";
        reading.warn(place("scheme"), message, help);
    }
    if grant.methods.contains(&Method::Post)
        && let Some(path) = grant.paths.iter().find(|path| carries_everything(path))
    {
        let message = format!("{} may POST to `{path}`, where the body says what is done", quote(at));
        let help = "grant what the tool needs in paths of its own, or approve = [\"POST\"]: no grant tells one operation \
                    there from another, and the credential is all that bounds it";
        if !grant.needs_approval(&Method::Post) {
            reading.warn(place("paths"), message, help);
        }
    }
    for range in &grant.private {
        for what in surprises(range) {
            let message = format!("{} opens `{range}`, and with it {what}", quote(at));
            reading.warn(place("private"), message, "name the narrowest range that has the host");
        }
    }
}

fn carries_everything(pattern: &PathPattern) -> bool {
    let text = pattern.to_string().to_ascii_lowercase();
    let last = text.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let probes = ["/graphql", "/api/graphql", "/rpc"];
    EVERYTHING.contains(&last) || probes.iter().any(|probe| pattern.matches(probe))
}
