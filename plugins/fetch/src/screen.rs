//! A page before it is parsed: without what is not shown, and without tags that would cost more than they are worth.
//!
//! The parser compares each attribute of a tag with all before it, so that one tag of a megabyte would take minutes.
//! How many attributes a tag has can only be known by reading it as the parser does; so this reads tags in the states
//! of the HTML standard (13.2.5), and lets nothing through that would make the parser read otherwise: elements whose
//! content is not markup are left out whole, except the title.

/// The most attributes of a tag; what is behind them becomes text.
const ATTRIBUTES: usize = 128;

/// Elements in whose content a `<` may mean nothing.
const RAW: [&str; 10] =
    ["iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "template", "textarea", "xmp"];

/// The page that is parsed.
pub(crate) fn screen(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((text, markup)) = html_split(rest) {
        out.push_str(text);
        if let Some(comment) = markup.strip_prefix("<!--") {
            rest = after_comment(comment);
            continue;
        }
        let name = tag_name(markup);
        if name.is_empty() {
            // `<!doctype>`, `<?xml?>`, `</ >`: they end at the first `>`, and say nothing that is shown. A `<` before
            // anything else is text.
            let is_bogus = markup.starts_with("<!") || markup.starts_with("<?") || markup.starts_with("</");
            rest = if is_bogus {
                after(markup, ">")
            } else {
                out.push_str("&lt;");
                after(markup, "<")
            };
            continue;
        }
        let is_end = markup.starts_with("</");
        let (tag, behind) = tag(markup);
        rest = behind;
        if RAW.contains(&name.as_str()) {
            // An end tag alone is nothing.
            if !is_end {
                rest = raw(behind, &name).1;
            }
        } else if name == "title" {
            if !is_end {
                let (content, behind) = raw(behind, &name);
                out.push_str("<title>");
                out.push_str(&content.replace('<', "&lt;"));
                out.push_str("</title>");
                rest = behind;
            }
        } else {
            out.push_str(&tag);
        }
    }
    out.push_str(rest);
    out
}

/// What is before the first `<`, and from there on.
fn html_split(rest: &str) -> Option<(&str, &str)> {
    rest.split_at_checked(rest.find('<')?)
}

fn after<'h>(html: &'h str, end: &str) -> &'h str {
    html.split_once(end).map(|(_, behind)| behind).unwrap_or_default()
}

/// Behind a comment: `-->`, `--!>`, or at once `>` or `->`. One without an end is the rest of the page.
fn after_comment(comment: &str) -> &str {
    if let Some(behind) = comment.strip_prefix('>').or_else(|| comment.strip_prefix("->")) {
        return behind;
    }
    let mut from = 0;
    // One pass, whatever the comment holds: each look begins where the last one ended.
    while let Some(at) = comment.get(from..).and_then(|rest| rest.find("--")).map(|at| at + from) {
        let behind = comment.get(at + 2..).unwrap_or_default();
        if let Some(behind) = behind.strip_prefix('>').or_else(|| behind.strip_prefix("!>")) {
            return behind;
        }
        from = at + 1;
    }
    ""
}

/// The name of the tag that begins here, in lower case; empty if none does.
fn tag_name(markup: &str) -> String {
    let name = markup.strip_prefix('<').unwrap_or(markup);
    let name = name.strip_prefix('/').unwrap_or(name);
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return String::new();
    }
    let end = name.find(|c: char| is_space(c) || matches!(c, '/' | '>')).unwrap_or(name.len());
    name.get(..end).unwrap_or_default().to_ascii_lowercase()
}

fn is_space(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\u{c}' | '\r' | ' ')
}

/// Content that is not markup, and what is behind its end tag.
fn raw<'h>(html: &'h str, name: &str) -> (&'h str, &'h str) {
    let mut from = 0;
    while let Some(at) = html.get(from..).and_then(|rest| rest.find("</")).map(|at| at + from) {
        let behind = html.get(at..).unwrap_or_default();
        if ends(behind, name) && name != "plaintext" {
            return (html.get(..at).unwrap_or_default(), tag(behind).1);
        }
        from = at + 2;
    }
    (html, "")
}

/// Whether the end tag of this name begins here. No more is looked at than the name is long.
fn ends(markup: &str, name: &str) -> bool {
    let (found, behind) = (markup.get(2..2 + name.len()), markup.get(2 + name.len()..).unwrap_or_default());
    found.is_some_and(|found| found.eq_ignore_ascii_case(name))
        && behind.starts_with(|c: char| is_space(c) || matches!(c, '/' | '>'))
}

/// Where the tokenizer is inside a tag.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Name,
    BeforeAttribute,
    Attribute,
    AfterAttribute,
    BeforeValue,
    Quoted(char),
    Unquoted,
}

/// The tag that begins here, ended early if it has too many attributes, and what is behind it. A tag that the page
/// ends in is none.
fn tag(markup: &str) -> (String, &str) {
    let mut state = State::Name;
    let mut attributes = 0_usize;
    // `<` and, of an end tag, `/` come before the name.
    let begin = if markup.starts_with("</") { 2 } else { 1 };
    for (at, c) in markup.char_indices().skip(begin) {
        let is_new = |state| matches!(state, State::BeforeAttribute | State::AfterAttribute);
        let next = match (state, c) {
            (State::Quoted(quote), c) if c == quote => State::BeforeAttribute,
            (State::Quoted(_), _) => state,
            (_, '>') => {
                let (tag, behind) = markup.split_at_checked(at + 1).unwrap_or((markup, ""));
                return (tag.to_owned(), behind);
            }
            (State::BeforeValue, c) if is_space(c) => state,
            (State::BeforeValue, '"' | '\'') => State::Quoted(c),
            (State::BeforeValue, _) => State::Unquoted,
            (State::Unquoted, c) if is_space(c) => State::BeforeAttribute,
            (State::Unquoted, _) => state,
            (State::Attribute, c) if is_space(c) => State::AfterAttribute,
            (State::AfterAttribute, c) if is_space(c) => state,
            (State::Attribute | State::AfterAttribute, '=') => State::BeforeValue,
            (State::Name, c) if !is_space(c) && c != '/' => state,
            (_, '/') => State::BeforeAttribute,
            (_, c) if is_space(c) => State::BeforeAttribute,
            // `=` where a name should be is the first character of one.
            (State::BeforeAttribute | State::AfterAttribute | State::Attribute | State::Name, _) => State::Attribute,
        };
        if next == State::Attribute && is_new(state) {
            attributes += 1;
            if attributes > ATTRIBUTES {
                let (tag, behind) = markup.split_at_checked(at).unwrap_or((markup, ""));
                return (format!("{tag}>"), behind);
            }
        }
        state = next;
    }
    (String::new(), "")
}

#[cfg(test)]
mod tests {
    use super::screen;
    use html5ever::tendril::StrTendril;
    use html5ever::tokenizer::{BufferQueue, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
    use std::cell::Cell;

    #[test]
    fn what_is_not_shown_is_left_out() {
        for (html, expected) in [
            ("a<!-- x --><b>c</b>", "a<b>c</b>"),
            ("<!-->a<!--->b<!--c--!>d<!-- e", "abd"),
            ("<SCRIPT>if (a<b) x(\"</b>\")</Script >y", "y"),
            ("<style>a>b{}</styles></style>z", "z"),
            ("<title>a<b</title>c", "<title>a&lt;b</title>c"),
            ("<textarea><a x=\"</textarea><p>y", "<p>y"),
            ("<!doctype html><?xml v?></ x>a < b <3 << c", "a &lt; b &lt;3 &lt;&lt; c"),
            ("<a href='>' title=x>y</a>", "<a href='>' title=x>y</a>"),
            ("<a ='>x", "<a ='>x"),
            ("a<b", "a"),
            ("a<b c='>", "a"),
            ("<plaintext><b></plaintext>", ""),
            ("<p>ä</p>", "<p>ä</p>"),
        ] {
            assert_eq!(screen(html), expected, "{html}");
        }
    }

    /// The most attributes that the parser sees in one tag.
    #[derive(Default)]
    struct Most(Cell<usize>);

    impl TokenSink for Most {
        type Handle = ();
        fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
            if let Token::TagToken(tag) = token {
                self.0.set(self.0.get().max(tag.attrs.len()));
            }
            TokenSinkResult::Continue
        }
    }

    fn most(html: &str) -> usize {
        let tokenizer = Tokenizer::new(Most::default(), TokenizerOpts::default());
        let queue = BufferQueue::default();
        queue.push_back(StrTendril::from_slice(html));
        let _ = tokenizer.feed(&queue);
        tokenizer.end();
        tokenizer.sink.0.get()
    }

    #[test]
    fn no_tag_keeps_more_attributes_than_it_may() {
        let many: String = (0..1_000).map(|n| format!(" a{n}")).collect();
        assert_eq!(most(&format!("<a{many}>")), 1_000, "the parser itself has no bound");
        for before in [
            "<a",
            "</a",
            "<a/",
            "<a x=\">\"",
            "<a x='>",
            "<a =\"",
            "<a x=\"",
            "<a x==\"",
            "<a \"",
            "<a x=y\"",
            "<!--><a",
            "<title><a x=\"</title",
            "<svg><title><a x=\"</title",
            "<a x = '\"'",
            "<a x=/",
            "<a x/=\"",
            "<a\u{c}x=\"\"y=\"\"",
            "<![CDATA[><a",
            "<textarea></textarea",
            "<a <",
            "<style></style x=\"",
            "<a x=`",
            "<x<y",
        ] {
            for after in ["", ">", "\">", "'>"] {
                let seen = most(&screen(&format!("{before}{many}{after}")));
                assert!(seen <= 128, "{before} … {after}: {seen}");
            }
        }
    }

    #[test]
    fn no_mixture_of_what_means_something_gets_past() {
        // A generator of our own: the same numbers in every run.
        let mut seed = 7_u64;
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        let words = [
            "<", "</", ">", "a", "title", "script", "textarea", " ", "=", "\"", "'", "/", "!", "--", "-", "é", "\n",
            "<!--", "]]>", "svg", "`",
        ];
        let many: String = (0..300).map(|n| format!(" b{n}")).collect();
        for _ in 0..4_000 {
            let mut html = String::new();
            for _ in 0..next(12) {
                html.push_str(
                    words
                        .get(usize::try_from(next(words.len() as u64)).unwrap_or_default())
                        .copied()
                        .unwrap_or_default(),
                );
            }
            html.push_str(&many);
            html.push('>');
            let seen = most(&screen(&html));
            assert!(seen <= 128, "{html}: {seen}");
        }
    }
}
