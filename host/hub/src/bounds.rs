//! Size, depth and number of values of a JSON text, measured without building a tree.
//!
//! Arguments come from an agent that nobody trusts: a few kilobytes of `[` would cost a recursive parser
//! its stack, and a tree costs many times its text: two bytes of `0,` become a value of some seventy. Pure.

mod read;
mod tree;

use read::{Keys, read};
pub(crate) use tree::tree;

/// The deepest nesting of arguments, structured results and schemas.
pub const DEPTH: usize = 32;

/// The most values in one text: as a tree they take some megabytes.
pub const VALUES: usize = 100_000;

/// Why a text is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutOfBounds {
    /// It is too long.
    #[error("{found} bytes of JSON; the most is {most}")]
    Bytes {
        /// Its length.
        found: usize,
        /// The bound.
        most: usize,
    },
    /// It is nested too deeply.
    #[error("JSON nested deeper than {most}")]
    Depth {
        /// The bound.
        most: usize,
    },
    /// It has too many values.
    #[error("JSON of more than {most} values")]
    Values {
        /// The bound.
        most: usize,
    },
    /// It is not JSON at all.
    #[error("not JSON")]
    Syntax,
    /// It is JSON, but no object.
    #[error("not a JSON object")]
    NotAnObject,
}

/// Checks that a text is a JSON object within these bounds.
///
/// # Errors
/// The first bound that it breaks, the length first.
pub fn object(text: &str, most_bytes: usize, most_depth: usize) -> Result<(), OutOfBounds> {
    value(text, most_bytes, most_depth)?;
    if text.trim_start().starts_with('{') { Ok(()) } else { Err(OutOfBounds::NotAnObject) }
}

/// Checks that a text is JSON within these bounds.
///
/// # Errors
/// The first bound that it breaks, the length first.
pub fn value(text: &str, most_bytes: usize, most_depth: usize) -> Result<(), OutOfBounds> {
    if text.len() > most_bytes {
        return Err(OutOfBounds::Bytes { found: text.len(), most: most_bytes });
    }
    measure(text, most_depth)?;
    // Known to be shallow by now, so that the parser's recursion is bounded; it keeps nothing.
    read(text, Keys::AnyTimes).map_err(|_| OutOfBounds::Syntax)
}

/// Whether no key of any object in this text stands twice: of two readings of one text, a check would see one
/// and a tool the other. A text that is not JSON has none.
#[must_use]
pub fn keys_are_unique(text: &str) -> bool {
    read(text, Keys::Once).is_ok()
}

/// Whether a parser that builds a tree would get more out of this text than [`VALUES`]. The text need not be
/// JSON: a parser stops where it is not.
#[must_use]
pub fn too_many_values(text: &[u8]) -> bool {
    Scan::default().until(text, |scan| scan.values > VALUES)
}

fn measure(text: &str, most_depth: usize) -> Result<(), OutOfBounds> {
    let mut scan = Scan::default();
    match scan.until(text.as_bytes(), |scan| scan.depth > most_depth || scan.values > VALUES) {
        false => Ok(()),
        true if scan.depth > most_depth => Err(OutOfBounds::Depth { most: most_depth }),
        true => Err(OutOfBounds::Values { most: VALUES }),
    }
}

/// Depth and number of values of a JSON text up to here, byte by byte.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    depth: usize,
    /// What begins one: a comma, a bracket, a brace.
    pub(crate) values: usize,
    in_string: bool,
    escaped: bool,
}

impl Scan {
    /// Takes bytes up to the first after which `over` holds; whether there was one.
    fn until(&mut self, bytes: &[u8], over: impl Fn(&Self) -> bool) -> bool {
        let mut rest = bytes;
        loop {
            // Most of a long text is one string, and in a string only its end counts.
            if self.in_string && !self.escaped {
                let end = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                rest = rest.get(end..).unwrap_or_default();
            }
            let Some((byte, after)) = rest.split_first() else { return false };
            if over(self.take(*byte)) {
                return true;
            }
            rest = after;
        }
    }

    pub(crate) fn take(&mut self, byte: u8) -> &Self {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return self;
        }
        match byte {
            b'{' | b'[' => {
                self.depth += 1;
                self.values += 1;
            }
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            b',' => self.values += 1,
            b'"' => self.in_string = true,
            _ => {}
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nested(depth: usize) -> String {
        format!("{{\"a\":{}0{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1))
    }

    #[test]
    fn depth_is_counted_outside_strings_only() {
        assert_eq!(object(&nested(32), 1000, 32), Ok(()));
        assert_eq!(object(&nested(33), 1000, 32), Err(OutOfBounds::Depth { most: 32 }));
        assert_eq!(object(r#"{"a":"[[[[\"[[["}"#, 1000, 1), Ok(()));
        assert_eq!(object(r#"{"a":"\\","b":[[]]}"#, 1000, 2), Err(OutOfBounds::Depth { most: 2 }));
    }

    #[test]
    fn a_stack_of_brackets_is_refused_before_it_is_parsed() {
        let bomb = "[".repeat(1 << 20);
        assert_eq!(value(&bomb, 1 << 21, 32), Err(OutOfBounds::Depth { most: 32 }));
        assert_eq!(value(&bomb, 1 << 10, 32), Err(OutOfBounds::Bytes { found: 1 << 20, most: 1 << 10 }));
    }

    #[test]
    fn values_are_counted_outside_strings_only() {
        // The array, and a comma before each value but the first.
        let many = |count: usize| format!("[{}0]", "0,".repeat(count - 2));
        assert_eq!(value(&many(VALUES + 1), 1 << 22, 32), Ok(()));
        assert_eq!(value(&many(VALUES + 2), 1 << 22, 32), Err(OutOfBounds::Values { most: VALUES }));
        assert!(!too_many_values(many(VALUES + 1).as_bytes()));
        assert!(too_many_values(many(VALUES + 2).as_bytes()));
        assert!(too_many_values(many(VALUES + 2).trim_end_matches(']').as_bytes()));
        assert!(too_many_values("[{},".repeat(VALUES / 2).as_bytes()));
        let text = format!(r#"["{}"]"#, r#"[,{\",\\"#.repeat(VALUES));
        assert_eq!(value(&text, 1 << 22, 32), Ok(()));
    }

    #[test]
    fn only_whole_objects_are_arguments() {
        for text in ["", "{", "{}{}", "{\"a\":}", "{'a':1}", "]"] {
            assert_eq!(object(text, 100, 32), Err(OutOfBounds::Syntax), "{text}");
        }
        for text in ["[]", "1", "null", "\"{}\""] {
            assert_eq!(object(text, 100, 32), Err(OutOfBounds::NotAnObject), "{text}");
        }
        assert_eq!(object(" \n{ } ", 100, 32), Ok(()));
    }

    proptest! {
        #[test]
        fn whatever_the_parser_takes_is_measured_right(depth in 1usize..60, most in 1usize..60) {
            prop_assert_eq!(object(&nested(depth), 10_000, most).is_ok(), depth <= most);
        }
    }
}
