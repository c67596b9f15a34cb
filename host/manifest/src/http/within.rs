//! Whether one grant lies within another, and whether two have a request in common.

use super::amount::AMOUNTS;
use super::{HttpGrant, MediaType};
use std::collections::BTreeSet;
use std::fmt::Display;

/// Where a grant goes beyond a ceiling: the first field, in the order in which they are looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` is {wanted}, and {allowed} is the most")]
pub struct Beyond {
    /// The field of the manifest.
    pub field: &'static str,
    /// What the grant has.
    pub wanted: String,
    /// What the ceiling has.
    pub allowed: String,
    /// How many fields were within before this one: more of them is nearer.
    pub(crate) passed: usize,
}

impl HttpGrant {
    /// Whether everything that this one allows is allowed by `ceiling` as well: the same scheme and port, a host, paths
    /// and methods that it covers, no more of anything, no other credential, and an approval wherever it asks for one.
    /// What the audit log has of the path is the operator's affair and is not compared.
    ///
    /// # Errors
    /// The first field that is not within.
    pub fn within(&self, ceiling: &Self) -> Result<(), Beyond> {
        let Self {
            scheme,
            host,
            port,
            methods,
            paths,
            request_bytes: _,
            response_bytes: _,
            first_byte_ms: _,
            total_ms: _,
            per_call: _,
            per_minute: _,
            concurrent: _,
            content_types,
            credential,
            redirects,
            private,
            approve,
            record: _,
        } = self;
        let mut passed = 0;
        let mut judge = |field: &'static str, within: bool, wanted: &dyn Display, allowed: &dyn Display| {
            if !within {
                let (wanted, allowed) = (wanted.to_string(), allowed.to_string());
                return Err(Beyond { field, wanted, allowed, passed });
            }
            passed += 1;
            Ok(())
        };
        judge("host", ceiling.host.covers(host), host, &ceiling.host)?;
        judge("scheme", *scheme == ceiling.scheme, scheme, &ceiling.scheme)?;
        judge("port", *port == ceiling.port, port, &ceiling.port)?;
        let uncovered = paths.iter().find(|path| !ceiling.paths.iter().any(|allowed| allowed.covers(path)));
        judge("paths", uncovered.is_none(), &shown(uncovered), &all(&ceiling.paths))?;
        let more: Vec<_> = methods.difference(&ceiling.methods).collect();
        judge("methods", more.is_empty(), &all(more), &all(&ceiling.methods))?;
        for amount in &AMOUNTS {
            let (wanted, allowed) = ((amount.value)(self), (amount.value)(ceiling));
            judge(amount.name, wanted <= allowed, &(amount.show)(wanted), &(amount.show)(allowed))?;
        }
        let (wanted, allowed) = (content_types.as_ref(), ceiling.content_types.as_ref());
        judge("content_types", types_within(wanted, allowed), &types(wanted), &types(allowed))?;
        let equal = credential.is_none() || *credential == ceiling.credential;
        judge("credential", equal, &shown(credential.as_ref()), &shown(ceiling.credential.as_ref()))?;
        judge("redirects", *redirects <= ceiling.redirects, redirects, &ceiling.redirects)?;
        let outside = private.iter().find(|range| !ceiling.private.iter().any(|allowed| allowed.contains(*range)));
        judge("private", outside.is_none(), &shown(outside), &all(&ceiling.private))?;
        let unasked: Vec<_> = ceiling.approve.difference(approve).filter(|method| methods.contains(method)).collect();
        // The other way round: what the ceiling demands is the least.
        judge("approve", unasked.is_empty(), &format!("without {}", all(unasked)), &all(&ceiling.approve))
    }

    /// Whether some request is covered by both. A tool has no two such grants: one of them would then decide what the
    /// other one says, such as that a person is asked.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.scheme == other.scheme
            && self.port == other.port
            && (self.host.covers(&other.host) || other.host.covers(&self.host))
            && !self.methods.is_disjoint(&other.methods)
            && self.paths.iter().any(|mine| other.paths.iter().any(|theirs| mine.overlaps(theirs)))
    }
}

fn types_within(wanted: Option<&BTreeSet<String>>, allowed: Option<&BTreeSet<String>>) -> bool {
    match (wanted, allowed) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(wanted), Some(allowed)) => {
            wanted.iter().all(|one| allowed.iter().any(|allowed| MediaType::covers(allowed, one)))
        }
    }
}

/// Media types as messages show them.
pub(crate) fn types(types: Option<&BTreeSet<String>>) -> String {
    types.map_or_else(|| "any".to_owned(), all)
}

fn shown<T: Display>(one: Option<T>) -> String {
    one.map_or_else(|| "none".to_owned(), |one| one.to_string())
}

/// One after the other, or that there is none.
pub(crate) fn all<T: Display>(many: impl IntoIterator<Item = T>) -> String {
    let shown: Vec<String> = many.into_iter().map(|one| one.to_string()).collect();
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}
