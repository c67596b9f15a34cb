//! A script as its simple commands, as far as it can be read without running it. A word that holds a
//! variable, a substitution or a pattern is kept as it was written and marked: its value cannot be known.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::vec::IntoIter;

/// Commands within commands: the deepest that is followed.
const MAX_DEPTH: usize = 8;

/// A word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// The shell makes this of it and nothing else.
    pub(super) exact: bool,
}

/// A simple command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Command {
    /// The line that it begins on.
    pub(super) line: usize,
    pub(super) words: Vec<Word>,
    /// Where `>` sends what it prints.
    pub(super) output: Option<Word>,
    /// What it prints goes to another command.
    pub(super) piped: bool,
}

/// What a script holds.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) commands: Vec<Command>,
    /// What could not be read: line and reason.
    pub(super) unread: Vec<(usize, String)>,
}

/// Reads a script that begins on this line. `variables` are those whose values are known.
pub(super) fn read(text: &str, line: usize, variables: &BTreeMap<String, String>) -> Script {
    let mut script = Script::default();
    within(text, line, variables, 0, &mut script);
    script
}

fn within(text: &str, line: usize, variables: &BTreeMap<String, String>, depth: usize, script: &mut Script) {
    if depth > MAX_DEPTH {
        script.unread.push((line, "commands within commands, deeper than is followed".to_owned()));
        return;
    }
    let mut reader = Reader {
        rest: text.chars().collect::<Vec<_>>().into_iter().peekable(),
        line,
        variables,
        depth,
        script,
        command: Command { line, ..Command::default() },
        word: None,
        redirect: None,
        heredocs: Vec::new(),
    };
    reader.read();
}

/// What the next word is to a redirection.
#[derive(Clone, Copy, PartialEq)]
enum Redirect {
    Output,
    Input,
    Heredoc,
}

struct Reader<'r> {
    rest: Peekable<IntoIter<char>>,
    line: usize,
    variables: &'r BTreeMap<String, String>,
    depth: usize,
    script: &'r mut Script,
    command: Command,
    word: Option<Word>,
    redirect: Option<Redirect>,
    /// Delimiters of here-documents that begin after this line.
    heredocs: Vec<String>,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.next();
        self.line += usize::from(c == Some('\n'));
        c
    }

    fn next_is(&mut self, wanted: char) -> bool {
        self.rest.next_if_eq(&wanted).is_some()
    }

    fn word(&mut self) -> &mut Word {
        if self.word.is_none() && self.command.words.is_empty() {
            self.command.line = self.line;
        }
        self.word.get_or_insert_with(|| Word { text: String::new(), exact: true })
    }

    fn push(&mut self, c: char) {
        self.word().text.push(c);
    }

    fn push_unknown(&mut self, text: &str) {
        let word = self.word();
        word.text.push_str(text);
        word.exact = false;
    }

    fn read(&mut self) {
        while let Some(c) = self.next() {
            match c {
                '\\' => match self.next() {
                    Some('\n') | None => {}
                    Some(c) => self.push(c),
                },
                '\'' => self.single(),
                '"' => self.double(),
                '$' => self.dollar(false),
                '`' => self.backquoted(),
                '#' if self.word.is_none() => while self.rest.next_if(|c| *c != '\n').is_some() {},
                ' ' | '\t' | '\r' => self.end_word(),
                '\n' => {
                    self.end_command();
                    self.skip_heredocs();
                }
                '&' if self.rest.peek() == Some(&'>') => self.end_word(),
                ';' | '&' | ')' => self.end_command(),
                '|' => {
                    self.end_word();
                    self.command.piped = !self.next_is('|');
                    self.next_is('&');
                    self.end_command();
                }
                '(' => self.open(),
                '<' | '>' => self.redirected(c),
                '*' | '?' | '[' => self.push_unknown(&c.to_string()),
                '~' if self.word.is_none() => self.push_unknown("~"),
                ',' if self.word.as_ref().is_some_and(|word| word.text.contains('{')) => self.push_unknown(","),
                c => self.push(c),
            }
        }
        self.end_command();
    }

    fn single(&mut self) {
        self.word();
        while let Some(c) = self.next() {
            if c == '\'' {
                return;
            }
            self.push(c);
        }
        self.unread("a quote that is not closed");
    }

    fn double(&mut self) {
        self.word();
        while let Some(c) = self.next() {
            match c {
                '"' => return,
                '\\' => match self.next() {
                    Some('\n') | None => {}
                    Some(c @ ('$' | '`' | '"' | '\\')) => self.push(c),
                    Some(c) => {
                        self.push('\\');
                        self.push(c);
                    }
                },
                '$' => self.dollar(true),
                '`' => self.backquoted(),
                c => self.push(c),
            }
        }
        self.unread("a quote that is not closed");
    }

    /// What follows a `$`.
    fn dollar(&mut self, quoted: bool) {
        match self.rest.peek().copied() {
            Some('(') => {
                self.next();
                let line = self.line;
                let inner = self.balanced('(', ')');
                if !inner.starts_with('(') {
                    within(&inner, line, self.variables, self.depth + 1, self.script);
                }
                self.push_unknown(&format!("$({inner})"));
            }
            Some('{') => {
                self.next();
                let inner = self.balanced('{', '}');
                // `${{ … }}` is replaced by the service, before a shell sees it.
                let expression = inner.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).map(str::trim);
                let name = match expression {
                    Some(expression) => expression.strip_prefix("env.").unwrap_or("").trim(),
                    None => inner.as_str(),
                };
                self.value_of(name, &format!("${{{inner}}}"), quoted);
            }
            Some('\'') if !quoted => {
                self.next();
                self.push_unknown("$'");
                while let Some(c) = self.next().filter(|c| *c != '\'') {
                    self.push(c);
                    if c == '\\' {
                        self.next();
                    }
                }
            }
            Some('"') if !quoted => {}
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let mut name = String::new();
                while let Some(c) = self.rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    name.push(c);
                }
                self.value_of(&name, &format!("${name}"), quoted);
            }
            Some(c) if c.is_ascii_digit() || "?@*#!-$".contains(c) => {
                self.next();
                self.push_unknown(&format!("${c}"));
            }
            _ => self.push('$'),
        }
    }

    fn value_of(&mut self, name: &str, written: &str, quoted: bool) {
        match self.variables.get(name) {
            // Unquoted, a shell takes a value apart again; only what stays whole is known.
            Some(value) if quoted || value.chars().all(|c| c.is_ascii_alphanumeric() || "._-/:=@,+%".contains(c)) => {
                let value = value.clone();
                self.word().text.push_str(&value);
            }
            _ => self.push_unknown(written),
        }
    }

    /// What lies before the closing character that belongs to one already read.
    fn balanced(&mut self, open: char, close: char) -> String {
        let mut inner = String::new();
        let mut depth = 1_usize;
        let mut quote = None;
        while let Some(c) = self.next() {
            match (quote, c) {
                (None, '\'' | '"') => quote = Some(c),
                (Some(q), c) if q == c => quote = None,
                (None, c) if c == open => depth += 1,
                (None, c) if c == close => {
                    depth -= 1;
                    if depth == 0 {
                        return inner;
                    }
                }
                _ => {}
            }
            inner.push(c);
            if c == '\\'
                && let Some(c) = self.next()
            {
                inner.push(c);
            }
        }
        self.unread("a bracket that is not closed");
        inner
    }

    fn backquoted(&mut self) {
        let (mut inner, line) = (String::new(), self.line);
        while let Some(c) = self.next().filter(|c| *c != '`') {
            match c {
                '\\' => inner.extend(self.next()),
                c => inner.push(c),
            }
        }
        within(&inner, line, self.variables, self.depth + 1, self.script);
        self.push_unknown(&format!("`{inner}`"));
    }

    /// A sub-shell, a list of words, or a function: whose name is then not the program's any more.
    fn open(&mut self) {
        self.end_word();
        if self.rest.peek() == Some(&')') && !self.command.words.is_empty() {
            self.unread("a function is defined, which may stand for any command");
        }
        self.end_command();
    }

    fn redirected(&mut self, c: char) {
        // The number before it is a descriptor's.
        if self.word.as_ref().is_some_and(|word| word.exact && word.text.chars().all(|c| c.is_ascii_digit())) {
            self.word = None;
        }
        self.end_word();
        match c {
            '<' if self.next_is('<') => {
                if self.next_is('<') {
                    self.redirect = Some(Redirect::Input);
                } else {
                    self.next_is('-');
                    self.redirect = Some(Redirect::Heredoc);
                }
            }
            _ if self.next_is('(') => {
                let line = self.line;
                let inner = self.balanced('(', ')');
                within(&inner, line, self.variables, self.depth + 1, self.script);
                self.push_unknown(&format!("{c}({inner})"));
            }
            '<' => {
                self.next_is('&');
                self.redirect = Some(Redirect::Input);
            }
            _ => {
                for more in ['>', '|', '&'] {
                    self.next_is(more);
                }
                self.redirect = Some(Redirect::Output);
            }
        }
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        match self.redirect.take() {
            None => self.command.words.push(word),
            Some(Redirect::Output) => self.command.output = Some(word),
            Some(Redirect::Input) => {}
            Some(Redirect::Heredoc) => self.heredocs.push(word.text),
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.redirect = None;
        let command = std::mem::take(&mut self.command);
        if !command.words.is_empty() {
            self.script.commands.push(command);
        }
    }

    /// Texts that a command reads; one that names a container engine may be a script.
    fn skip_heredocs(&mut self) {
        for delimiter in std::mem::take(&mut self.heredocs) {
            let mut body = String::new();
            loop {
                let mut line = String::new();
                while let Some(c) = self.next().filter(|c| *c != '\n') {
                    line.push(c);
                }
                if line.trim_start_matches('\t') == delimiter || (line.is_empty() && self.rest.peek().is_none()) {
                    break;
                }
                body.push_str(&line);
                body.push('\n');
            }
            if super::start::names_engine(&body) {
                self.unread("a here-document names a container engine");
            }
        }
    }

    fn unread(&mut self, why: &str) {
        self.script.unread.push((self.line, why.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(text: &str) -> Vec<String> {
        let variables =
            BTreeMap::from([("IMAGE".to_owned(), "i@sha256:0".to_owned()), ("LIST".to_owned(), "a b".to_owned())]);
        let script = read(text, 1, &variables);
        let word = |word: &Word| if word.exact { word.text.clone() } else { format!("?{}", word.text) };
        script.commands.iter().map(|command| command.words.iter().map(word).collect::<Vec<_>>().join("|")).collect()
    }

    #[test]
    fn words_are_those_of_a_shell() {
        for (text, wanted) in [
            ("a b  c", vec!["a|b|c"]),
            ("a \\\n  b\\\nc", vec!["a|bc"]),
            ("a 'b c' \"d $ e\" f\\ g", vec!["a|b c|d $ e|f g"]),
            ("a # b\nc#d", vec!["a", "c#d"]),
            ("a;b && c || d | e & f", vec!["a", "b", "c", "d", "e", "f"]),
            ("a >b 2>&1 <c d &>e", vec!["a|d"]),
            ("a $X \"${Y}\" '$Z' ${{ x.y }}", vec!["a|?$X|?${Y}|$Z|?${{ x.y }}"]),
            ("a $IMAGE \"${IMAGE}\" ${{ env.IMAGE }}", vec!["a|i@sha256:0|i@sha256:0|i@sha256:0"]),
            ("a $LIST \"$LIST\"", vec!["a|?$LIST|a b"]),
            ("id=$(docker run x)", vec!["docker|run|x", "?id=$(docker run x)"]),
            ("a \"$(b 'c)')\" `d e`", vec!["b|c)", "d|e", "a|?$(b 'c)')|?`d e`"]),
            ("a *.c x{b,c} ~/d", vec!["a|?*.c|?x{b,c}|?~/d"]),
            ("a <<'E' x\nb c\nE\nd", vec!["a|x", "d"]),
            ("a <<< b c", vec!["a|c"]),
            ("(a b)", vec!["a|b"]),
            ("a $((1 + 2))", vec!["a|?$((1 + 2))"]),
        ] {
            assert_eq!(commands(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let none = BTreeMap::new();
        for text in ["docker() { command docker --privileged; }", "bash <<E\ndocker run x\nE", "a 'b", "a \"b", "a $(b"]
        {
            assert!(!read(text, 1, &none).unread.is_empty(), "{text}");
        }
        let deep = format!("{}a{}", "$(".repeat(50), ")".repeat(50));
        assert!(!read(&deep, 1, &none).unread.is_empty());
    }

    #[test]
    fn lines_are_counted_through_continuations() {
        let script = read("a\n\nb \\\n c\nd", 10, &BTreeMap::new());
        assert_eq!(script.commands.iter().map(|command| command.line).collect::<Vec<_>>(), [10, 12, 14]);
    }

    #[test]
    fn where_a_command_prints_is_known() {
        let script = read("safeclaw posture > 'a b'", 1, &BTreeMap::new());
        let outputs: Vec<_> = script.commands.into_iter().filter_map(|command| command.output).collect();
        assert_eq!(outputs, [Word { text: "a b".to_owned(), exact: true }]);
    }
}
