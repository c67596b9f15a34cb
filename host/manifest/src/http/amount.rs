//! How much of a grant's requests: seven bounds, each with the least, the most, and what holds when nobody says.

use super::HttpGrant;
use crate::bounds as b;
use crate::units;

/// What is known of one of them.
pub(crate) struct Amount {
    /// Its field.
    pub(crate) name: &'static str,
    pub(crate) least: u64,
    pub(crate) most: u64,
    /// In a ceiling that says nothing.
    pub(crate) default: u64,
    pub(crate) why: &'static str,
    pub(crate) show: fn(u64) -> String,
    pub(crate) value: fn(&HttpGrant) -> u64,
    pub(crate) set: fn(&mut HttpGrant, u64),
}

/// All of them, in the order in which they are shown.
pub(crate) const AMOUNTS: [Amount; 7] = [
    Amount {
        name: "request",
        least: 0,
        most: b::MAX_HTTP_REQUEST_BYTES,
        default: b::HTTP_REQUEST_BYTES,
        why: "no deadline is long enough for more",
        show: units::show_bytes,
        value: |grant| grant.request_bytes,
        set: |grant, value| grant.request_bytes = value,
    },
    Amount {
        name: "response",
        least: b::MIN_HTTP_RESPONSE_BYTES,
        most: b::MAX_HTTP_RESPONSE_BYTES,
        default: b::HTTP_RESPONSE_BYTES,
        why: "an error's text has to fit, and no deadline is long enough for more",
        show: units::show_bytes,
        value: |grant| grant.response_bytes,
        set: |grant, value| grant.response_bytes = value,
    },
    Amount {
        name: "first_byte",
        least: b::MIN_TIME_MS,
        most: b::MAX_DEADLINE_MS,
        default: b::HTTP_FIRST_BYTE_MS,
        why: "no call lasts longer than the longest deadline",
        show: units::show_millis,
        value: |grant| u64::from(grant.first_byte_ms),
        set: |grant, value| grant.first_byte_ms = small(value),
    },
    Amount {
        name: "total",
        least: b::MIN_TIME_MS,
        most: b::MAX_DEADLINE_MS,
        default: b::HTTP_TOTAL_MS,
        why: "no call lasts longer than the longest deadline",
        show: units::show_millis,
        value: |grant| u64::from(grant.total_ms),
        set: |grant, value| grant.total_ms = small(value),
    },
    Amount {
        name: "per_call",
        least: 1,
        most: b::MAX_HTTP_PER_CALL,
        default: b::HTTP_PER_CALL,
        why: "a tool that asks for more is a crawler",
        show: |value| value.to_string(),
        value: |grant| u64::from(grant.per_call),
        set: |grant, value| grant.per_call = small(value),
    },
    Amount {
        name: "per_minute",
        least: 1,
        most: b::MAX_HTTP_PER_MINUTE,
        default: b::HTTP_PER_MINUTE,
        why: "a thousand a second; more is no bound",
        show: |value| value.to_string(),
        value: |grant| u64::from(grant.per_minute),
        set: |grant, value| grant.per_minute = small(value),
    },
    Amount {
        name: "concurrent",
        least: 1,
        most: b::MAX_HTTP_CONCURRENT,
        default: b::HTTP_CONCURRENT,
        why: "a runner has no more of them under way",
        show: |value| value.to_string(),
        value: |grant| u64::from(grant.concurrent),
        set: |grant, value| grant.concurrent = small(value),
    },
];

/// Values are within `most` before they come here.
fn small(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
