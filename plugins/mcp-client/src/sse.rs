//! `text/event-stream`, as far as MCP uses it: what is behind `data:`, event by event.

use safeclaw_sdk::prelude::*;

/// The most that one event may hold, bytes.
const EVENT_BYTES: usize = 2 << 20;

/// Reads a stream that comes in pieces, cut anywhere.
#[derive(Default)]
pub(crate) struct Events {
    /// The line that has not ended.
    line: Vec<u8>,
    /// The event that has not ended.
    data: Option<Vec<u8>>,
    /// The last byte was a CR: an LF that follows belongs to it.
    after_cr: bool,
    /// A byte order mark may only be at the very beginning.
    begun: bool,
}

impl Events {
    /// The events that end in this piece.
    ///
    /// # Errors
    /// An event that is larger than any answer.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<Vec<String>> {
        let mut events = Vec::new();
        for &byte in piece {
            let is_second_half = byte == b'\n' && self.after_cr;
            self.after_cr = byte == b'\r';
            match byte {
                b'\n' if is_second_half => {}
                b'\r' | b'\n' => events.extend(self.end_line()),
                byte => self.line.push(byte),
            }
            ensure!(
                self.line.len() + self.data.as_ref().map_or(0, Vec::len) <= EVENT_BYTES,
                "the server sent an event of more than {EVENT_BYTES} bytes"
            );
        }
        Ok(events)
    }

    fn end_line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        let begins = !std::mem::replace(&mut self.begun, true);
        let line = if begins { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line) } else { &line };
        if line.is_empty() {
            // An event without data, such as the one that begins a stream, says nothing.
            let data = self.data.take().filter(|data| !data.is_empty())?;
            return Some(String::from_utf8_lossy(&data).into_owned());
        }
        let value = match line.strip_prefix(b"data") {
            Some([]) => &[],
            Some([b':', b' ', value @ ..] | [b':', value @ ..]) => value,
            // `id`, `event`, `retry`, comments, and fields that nobody knows.
            _ => return None,
        };
        match &mut self.data {
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            None => self.data = Some(value.to_vec()),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::{EVENT_BYTES, Events};

    #[test]
    fn events_are_the_same_however_they_are_cut() {
        let text = b"\xef\xbb\xbfid: 1\ndata:\n\n: comment\r\nevent: message\r\ndata: {\"a\":\r\ndata:1}\r\n\r\ndata: x\rretry: 3\r\rdatax: no\ndata\n\ndata: unfinished";
        let expected = ["{\"a\":\n1}", "x"];
        assert_eq!(Events::default().push(text).unwrap(), expected);
        for cut in 1..text.len() {
            let (first, second) = text.split_at(cut);
            let mut events = Events::default();
            let mut found = events.push(first).unwrap();
            found.extend(events.push(second).unwrap());
            assert_eq!(found, expected, "cut at {cut}");
        }
    }

    #[test]
    fn an_event_without_an_end_ends() {
        let mut events = Events::default();
        let piece = [b'a'; 1 << 16];
        let pushed = (0..=EVENT_BYTES / piece.len()).map(|_| events.push(&piece)).find(Result::is_err);
        assert!(pushed.is_some());
        let mut events = Events::default();
        let line = [b"data: ".as_slice(), &[b'a'; 1 << 16], b"\n"].concat();
        assert!((0..=EVENT_BYTES / line.len()).any(|_| events.push(&line).is_err()));
    }
}
