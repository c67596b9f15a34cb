//! The trace that an agent says a call belongs to: `traceparent` and `tracestate` in a request's `_meta` (MCP's
//! SEP-414), in the format of W3C Trace Context. An agent writes what it likes there, so whatever is not exactly
//! that format is as if it were not there. `baggage` is not read at all.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use std::str::FromStr;

/// The longest `tracestate` that is passed on; the specification wants at least this much.
const STATE_BYTES: usize = 512;
/// Most members of it, as the specification has it.
const STATE_MEMBERS: usize = 32;

/// A trace and a span in it that are not ours.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceContext(SpanContext);

impl TraceContext {
    /// What a request says. `None` starts a new trace. A `tracestate` that is none is left out, and the rest kept:
    /// the specification wants it so.
    #[must_use]
    pub fn of(traceparent: Option<&str>, tracestate: Option<&str>) -> Option<Self> {
        let (trace, span, flags) = parent(traceparent?)?;
        let state = tracestate.and_then(state).unwrap_or_default();
        Some(Self(SpanContext::new(trace, span, flags, true, state)))
    }

    pub(super) fn into_span(self) -> SpanContext {
        self.0
    }
}

/// `00-TRACE-SPAN-FLAGS`, all of it lower-case hexadecimal. A later version may mean something else by it.
fn parent(text: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || version != "00" {
        return None;
    }
    let mut bytes = ([0; 16], [0; 8], [0; 1]);
    hex(trace, &mut bytes.0)?;
    hex(span, &mut bytes.1)?;
    hex(flags, &mut bytes.2)?;
    let (trace, span) = (TraceId::from_bytes(bytes.0), SpanId::from_bytes(bytes.1));
    let [flags] = bytes.2;
    // Of the flags one is defined; the others are not ours to pass on.
    let flags = TraceFlags::new(flags) & TraceFlags::SAMPLED;
    (trace != TraceId::INVALID && span != SpanId::INVALID).then_some((trace, span, flags))
}

/// Lower-case, and exactly as many digits as there is room for.
fn hex(text: &str, into: &mut [u8]) -> Option<()> {
    let lower = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    lower.then(|| hex::decode_to_slice(text, into).ok())?
}

/// The library looks at what is in a key; that there is one, what may be in a value, and how much of it all, is
/// looked at here.
fn state(text: &str) -> Option<TraceState> {
    let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let members = || text.split(',').map(str::trim).filter(|member| !member.is_empty());
    let bounded = text.len() <= STATE_BYTES && members().count() <= STATE_MEMBERS;
    let named = members().all(|member| !member.starts_with('='));
    (printable && bounded && named).then(|| TraceState::from_str(text).ok())?
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "00f067aa0ba902b7";

    fn good() -> String {
        format!("00-{TRACE}-{SPAN}-01")
    }

    #[test]
    fn the_format_of_the_specification_is_taken() {
        let span = TraceContext::of(Some(&good()), Some("vendor=a1,t@b=2")).unwrap().into_span();
        assert_eq!((span.trace_id().to_string(), span.span_id().to_string()), (TRACE.to_owned(), SPAN.to_owned()));
        assert!(span.is_remote() && span.is_sampled());
        assert_eq!(span.trace_state().header(), "vendor=a1,t@b=2");
        // A flag that nobody has defined yet is not passed on.
        let span = TraceContext::of(Some(&format!("00-{TRACE}-{SPAN}-fe")), None).unwrap().into_span();
        assert_eq!(span.trace_flags(), TraceFlags::NOT_SAMPLED);
    }

    #[test]
    fn anything_else_is_a_new_trace() {
        let zeros = ("0".repeat(32), "0".repeat(16));
        let bad = [
            String::new(),
            "00".to_owned(),
            good().to_uppercase(),
            good().replace("00-", "01-"),
            good().replace("00-", "ff-"),
            good() + "-extra",
            good() + "-",
            good() + "\n",
            format!(" {}", good()),
            format!("00-{}-{SPAN}-01", zeros.0),
            format!("00-{TRACE}-{}-01", zeros.1),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-001"),
            format!("00-{TRACE}-{SPAN}-0g"),
            format!("00-{}-{SPAN}-01", TRACE.strip_prefix('0').unwrap()),
            format!("00-{TRACE}0-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}"),
            format!("00_{TRACE}_{SPAN}_01"),
            format!("00-{}é-{SPAN}-01", TRACE.strip_prefix("0a").unwrap()),
            "0".repeat(1 << 20),
        ];
        for text in bad {
            assert_eq!(TraceContext::of(Some(&text), None), None, "{text:.80}");
        }
        assert_eq!(TraceContext::of(None, Some("vendor=a")), None);
    }

    #[test]
    fn a_state_that_is_none_is_left_out_and_the_rest_is_kept() {
        let many = vec!["a=1"; STATE_MEMBERS + 1].join(",");
        let long = format!("a={}", "x".repeat(STATE_BYTES));
        for state in ["nothing", "A=1", "a=\u{1b}[2J", "a=ü", "a=1\nb=2", "=1", many.as_str(), long.as_str()] {
            let span = TraceContext::of(Some(&good()), Some(state)).unwrap().into_span();
            assert_eq!(
                (span.trace_state().header().as_str(), span.trace_id().to_string().as_str()),
                ("", TRACE),
                "{state:.40}"
            );
        }
    }
}
