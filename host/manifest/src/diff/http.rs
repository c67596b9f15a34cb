//! What may be asked of the outside: which grants come and go, and what changes in those that stay.

use super::directories::Whose;
use super::story::{Effect, Story, before};
use crate::http::amount::AMOUNTS;
use crate::http::{HttpGrant, PathRecord, all, types};

/// Tells each grant that came or went, and each field that changed in one of the same requests.
pub(super) fn compare(story: &mut Story<'_>, old: &[HttpGrant], new: &[HttpGrant], whose: Whose) {
    for grant in new {
        match old.iter().find(|was| same_requests(was, grant)) {
            Some(was) => changed(story, was, grant),
            None => {
                let effect = Effect::unless(takes_the_place(grant, old, new));
                story.tell(effect, format!("{}: {}", may(whose), whole(grant)));
            }
        }
    }
    for grant in old.iter().filter(|was| !new.iter().any(|grant| same_requests(was, grant))) {
        story.tell(Effect::Not, format!("{}: {grant}", may_not(whose)));
    }
}

/// All of them.
pub(super) fn list(grants: &[HttpGrant]) -> Vec<String> {
    grants.iter().map(|grant| format!("ask for {}", whole(grant))).collect()
}

fn may(whose: Whose) -> &'static str {
    match whose {
        Whose::Tool => "may now ask for",
        Whose::Ceiling => "now lets tools ask for",
    }
}

fn may_not(whose: Whose) -> &'static str {
    match whose {
        Whose::Tool => "may no longer ask for",
        Whose::Ceiling => "no longer lets tools ask for",
    }
}

/// Whether two are of the same requests: only how much of them, and with what, can differ.
fn same_requests(one: &HttpGrant, other: &HttpGrant) -> bool {
    (one.scheme, &one.host, one.port, &one.methods, &one.paths)
        == (other.scheme, &other.host, other.port, &other.methods, &other.paths)
}

/// Whether a grant lies within one that was there, and no other does: rates are counted for each grant, so two of
/// them within one would ask twice as often.
fn takes_the_place(grant: &HttpGrant, old: &[HttpGrant], new: &[HttpGrant]) -> bool {
    let within = |grant: &HttpGrant, was: &HttpGrant| grant.within(was).is_ok() && grant.record <= was.record;
    old.iter().any(|was| {
        within(grant, was)
            && new.iter().filter(|other| other.within(was).is_ok() || same_requests(other, was)).count() == 1
    })
}

fn changed(story: &mut Story<'_>, old: &HttpGrant, new: &HttpGrant) {
    let HttpGrant {
        scheme: _,
        host: _,
        port: _,
        methods: _,
        paths: _,
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
        record,
    } = old;
    for amount in &AMOUNTS {
        let what = format!("for {new} now has `{}` up to", amount.name);
        story.bound(&(amount.value)(old), &(amount.value)(new), &what, |value| (amount.show)(*value));
    }
    let mut tell = |differs: bool, narrower: bool, what: &str, values: String| {
        if differs {
            story.tell(Effect::unless(narrower), format!("for {new} now {what} {values}"));
        }
    };
    // The rules of `within`, one field at a time.
    let narrower = |field: &dyn Fn(&mut HttpGrant)| {
        let mut other = old.clone();
        field(&mut other);
        other.within(old).is_ok()
    };
    tell(
        *content_types != new.content_types,
        narrower(&|grant| grant.content_types.clone_from(&new.content_types)),
        "gets answers of the types",
        before(types(new.content_types.as_ref()), types(content_types.as_ref())),
    );
    let named =
        |grant: &HttpGrant| grant.credential.as_ref().map_or_else(|| "none".to_owned(), |name| format!("`{name}`"));
    tell(
        *credential != new.credential,
        narrower(&|grant| grant.credential.clone_from(&new.credential)),
        "has the credential",
        before(named(new), named(old)),
    );
    tell(
        *redirects != new.redirects,
        new.redirects <= *redirects,
        "follows redirects up to",
        before(new.redirects, redirects),
    );
    tell(
        *private != new.private,
        narrower(&|grant| grant.private.clone_from(&new.private)),
        "reaches the private ranges",
        before(all(&new.private), all(private)),
    );
    tell(
        *approve != new.approve,
        narrower(&|grant| grant.approve.clone_from(&new.approve)),
        "needs a person's approval of the methods",
        before(all(&new.approve), all(approve)),
    );
    tell(
        *record != new.record,
        new.record == PathRecord::Digest,
        "has its paths in the audit log as",
        before(new.record, record),
    );
}

/// Everything about one.
fn whole(grant: &HttpGrant) -> String {
    let amounts = AMOUNTS.map(|amount| format!("{} {}", amount.name, (amount.show)((amount.value)(grant)))).join(", ");
    let mut text = format!("{grant} ({amounts}");
    if grant.content_types.is_some() {
        text.push_str(&format!("; answers of the types {}", types(grant.content_types.as_ref())));
    }
    if let Some(credential) = &grant.credential {
        text.push_str(&format!("; with the credential `{credential}`"));
    }
    if grant.redirects > 0 {
        text.push_str(&format!("; redirects {}", grant.redirects));
    }
    if !grant.private.is_empty() {
        text.push_str(&format!("; private ranges {}", all(&grant.private)));
    }
    if !grant.approve.is_empty() {
        text.push_str(&format!("; a person's approval of {}", all(&grant.approve)));
    }
    if grant.record == PathRecord::Path {
        text.push_str("; its paths in the audit log in clear");
    }
    text.push(')');
    text
}
