//! Size and depth of a JSON text, measured without building a tree.
//!
//! Arguments come from an agent that nobody trusts: a few kilobytes of `[` would cost a recursive parser
//! its stack, and a tree costs many times its text. Pure.

/// The deepest nesting of arguments, structured results and schemas.
pub const DEPTH: usize = 32;

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
    if deeper_than(text, most_depth) {
        return Err(OutOfBounds::Depth { most: most_depth });
    }
    // Known to be shallow by now, so that the parser's recursion is bounded; it keeps nothing.
    serde_json::from_str::<serde::de::IgnoredAny>(text).map(drop).map_err(|_| OutOfBounds::Syntax)
}

fn deeper_than(text: &str, most: usize) -> bool {
    let mut depth = 0_usize;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                if depth > most {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    false
}

fn skip_string(bytes: &mut std::str::Bytes<'_>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'"' => return,
            _ => {}
        }
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
