//! What may be asked of the outside: of a ceiling and of a tool, and whether the one lies within the other.

use super::http_bounds::{self as numbers, Given, Numbers};
use super::tools::set;
use crate::diagnostics::quote;
use crate::http::{HostPattern, HttpGrant, Method, PathPattern, PathRecord, Scheme};
use crate::model::Tier;
use crate::names::CredentialName;
use crate::raw::{Cidr, Field, List, Located, MediaType, RawHttp, Reading};
use crate::source::Spot;
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// A place and what may be done there, before anything is known of how much.
struct Place {
    scheme: Scheme,
    host: HostPattern,
    port: u16,
    methods: BTreeSet<Method>,
    paths: BTreeSet<PathPattern>,
}

/// What a table says besides.
struct Rest {
    numbers: Given,
    content_types: Option<BTreeSet<String>>,
    credential: Option<Located<CredentialName>>,
    private: BTreeSet<IpNet>,
    approve: Option<BTreeSet<Method>>,
    record: PathRecord,
}

/// The tables of a ceiling: what they do not say is the default.
pub(super) fn ceiling(
    reading: &mut Reading<'_>,
    list: Option<Located<List<RawHttp>>>,
    at: &str,
) -> Vec<Located<HttpGrant>> {
    each(reading, list, at, |_, place, rest, _| {
        let approve = rest.approve.unwrap_or_default();
        Some(place.granted(
            rest.numbers.or(&numbers::DEFAULTS),
            rest.content_types,
            approve,
            rest.credential,
            rest.private,
            rest.record,
        ))
    })
}

/// The tables of a tool, each within one of its tier's ceiling: what they do not say is that one's. A credential and
/// private ranges are never taken over: they are named where they are used.
pub(super) fn tool(
    reading: &mut Reading<'_>,
    list: Option<Located<List<RawHttp>>>,
    at: &str,
    tier: Tier,
    allowed: &[Located<HttpGrant>],
    ceiling: Spot,
) -> Vec<Located<HttpGrant>> {
    each(reading, list, at, |reading, place, rest, spot| {
        let around: Vec<&Located<HttpGrant>> = allowed.iter().filter(|one| place.within(&one.value)).collect();
        let Some(first) = around.first() else {
            let place = place.show();
            let line = reading.line(ceiling);
            let message = format!(
                "{} may ask for {place}, and no table of tier `{tier}`'s ceiling covers that, at {line}",
                quote(at)
            );
            let help =
                format!("narrow it, or write [[tiers.{tier}.ceiling.http]] with this host, its methods and paths");
            reading.report(spot, message, help);
            return None;
        };
        let made = |base: &HttpGrant| {
            let approve = base.approve.intersection(&place.methods).copied().collect::<BTreeSet<_>>();
            let types = rest.content_types.clone().or_else(|| base.content_types.clone());
            let given = rest.approve.clone().unwrap_or(approve);
            place.granted(
                rest.numbers.or(&Numbers::of(base)),
                types,
                given,
                rest.credential.clone(),
                rest.private.clone(),
                rest.record,
            )
        };
        if let Some(grant) = around
            .iter()
            .map(|base| (base, made(&base.value)))
            .find(|(base, grant)| grant.beyond(&base.value).is_none())
        {
            return Some(grant.1);
        }
        let grant = made(&first.value);
        let what = grant.beyond(&first.value).unwrap_or_default();
        let line = reading.line(first.spot);
        let message = format!("{} {what}, at {line}", quote(&format!("{at}.http")));
        reading.report(spot, message, "narrow the grant, move the tool to another tier, or widen the ceiling");
        None
    })
}

fn each(
    reading: &mut Reading<'_>,
    list: Option<Located<List<RawHttp>>>,
    at: &str,
    mut grant: impl FnMut(&mut Reading<'_>, &Place, Rest, Spot) -> Option<HttpGrant>,
) -> Vec<Located<HttpGrant>> {
    let at = format!("{at}.http");
    let mut grants: Vec<Located<HttpGrant>> = Vec::new();
    for Located { value: raw, spot } in list.into_iter().flat_map(|list| list.value) {
        let before = reading.errors();
        let (place, rest) = one(reading, raw, spot, &at);
        let Some(place) = place.filter(|_| reading.errors() == before) else { continue };
        warn(reading, &place, &rest, spot, &at);
        let Some(value) = grant(reading, &place, rest, spot) else { continue };
        if let Some(first) = grants.iter().find(|first| first.value == value) {
            let message = format!("{} says the same twice, first at {}", quote(&at), reading.line(first.spot));
            reading.report(spot, message, "leave one of them out");
            continue;
        }
        grants.push(Located { value, spot });
    }
    grants
}

fn one(reading: &mut Reading<'_>, raw: RawHttp, spot: Spot, at: &str) -> (Option<Place>, Rest) {
    let RawHttp {
        scheme,
        host,
        port,
        methods,
        paths,
        request,
        response,
        first_byte,
        total,
        per_call,
        per_minute,
        concurrent,
        content_types,
        credential,
        redirects,
        private,
        approve,
        record,
    } = raw;
    let scheme = scheme.given().map_or(Scheme::Https, |scheme| scheme.value);
    let host = host.required(reading, spot, at, "host", "name the host: host = \"api.example.com\"");
    let port = numbers::port(reading, port, scheme, at);
    let methods = required_set(reading, methods, spot, at, "methods", "methods = [\"GET\"]");
    let paths =
        required_set(reading, paths, spot, at, "paths", "paths = [\"/v1/items/*\"], or [\"/**\"] for all of them");
    let numbers = numbers::read(
        reading,
        at,
        numbers::Raw { request, response, first_byte, total, per_call, per_minute, concurrent, redirects },
    );
    let types = content_types.given().map(|list| {
        let spot = list.spot;
        let types: BTreeSet<String> = names(reading, list, &format!("{at}.content_types"));
        if types.is_empty() {
            reading.report(
                spot,
                format!("{} names no type", quote(&format!("{at}.content_types"))),
                "name at least one, or leave it out: then any may come",
            );
        }
        types
    });
    let credential = credential.given();
    if let Some(credential) = credential.as_ref().filter(|_| scheme == Scheme::Http) {
        let message = format!("{} would send the credential `{}` in the clear", quote(at), credential.value);
        reading.report(credential.spot, message, "write scheme = \"https\", or leave the credential out");
    }
    let private = private.given().map(|list| set(reading, Some(list), &format!("{at}.private"))).unwrap_or_default();
    let private: BTreeSet<IpNet> = private.into_keys().map(|Cidr(net)| net).collect();
    let approve_spot = if let Field::Given(list) = &approve { list.spot } else { spot };
    let approve = approve
        .given()
        .map(|list| set(reading, Some(list), &format!("{at}.approve")).into_keys().collect::<BTreeSet<Method>>());
    if let (Some(approve), Some(methods)) = (&approve, &methods)
        && let Some(odd) = approve.iter().find(|method| !methods.contains(method))
    {
        let message = format!("{} has {odd} to be approved, which is not granted", quote(at));
        reading.report(approve_spot, message, "name methods that are granted");
    }
    let record = record.given().map_or(PathRecord::Digest, |record| record.value);
    let rest = Rest { numbers, content_types: types, credential, private, approve, record };
    let place = || Some(Place { scheme, host: host?.value, port: port?, methods: methods?, paths: paths? });
    (place(), rest)
}

fn names(reading: &mut Reading<'_>, list: Located<List<MediaType>>, at: &str) -> BTreeSet<String> {
    set(reading, Some(list), at).into_keys().map(|MediaType(name)| name).collect()
}

fn required_set<T: Ord + std::fmt::Display>(
    reading: &mut Reading<'_>,
    field: Field<List<T>>,
    owner: Spot,
    at: &str,
    name: &str,
    example: &str,
) -> Option<BTreeSet<T>> {
    let list = field.required(reading, owner, at, name, &format!("say which: {example}"))?;
    let spot = list.spot;
    let path = format!("{at}.{name}");
    let found: BTreeSet<T> = set(reading, Some(list), &path).into_keys().collect();
    if found.is_empty() {
        reading.report(
            spot,
            format!("{} is empty, and grants nothing", quote(&path)),
            format!("say which: {example}, or leave the table out"),
        );
        return None;
    }
    Some(found)
}

/// What is allowed and wants a second look.
fn warn(reading: &mut Reading<'_>, place: &Place, rest: &Rest, spot: Spot, at: &str) {
    let at = quote(at);
    let posts = place.methods.contains(&Method::Post);
    if posts && place.paths.iter().any(|path| path.reaches_everything_by_post()) {
        let help =
            "what such a request does is in its body, which no path bounds: a narrower path, or approve = [\"POST\"]";
        reading.warn(spot, format!("{at} lets POST reach a path that carries every operation (GraphQL)"), help);
    }
    if matches!(place.host, HostPattern::Below(_)) {
        let help = "whoever can make a name there is reached: name the hosts, where they are few";
        reading.warn(spot, format!("{at} covers every host one label below `{}`", place.host), help);
    }
    if place.scheme == Scheme::Http {
        let help = "whoever is on the way reads it and can answer in its place: https, where there is any";
        reading.warn(spot, format!("{at} sends in the clear"), help);
    }
    let local = |net: &&IpNet| {
        net.contains(&IpAddr::from([127, 0, 0, 1])) || net.contains(&IpAddr::from(std::net::Ipv6Addr::LOCALHOST))
    };
    if let Some(net) = rest.private.iter().find(local) {
        let help = "services on this machine trust who comes from it; the hub's own listeners stay out of reach";
        reading.warn(spot, format!("{at} lets `{net}` through, which has this machine's loopback"), help);
    }
}

impl Place {
    fn within(&self, allowed: &HttpGrant) -> bool {
        self.scheme == allowed.scheme
            && self.port == allowed.port
            && allowed.host.covers(&self.host)
            && self.methods.is_subset(&allowed.methods)
            && self.paths.iter().all(|path| allowed.paths.iter().any(|wider| wider.covers(path)))
    }

    fn granted(
        &self,
        numbers: Numbers,
        content_types: Option<BTreeSet<String>>,
        approve: BTreeSet<Method>,
        credential: Option<Located<CredentialName>>,
        private: BTreeSet<IpNet>,
        record: PathRecord,
    ) -> HttpGrant {
        HttpGrant {
            scheme: self.scheme,
            host: self.host.clone(),
            port: self.port,
            methods: self.methods.clone(),
            paths: self.paths.clone(),
            request_bytes: numbers.request,
            response_bytes: numbers.response,
            first_byte_ms: numbers.first_byte,
            total_ms: numbers.total,
            per_call: numbers.per_call,
            per_minute: numbers.per_minute,
            concurrent: numbers.concurrent,
            redirects: numbers.redirects,
            content_types,
            credential: credential.map(|credential| credential.value),
            private,
            approve,
            record,
        }
    }

    fn show(&self) -> String {
        crate::http::show_place(self.scheme, &self.host, self.port, &self.methods, &self.paths)
    }
}
