//! One grant as it is written, each field by itself and against the others, and what it means below a ceiling.

use crate::bounds;
use crate::diagnostics::quote;
use crate::http::amount::{AMOUNTS, Amount};
use crate::http::{HostPattern, HttpGrant, Method, PathPattern, PathRecord, Scheme};
use crate::names::CredentialName;
use crate::raw::{Count, Field, List, Located, RawHttp, Reading};
use crate::read::tools::set;
use crate::source::Spot;
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

/// What is written of one grant.
#[derive(Debug)]
pub(crate) struct Written {
    scheme: Scheme,
    host: HostPattern,
    port: u16,
    methods: BTreeSet<Method>,
    paths: BTreeSet<PathPattern>,
    /// In the order of `AMOUNTS`.
    amounts: [Option<u64>; 7],
    content_types: Option<BTreeSet<String>>,
    credential: Option<CredentialName>,
    redirects: u8,
    private: BTreeSet<IpNet>,
    approve: Option<BTreeSet<Method>>,
    record: Option<PathRecord>,
    spots: BTreeMap<&'static str, Spot>,
}

impl Written {
    /// Where a field is written, if it is.
    pub(super) fn spot(&self, field: &str) -> Option<Spot> {
        self.spots.get(field).copied()
    }

    /// Scheme, host and port.
    pub(super) fn origin(&self) -> String {
        self.settle(None, u32::MAX).origin()
    }

    /// What it means below an entry of a ceiling; without one it is such an entry itself. Times that are not written
    /// end with the call.
    pub(super) fn settle(&self, ceiling: Option<&HttpGrant>, deadline_ms: u32) -> HttpGrant {
        let (content_types, record) = super::inherited(ceiling);
        let demanded = ceiling.map(|entry| entry.approve.intersection(&self.methods).copied().collect());
        let mut grant = HttpGrant {
            scheme: self.scheme,
            host: self.host.clone(),
            port: self.port,
            methods: self.methods.clone(),
            paths: self.paths.clone(),
            request_bytes: 0,
            response_bytes: 0,
            first_byte_ms: 0,
            total_ms: 0,
            per_call: 0,
            per_minute: 0,
            concurrent: 0,
            content_types: self.content_types.clone().or(content_types),
            credential: self.credential.clone(),
            redirects: self.redirects,
            private: self.private.clone(),
            approve: self.approve.clone().or(demanded).unwrap_or_default(),
            record: self.record.unwrap_or(record),
        };
        for (amount, written) in AMOUNTS.iter().zip(self.amounts) {
            let default = ceiling.map_or(amount.default, amount.value);
            (amount.set)(&mut grant, written.unwrap_or(default));
        }
        if self.spot("total").is_none() {
            grant.total_ms = grant.total_ms.min(deadline_ms);
        }
        if self.spot("first_byte").is_none() {
            grant.first_byte_ms = grant.first_byte_ms.min(grant.total_ms);
        }
        if self.spot("request").is_none() && !grant.approve.is_empty() {
            grant.request_bytes = grant.request_bytes.min(bounds::MAX_HTTP_APPROVED_BYTES);
        }
        grant
    }
}

/// Reads one; `None` where what says which requests are meant is missing or wrong.
pub(super) fn one(reading: &mut Reading<'_>, entry: Located<RawHttp>, at: &str) -> Option<Located<Written>> {
    let Located { value: raw, spot: owner } = entry;
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
    let mut spots = BTreeMap::new();
    let amounts = [
        request.given().map(|size| Located { value: size.value.0, spot: size.spot }),
        response.given().map(|size| Located { value: size.value.0, spot: size.spot }),
        first_byte.given().map(|time| Located { value: time.value.0, spot: time.spot }),
        total.given().map(|time| Located { value: time.value.0, spot: time.spot }),
        per_call.given().map(count),
        per_minute.given().map(count),
        concurrent.given().map(count),
    ];
    let mut values = [None; 7];
    for ((amount, given), value) in AMOUNTS.iter().zip(amounts).zip(&mut values) {
        let Some(given) = given else { continue };
        spots.insert(amount.name, given.spot);
        if possible(reading, amount, &given, at) {
            *value = Some(given.value);
        }
    }
    let scheme = kept(&mut spots, "scheme", scheme.given()).unwrap_or(Scheme::Https);
    let credential_spot = if let Field::Given(credential) = &credential { Some(credential.spot) } else { None };
    if let (Scheme::Http, Some(spot)) = (scheme, credential_spot) {
        let message = format!("{} adds a credential to requests over plain http", quote(at));
        reading.report(spot, message, "write scheme = \"https\": whoever is on the way reads it, and keeps it");
    }
    let port = kept(&mut spots, "port", port.given().map(count))
        .map_or(Some(scheme.port()), |port| u16::try_from(port).ok().filter(|port| *port != 0));
    if port.is_none() {
        let spot = spots.get("port").copied().unwrap_or(owner);
        reading.report(spot, format!("{} is not a port", quote(&format!("{at}.port"))), "from 1 to 65535");
    }
    let redirects = kept(&mut spots, "redirects", redirects.given().map(count)).unwrap_or(0);
    if redirects > bounds::MAX_HTTP_REDIRECTS {
        let spot = spots.get("redirects").copied().unwrap_or(owner);
        let message = format!("{} is too large: {redirects}", quote(&format!("{at}.redirects")));
        reading.report(spot, message, format!("from 0 to {}", bounds::MAX_HTTP_REDIRECTS));
    }
    let help = "write one: host = \"api.example.com\"";
    let host = host.required(reading, owner, at, "host", help);
    let help = "write which: methods = [\"GET\"]";
    let methods = methods.required(reading, owner, at, "methods", help);
    let help = "write which: paths = [\"/repos/*/*/issues\"], or [\"/**\"] for all of them";
    let paths = paths.required(reading, owner, at, "paths", help);
    let host = kept(&mut spots, "host", host);
    let methods = some(reading, &mut spots, "methods", methods, at);
    let paths = some(reading, &mut spots, "paths", paths, at);
    let content_types = match content_types {
        Field::Given(list) => {
            let types = some(reading, &mut spots, "content_types", Some(list), at);
            types.map(|types| types.into_iter().map(String::from).collect())
        }
        Field::Absent | Field::Broken => None,
    };
    let credential = kept(&mut spots, "credential", credential.given());
    let private = listed(reading, &mut spots, "private", private.given(), at).unwrap_or_default();
    let approve = listed(reading, &mut spots, "approve", approve.given(), at);
    let record = kept(&mut spots, "record", record.given());
    let (host, methods, paths) = (host?, methods?, paths?);
    if let Some(approve) = &approve {
        check_approve(reading, &spots, approve, &methods, &values, at);
    }
    let written = Written {
        scheme,
        host,
        port: port?,
        methods,
        paths,
        amounts: values,
        content_types,
        credential,
        redirects: u8::try_from(redirects).ok()?,
        private: private.into_iter().collect(),
        approve,
        record,
        spots,
    };
    Some(Located { value: written, spot: owner })
}

fn count(given: Located<Count>) -> Located<u64> {
    Located { value: given.value.0, spot: given.spot }
}

fn kept<T>(spots: &mut BTreeMap<&'static str, Spot>, name: &'static str, given: Option<Located<T>>) -> Option<T> {
    let given = given?;
    spots.insert(name, given.spot);
    Some(given.value)
}

/// A list as a set, each element once and not more of them than can be compared.
fn listed<T: Ord + Display>(
    reading: &mut Reading<'_>,
    spots: &mut BTreeMap<&'static str, Spot>,
    name: &'static str,
    given: Option<Located<List<T>>>,
    at: &str,
) -> Option<BTreeSet<T>> {
    let list = given?;
    spots.insert(name, list.spot);
    let path = format!("{at}.{name}");
    if list.value.len() > bounds::MAX_HTTP_LIST {
        let message = format!("{} has too many elements: {}", quote(&path), list.value.len());
        reading.report(list.spot, message, format!("at most {} of them", bounds::MAX_HTTP_LIST));
        return None;
    }
    Some(set(reading, Some(list), &path).into_keys().collect())
}

/// The same, and at least one element: a grant that covers nothing says nothing.
fn some<T: Ord + Display>(
    reading: &mut Reading<'_>,
    spots: &mut BTreeMap<&'static str, Spot>,
    name: &'static str,
    given: Option<Located<List<T>>>,
    at: &str,
) -> Option<BTreeSet<T>> {
    let spot = given.as_ref()?.spot;
    let found = listed(reading, spots, name, given, at)?;
    if found.is_empty() {
        let message = format!("{} is empty", quote(&format!("{at}.{name}")));
        reading.report(spot, message, "name at least one: with none of them nothing is allowed");
        return None;
    }
    Some(found)
}

/// Reports an amount that no manifest can have.
fn possible(reading: &mut Reading<'_>, amount: &Amount, given: &Located<u64>, at: &str) -> bool {
    if (amount.least..=amount.most).contains(&given.value) {
        return true;
    }
    let how = if given.value < amount.least { "small" } else { "large" };
    let path = quote(&format!("{at}.{}", amount.name));
    let help = format!("from {} to {}: {}", (amount.show)(amount.least), (amount.show)(amount.most), amount.why);
    reading.report(given.spot, format!("{path} is too {how}: {}", (amount.show)(given.value)), help);
    false
}

/// A person is asked about methods that are granted, and about a body that the hub can hold until then.
fn check_approve(
    reading: &mut Reading<'_>,
    spots: &BTreeMap<&'static str, Spot>,
    approve: &BTreeSet<Method>,
    methods: &BTreeSet<Method>,
    amounts: &[Option<u64>; 7],
    at: &str,
) {
    if let (Some(method), Some(spot)) = (approve.difference(methods).next(), spots.get("approve")) {
        let message = format!("{} asks for an approval of {method}, which it does not grant", quote(at));
        reading.report(*spot, message, format!("name it in `methods` as well, or leave {method} out"));
    }
    let [request, ..] = amounts;
    if let (false, Some(request), Some(spot)) = (approve.is_empty(), request, spots.get("request"))
        && *request > bounds::MAX_HTTP_APPROVED_BYTES
    {
        let most = crate::units::show_bytes(bounds::MAX_HTTP_APPROVED_BYTES);
        let message = format!("{} has request {}, and approvals", quote(at), crate::units::show_bytes(*request));
        let help = format!("at most {most}: what a person has to allow is held whole until he does");
        reading.report(*spot, message, help);
    }
}
