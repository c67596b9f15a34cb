//! What a tool may ask of the outside, and the most that its tier lets it ask.

mod warn;
mod written;

use crate::bounds;
use crate::diagnostics::quote;
use crate::http::amount::AMOUNTS;
use crate::http::{Beyond, HostPattern, HttpGrant, Method, PathPattern, PathRecord, Scheme};
use crate::model::Tier;
use crate::origin::{HttpOrigins, Origin};
use crate::raw::{List, Located, RawHttp, Reading};
use crate::units;
use std::collections::{BTreeMap, BTreeSet};
use written::Written;

/// The ceiling's entries, and where a tier without any says so.
pub(super) struct CeilingOf<'a> {
    pub(super) tier: Tier,
    pub(super) grants: &'a [Located<HttpGrant>],
    pub(super) line: &'a str,
}

/// Reads what a tool asks for, before its tier is known.
pub(super) fn written(
    reading: &mut Reading<'_>,
    list: Option<Located<List<RawHttp>>>,
    at: &str,
) -> Vec<Located<Written>> {
    let Some(list) = list else { return Vec::new() };
    if list.value.len() > bounds::MAX_HTTP_GRANTS {
        let message = format!("{} has too many elements: {}", quote(at), list.value.len());
        reading.report(list.spot, message, format!("at most {} of them", bounds::MAX_HTTP_GRANTS));
        return Vec::new();
    }
    list.value.into_iter().filter_map(|entry| written::one(reading, entry, at)).collect()
}

/// Reads the entries of a ceiling; what an entry does not say is a default, with its reason in `bounds`.
pub(super) fn ceiling(
    reading: &mut Reading<'_>,
    list: Option<Located<List<RawHttp>>>,
    ceiling_at: &str,
    deadline_ms: u32,
) -> Vec<Located<HttpGrant>> {
    let at = format!("{ceiling_at}.http");
    let mut grants: Vec<Located<HttpGrant>> = Vec::new();
    for Located { value: written, spot } in written(reading, list, &at) {
        let grant = written.settle(None, deadline_ms);
        in_time(reading, &written, &grant, &at, deadline_ms);
        if let Some(first) = grants.iter().find(|first| key(&first.value) == key(&grant)) {
            let message = format!("{} has two entries of {grant}, first at {}", quote(&at), reading.line(first.spot));
            reading.report(spot, message, "write one: which of them would bound a tool?");
            continue;
        }
        grants.push(Located { value: grant, spot });
    }
    sort(&mut grants, |grant| &grant.value);
    grants
}

/// Holds what a tool asks for against its ceiling. What it does not say is what the entry has that covers it.
pub(super) fn tool(
    reading: &mut Reading<'_>,
    written: Vec<Located<Written>>,
    at: &str,
    ceiling: &CeilingOf<'_>,
    deadline_ms: u32,
) -> Vec<(HttpGrant, HttpOrigins)> {
    apart(reading, &written, at);
    let mut grants = Vec::new();
    for Located { value: written, spot } in &written {
        let mut covering: Vec<(HttpGrant, &Located<HttpGrant>)> = Vec::new();
        let mut nearest: Option<(Beyond, &Located<HttpGrant>)> = None;
        for entry in ceiling.grants {
            let grant = written.settle(Some(&entry.value), deadline_ms);
            match grant.within(&entry.value) {
                Ok(()) => covering.push((grant, entry)),
                Err(beyond) if nearest.as_ref().is_none_or(|(other, _)| beyond.passed > other.passed) => {
                    nearest = Some((beyond, entry));
                }
                Err(_) => {}
            }
        }
        let mut covering = covering.into_iter();
        let Some((grant, entry)) = covering.next() else {
            let place = Located { value: written, spot: *spot };
            beyond(reading, &place, at, ceiling, nearest);
            continue;
        };
        if let Some((other, second)) = covering.find(|(other, _)| *other != grant) {
            let field = differs(&grant, &other);
            let (one, two) = (reading.line(entry.spot), reading.line(second.spot));
            let message = format!(
                "{} lies within two entries of the ceiling of tier `{}`, at {one} and at {two}, and its `{field}` would \
                 be the one's or the other's",
                quote(at),
                ceiling.tier
            );
            reading.report(*spot, message, format!("write its `{field}`"));
            continue;
        }
        in_time(reading, written, &grant, at, deadline_ms);
        warn::of(reading, written, &grant, *spot, at);
        let origins = origins(reading, written, entry, &grant, (ceiling.tier, deadline_ms), *spot);
        grants.push((grant, origins));
    }
    sort(&mut grants, |(grant, _)| grant);
    grants
}

/// So that the order in which they are written means nothing.
fn sort<T>(grants: &mut [T], grant: fn(&T) -> &HttpGrant) {
    grants.sort_by(|one, other| key(grant(one)).cmp(&key(grant(other))));
}

type Key<'a> = (Scheme, &'a HostPattern, u16, &'a BTreeSet<Method>, &'a BTreeSet<PathPattern>);

/// Which requests a grant is of.
fn key(grant: &HttpGrant) -> Key<'_> {
    (grant.scheme, &grant.host, grant.port, &grant.methods, &grant.paths)
}

/// Reports two grants that cover the same request: which of them would hold?
fn apart(reading: &mut Reading<'_>, written: &[Located<Written>], at: &str) {
    // What is compared does not depend on a ceiling.
    let settled: Vec<_> = written.iter().map(|one| (one.value.settle(None, u32::MAX), one.spot)).collect();
    for (index, (grant, spot)) in settled.iter().enumerate() {
        let Some((_, first)) = settled.iter().take(index).find(|(first, _)| first.overlaps(grant)) else { continue };
        let message = format!("{} allows a request that it also allows at {}", quote(at), reading.line(*first));
        let help = "let each request be in one grant: with other methods, paths or hosts, or in one table";
        reading.report(*spot, message, help);
    }
}

/// Times that come after something that ends the request anyway.
fn in_time(reading: &mut Reading<'_>, written: &Written, grant: &HttpGrant, at: &str, deadline_ms: u32) {
    let help = "write at most that, or leave it out: a limit that is never reached says nothing";
    if let Some(spot) = written.spot("total")
        && grant.total_ms > deadline_ms
    {
        let (total, deadline) = (units::show_millis(grant.total_ms.into()), units::show_millis(deadline_ms.into()));
        let message = format!("{} has total {total}, and the call's deadline is {deadline}", quote(at));
        reading.report(spot, message, help);
    }
    if let Some(spot) = written.spot("first_byte")
        && grant.first_byte_ms > grant.total_ms
    {
        let (first, total) =
            (units::show_millis(grant.first_byte_ms.into()), units::show_millis(grant.total_ms.into()));
        let message = format!("{} has first_byte {first}, and its total is {total}", quote(at));
        reading.report(spot, message, help);
    }
}

/// Reports what no entry of the ceiling covers, naming the one that comes nearest.
fn beyond(
    reading: &mut Reading<'_>,
    written: &Located<&Written>,
    at: &str,
    ceiling: &CeilingOf<'_>,
    nearest: Option<(Beyond, &Located<HttpGrant>)>,
) {
    let tier = ceiling.tier;
    let Some((Beyond { field, wanted, allowed, .. }, entry)) = nearest else {
        let message = format!(
            "{} is granted {}, and the ceiling of tier `{tier}` grants no host, at {}",
            quote(at),
            written.value.origin(),
            ceiling.line
        );
        let help = format!("leave it out, move the tool to another tier, or write [[tiers.{tier}.ceiling.http]]");
        reading.report(written.spot, message, help);
        return;
    };
    let place = reading.line(entry.spot);
    let spot = written.value.spot(field).unwrap_or(written.spot);
    let message =
        format!("{} has {field} {wanted}, and the ceiling of tier `{tier}` has {allowed}, at {place}", quote(at));
    reading.report(spot, message, "narrow the grant, move the tool to another tier, or widen the ceiling");
}

/// The first field in which two grants differ that only a ceiling can tell apart.
fn differs(one: &HttpGrant, other: &HttpGrant) -> &'static str {
    let amount = AMOUNTS.iter().find(|amount| (amount.value)(one) != (amount.value)(other));
    match amount {
        Some(amount) => amount.name,
        None if one.content_types != other.content_types => "content_types",
        None if one.approve != other.approve => "approve",
        None => "record",
    }
}

fn origins(
    reading: &Reading<'_>,
    written: &Written,
    entry: &Located<HttpGrant>,
    grant: &HttpGrant,
    (tier, deadline_ms): (Tier, u32),
    spot: crate::source::Spot,
) -> HttpOrigins {
    let line = |spot| reading.sources.line(spot);
    let from_ceiling = || Origin::Tier(tier, line(entry.spot));
    let mut fields = BTreeMap::new();
    let mut put = |name: &str, otherwise: Origin| {
        let origin = written.spot(name).map_or(otherwise, |spot| Origin::Written(line(spot)));
        fields.insert(name.to_owned(), origin);
    };
    for amount in &AMOUNTS {
        let cut = (amount.value)(grant) < (amount.value)(&entry.value);
        let end = if amount.name == "total" && grant.total_ms == deadline_ms { "deadline" } else { "total" };
        let otherwise = if cut { Origin::Rule(format!("cut at the {end}")) } else { from_ceiling() };
        put(amount.name, otherwise);
    }
    for name in ["content_types", "approve", "record"] {
        put(name, from_ceiling());
    }
    put("scheme", Origin::Rule("https unless the grant says otherwise".to_owned()));
    put("port", Origin::Rule("that of the scheme unless the grant says otherwise".to_owned()));
    put("credential", Origin::Rule("none unless the grant names one".to_owned()));
    put("redirects", Origin::Rule("none are followed unless the grant says otherwise".to_owned()));
    put("private", Origin::Rule("public addresses only unless the grant says otherwise".to_owned()));
    HttpOrigins { grant: line(spot), ceiling: line(entry.spot), fields }
}

/// What a ceiling has for its tools beyond amounts, or what holds where there is none.
fn inherited(ceiling: Option<&HttpGrant>) -> (Option<BTreeSet<String>>, PathRecord) {
    ceiling.map_or((None, PathRecord::Digest), |entry| (entry.content_types.clone(), entry.record))
}
