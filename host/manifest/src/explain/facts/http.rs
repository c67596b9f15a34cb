//! A grant of HTTP as words: what may be asked for, line by line, then how much of it.

use super::{Fact, fact, or_unknown};
use crate::http::amount::AMOUNTS;
use crate::http::{HttpGrant, all, types};
use crate::origin::HttpOrigins;

pub(super) fn granted(facts: &mut Vec<Fact>, grant: &HttpGrant, from: &HttpOrigins) {
    let methods: Vec<&str> = grant.methods.iter().map(|method| method.as_str()).collect();
    for path in &grant.paths {
        let origin = format!("{}, within {}", from.grant, from.ceiling);
        facts.push(fact("http", format!("{} {}{path}", methods.join("/"), grant.origin()), origin));
    }
    let of = |name: &str, value: String| fact(format!("http.{name}"), value, or_unknown(from.fields.get(name)));
    for amount in &AMOUNTS {
        facts.push(of(amount.name, (amount.show)((amount.value)(grant))));
    }
    facts.push(of("content_types", types(grant.content_types.as_ref())));
    facts.push(of("credential", grant.credential.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string)));
    facts.push(of("redirects", grant.redirects.to_string()));
    facts.push(of("private", all(&grant.private)));
    facts.push(of("approve", all(&grant.approve)));
    facts.push(of("record", grant.record.to_string()));
}
