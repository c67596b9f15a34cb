//! How much a grant of HTTP lets through: eight numbers, each with what holds when nobody says anything, the least and
//! the most it can be.

use crate::bounds as b;
use crate::diagnostics::quote;
use crate::http::{HttpGrant, Scheme};
use crate::raw::{Bytes, Count, Field, Located, Millis, Reading};
use crate::units;

/// The fields as they are written.
pub(super) struct Raw {
    pub(super) request: Field<Bytes>,
    pub(super) response: Field<Bytes>,
    pub(super) first_byte: Field<Millis>,
    pub(super) total: Field<Millis>,
    pub(super) per_call: Field<Count>,
    pub(super) per_minute: Field<Count>,
    pub(super) concurrent: Field<Count>,
    pub(super) redirects: Field<Count>,
}

/// What is written of them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Given {
    request: Option<u64>,
    response: Option<u64>,
    first_byte: Option<u64>,
    total: Option<u64>,
    per_call: Option<u64>,
    per_minute: Option<u64>,
    concurrent: Option<u64>,
    redirects: Option<u64>,
}

/// All of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) request: u64,
    pub(super) response: u64,
    pub(super) first_byte: u32,
    pub(super) total: u32,
    pub(super) per_call: u32,
    pub(super) per_minute: u32,
    pub(super) concurrent: u32,
    pub(super) redirects: u8,
}

/// Of a ceiling that says nothing: an API's call.
pub(super) const DEFAULTS: Numbers = Numbers {
    request: 64 << 10,
    response: 1 << 20,
    first_byte: 10_000,
    total: 30_000,
    per_call: 10,
    per_minute: 60,
    concurrent: 4,
    redirects: 0,
};

impl Numbers {
    /// Those of a grant.
    pub(super) fn of(grant: &HttpGrant) -> Self {
        Self {
            request: grant.request_bytes,
            response: grant.response_bytes,
            first_byte: grant.first_byte_ms,
            total: grant.total_ms,
            per_call: grant.per_call,
            per_minute: grant.per_minute,
            concurrent: grant.concurrent,
            // Each step is another request, and nobody takes one who did not ask for it.
            redirects: 0,
        }
    }
}

impl Given {
    /// What is written, and else what these say.
    pub(super) fn or(self, base: &Numbers) -> Numbers {
        let small =
            |given: Option<u64>, base: u32| given.map_or(base, |given| u32::try_from(given).unwrap_or(u32::MAX));
        Numbers {
            request: self.request.unwrap_or(base.request),
            response: self.response.unwrap_or(base.response),
            first_byte: small(self.first_byte, base.first_byte),
            total: small(self.total, base.total),
            per_call: small(self.per_call, base.per_call),
            per_minute: small(self.per_minute, base.per_minute),
            concurrent: small(self.concurrent, base.concurrent),
            redirects: self.redirects.map_or(base.redirects, |given| u8::try_from(given).unwrap_or(u8::MAX)),
        }
    }
}

/// Reads them; one that cannot be is reported.
pub(super) fn read(reading: &mut Reading<'_>, at: &str, raw: Raw) -> Given {
    let Raw { request, response, first_byte, total, per_call, per_minute, concurrent, redirects } = raw;
    let mut one = |name: &str, given: Option<Located<u64>>, (least, most): (u64, u64), show: fn(u64) -> String| {
        let Located { value, spot } = given?;
        if (least..=most).contains(&value) {
            return Some(value);
        }
        let how = if value < least { "small" } else { "large" };
        let message = format!("{} is too {how}: {}", quote(&format!("{at}.{name}")), show(value));
        reading.report(spot, message, format!("from {} to {}", show(least), show(most)));
        None
    };
    let bytes = |field: Field<Bytes>| field.given().map(|given| Located { value: given.value.0, spot: given.spot });
    let millis = |field: Field<Millis>| field.given().map(|given| Located { value: given.value.0, spot: given.spot });
    let count = |field: Field<Count>| field.given().map(|given| Located { value: given.value.0, spot: given.spot });
    let counted = |most: u32| (1, u64::from(most));
    Given {
        request: one("request", bytes(request), (0, b::MAX_HTTP_BODY_BYTES), units::show_bytes),
        response: one("response", bytes(response), (1, b::MAX_HTTP_BODY_BYTES), units::show_bytes),
        first_byte: one("first_byte", millis(first_byte), (b::MIN_TIME_MS, b::MAX_DEADLINE_MS), units::show_millis),
        total: one("total", millis(total), (b::MIN_TIME_MS, b::MAX_DEADLINE_MS), units::show_millis),
        per_call: one("per_call", count(per_call), counted(b::MAX_HTTP_PER_CALL), |n| n.to_string()),
        per_minute: one("per_minute", count(per_minute), counted(b::MAX_HTTP_PER_MINUTE), |n| n.to_string()),
        concurrent: one("concurrent", count(concurrent), counted(b::MAX_HTTP_CONCURRENT), |n| n.to_string()),
        redirects: one("redirects", count(redirects), (0, u64::from(b::MAX_HTTP_REDIRECTS)), |n| n.to_string()),
    }
}

/// The port; the scheme's where none is written.
pub(super) fn port(reading: &mut Reading<'_>, field: Field<Count>, scheme: Scheme, at: &str) -> Option<u16> {
    let given = match field {
        Field::Absent => return Some(scheme.port()),
        Field::Broken => return None,
        Field::Given(given) => given,
    };
    let port = u16::try_from(given.value.0).ok().filter(|port| *port > 0);
    if port.is_none() {
        let message = format!("{} is no port: {}", quote(&format!("{at}.port")), given.value.0);
        reading.report(given.spot, message, "from 1 to 65535");
    }
    port
}
