//! Attacks on the decoder first, then what must come out unchanged.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

use super::*;
use crate::{
    Answer, Content, Done, FromRunner, Hello, Hints, InsidePosture, Log, LogSource, Outcome, ToolDescription, Usage,
};
use proptest::prelude::*;

fn framed(body: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(body.len()).unwrap().to_le_bytes().to_vec();
    frame.extend_from_slice(body);
    frame
}

fn decoder_with(bytes: &[u8]) -> Decoder {
    let mut decoder = Decoder::new();
    decoder.push(bytes);
    decoder
}

#[test]
fn a_length_above_the_bound_is_refused_before_its_body_comes() {
    let mut decoder = decoder_with(&u32::try_from(MAX_FRAME_BYTES + 1).unwrap().to_le_bytes());
    let refused = FrameError::TooLong { bytes: MAX_FRAME_BYTES as u64 + 1, most: MAX_FRAME_BYTES };
    assert_eq!(decoder.next::<FromRunner>(), Err(refused));
    assert_eq!(decoder.buffer.capacity(), 0);
}

#[test]
fn after_an_error_a_good_frame_is_not_believed_any_more() {
    let mut decoder = decoder_with(&framed(&[0xff; 9]));
    let error = decoder.next::<FromRunner>().unwrap_err();
    let mut good = Vec::new();
    encode(&FromRunner::Ready(1), &mut good).unwrap();
    decoder.push(&good);
    assert_eq!(decoder.next::<FromRunner>(), Err(error));
    assert_eq!(decoder.buffer.capacity(), 0);
}

#[test]
fn what_is_appended_after_an_error_is_not_kept() {
    let mut decoder = decoder_with(&framed(&[0xff; 9]));
    decoder.next::<FromRunner>().unwrap_err();
    for _ in 0..100 {
        decoder.room(64).extend_from_slice(&[0; 64]);
        decoder.next::<FromRunner>().unwrap_err();
    }
    assert!(decoder.buffer.capacity() <= 128);
}

#[test]
fn a_frame_appended_to_the_buffer_decodes_as_one_that_is_pushed() {
    let mut bytes = Vec::new();
    for id in 0..100 {
        encode(&FromRunner::Refused("x".repeat(id * 7)), &mut bytes).unwrap();
    }
    let mut decoder = Decoder::new();
    let mut decoded = 0;
    for chunk in bytes.chunks(50) {
        let room = decoder.room(chunk.len());
        assert!(room.capacity() - room.len() >= chunk.len());
        room.extend_from_slice(chunk);
        while let Some(message) = decoder.next::<FromRunner>().unwrap() {
            assert_eq!(message, FromRunner::Refused("x".repeat(decoded * 7)));
            decoded += 1;
        }
        // Two frames and a chunk at most: what was decoded makes way.
        assert!(decoder.buffer.capacity() <= 2 * 704 + 50, "{}", decoder.buffer.capacity());
    }
    assert_eq!(decoded, 100);
    assert!(decoder.is_empty());
}

#[test]
fn bytes_after_the_message_are_an_error() {
    let mut body = postcard::to_stdvec(&FromRunner::Ready(1)).unwrap();
    body.push(0);
    assert_eq!(decoder_with(&framed(&body)).next::<FromRunner>(), Err(FrameError::Trailing { bytes: 1 }));
}

#[test]
fn an_unknown_tag_is_an_error() {
    assert!(matches!(decoder_with(&framed(&[99])).next::<FromRunner>(), Err(FrameError::Malformed(_))));
}

#[test]
fn an_empty_body_is_an_error() {
    assert!(matches!(decoder_with(&framed(&[])).next::<FromRunner>(), Err(FrameError::Malformed(_))));
}

/// Two bytes on the wire could each become fifty in the hub's memory: eight megabytes, four hundred.
#[test]
fn a_frame_of_countless_empty_items_is_refused() {
    let answer = Answer { content: vec![Content::Text(String::new()); 5_000], ..Answer::default() };
    let done = Done { id: 1, outcome: Outcome::Answer(answer), usage: Usage::default() };
    let posture = InsidePosture {
        facts: vec![(String::new(), String::new()); 5_000],
        self_test: Vec::new(),
        lockdown: Vec::new(),
    };
    let hello = Hello { version: 1, nonce: [0; 32], posture };
    for message in [FromRunner::Done(done), FromRunner::Hello(hello)] {
        let mut bytes = Vec::new();
        encode(&message, &mut bytes).unwrap();
        assert!(matches!(decoder_with(&bytes).next::<FromRunner>(), Err(FrameError::Malformed(_))));
    }
}

fn tool() -> ToolDescription {
    ToolDescription {
        name: "t".to_owned(),
        title: None,
        description: String::new(),
        input_schema: "{}".to_owned(),
        output_schema: None,
        hints: Hints::default(),
    }
}

#[test]
fn the_tools_of_a_component_are_counted() {
    let described = |tools: usize| {
        let mut bytes = Vec::new();
        encode(&FromRunner::Described(3, Ok(vec![tool(); tools])), &mut bytes).unwrap();
        decoder_with(&bytes).next::<FromRunner>()
    };
    let most = FromRunner::Described(3, Ok(vec![tool(); crate::MAX_TOOLS]));
    assert_eq!(described(crate::MAX_TOOLS), Ok(Some(most)));
    assert!(matches!(described(crate::MAX_TOOLS + 1), Err(FrameError::Malformed(_))));
    let mut bytes = Vec::new();
    let refused = FromRunner::Described(3, Err("no".to_owned()));
    encode(&refused, &mut bytes).unwrap();
    assert_eq!(decoder_with(&bytes).next(), Ok(Some(refused)));
}

#[test]
fn a_message_that_is_too_long_leaves_the_output_as_it_was() {
    let mut out = vec![7];
    let log = Log { id: 1, source: LogSource::Stdout, text: "x".repeat(MAX_FRAME_BYTES) };
    assert!(matches!(encode(&FromRunner::Log(log), &mut out), Err(FrameError::TooLong { .. })));
    assert_eq!(out, [7]);
}

#[test]
fn half_a_frame_is_nothing_yet() {
    let mut bytes = Vec::new();
    encode(&FromRunner::Ready(300), &mut bytes).unwrap();
    let mut decoder = decoder_with(&bytes[..bytes.len() - 1]);
    assert_eq!(decoder.next::<FromRunner>(), Ok(None));
    assert!(!decoder.is_empty());
    decoder.push(&bytes[bytes.len() - 1..]);
    assert_eq!(decoder.next(), Ok(Some(FromRunner::Ready(300))));
    assert!(decoder.is_empty());
}

fn message() -> impl Strategy<Value = FromRunner> {
    prop_oneof![
        any::<u64>().prop_map(FromRunner::Ready),
        ".{0,200}".prop_map(FromRunner::Refused),
        (any::<u64>(), ".{0,300}", 0..5_u8)
            .prop_map(|(id, text, level)| { FromRunner::Log(Log { id, source: LogSource::Message(level), text }) }),
        (any::<u64>(), proptest::collection::vec(any::<u8>(), 0..300)).prop_map(|(id, bytes)| {
            let content = vec![Content::Image(bytes, "image/png".to_owned())];
            let answer = Answer { content, structured: None, is_error: false };
            FromRunner::Done(Done { id, outcome: Outcome::Answer(answer), usage: Usage::default() })
        }),
    ]
}

proptest! {
    #[test]
    fn any_split_of_a_stream_decodes_the_same(
        messages in proptest::collection::vec(message(), 0..12),
        sizes in proptest::collection::vec(1..700_usize, 1..20),
    ) {
        let mut stream = Vec::new();
        for message in &messages {
            encode(message, &mut stream).unwrap();
        }
        let mut decoder = Decoder::new();
        let mut decoded = Vec::new();
        let mut rest = stream.as_slice();
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, later) = rest.split_at(rest.len().min(*size));
            rest = later;
            decoder.push(chunk);
            while let Some(message) = decoder.next::<FromRunner>().unwrap() {
                decoded.push(message);
            }
        }
        prop_assert_eq!(decoded, messages);
        prop_assert!(decoder.is_empty());
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_stay_in_bounds(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..2_000), 0..20),
    ) {
        let mut decoder = Decoder::new();
        for chunk in &chunks {
            decoder.push(chunk);
            while let Ok(Some(_)) = decoder.next::<FromRunner>() {}
            prop_assert!(decoder.buffer.capacity() <= MAX_BUFFER_BYTES + chunk.len());
        }
    }

    #[test]
    fn a_framed_body_of_arbitrary_bytes_never_panics(
        body in proptest::collection::vec(any::<u8>(), 0..3_000),
    ) {
        let _ = decoder_with(&framed(&body)).next::<FromRunner>();
        let _ = decoder_with(&framed(&body)).next::<crate::ToRunner>();
        let _ = decoder_with(&framed(&body)).next::<crate::FromCompile>();
    }
}

#[test]
fn a_body_that_trickles_in_never_reserves_more_than_one_frame() {
    let mut decoder = decoder_with(&u32::try_from(MAX_FRAME_BYTES).unwrap().to_le_bytes());
    for _ in 0..MAX_FRAME_BYTES / 65_536 {
        decoder.push(&[0xff; 65_536]);
        assert!(decoder.buffer.capacity() <= MAX_BUFFER_BYTES);
    }
    assert!(matches!(decoder.next::<FromRunner>(), Err(FrameError::Malformed(_))));
}

#[test]
fn a_frame_longer_than_may_be_said_now_is_refused_by_its_length_alone() {
    let mut decoder = decoder_with(&1_000_u32.to_le_bytes());
    assert_eq!(decoder.next_within::<FromRunner>(1_000), Ok(None));
    assert_eq!(decoder.next_within::<FromRunner>(999), Err(FrameError::TooLong { bytes: 1_000, most: 999 }));
    assert_eq!(decoder.buffer.capacity(), 0);
}
