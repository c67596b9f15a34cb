//! A YAML file as a tree of texts, bounded: an alias of an alias of an alias must not become a gigabyte.

use saphyr_parser::{Event, Parser, Span};
use std::collections::BTreeMap;

/// The most nodes of a file, those behind aliases counted each time.
const MAX_NODES: usize = 50_000;
/// The deepest.
const MAX_DEPTH: usize = 64;

/// A node. Every scalar is a text: nothing here asks what YAML takes `no` for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// A text, and the line that its content begins on.
    Text(String, usize),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the file's order.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The value of a key; the last one where there are two.
    pub(super) fn at(&self, key: &str) -> Option<&Node> {
        match self {
            Self::Map(entries) => entries.iter().rev().find(|(name, _)| name == key).map(|(_, node)| node),
            Self::Text(..) | Self::List(_) => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text, _) => Some(text),
            Self::List(_) | Self::Map(_) => None,
        }
    }

    pub(super) fn list(&self) -> &[Node] {
        match self {
            Self::List(nodes) => nodes,
            Self::Text(..) | Self::Map(_) => &[],
        }
    }

    pub(super) fn entries(&self) -> &[(String, Node)] {
        match self {
            Self::Map(entries) => entries,
            Self::Text(..) | Self::List(_) => &[],
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Text(..) => 1,
            Self::List(nodes) => 1 + nodes.iter().map(Self::size).sum::<usize>(),
            Self::Map(entries) => 1 + entries.iter().map(|(_, node)| 1 + node.size()).sum::<usize>(),
        }
    }
}

/// The documents of a file.
pub(super) fn read(text: &str) -> Result<Vec<Node>, String> {
    let mut reader = Reader { parser: Parser::new_from_str(text), anchors: BTreeMap::new(), nodes: 0 };
    let mut documents = Vec::new();
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => return Ok(documents),
            (Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing, _) => {}
            (event, span) => documents.push(reader.node(event, span, 0)?),
        }
    }
}

struct Reader<'t> {
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), String> {
        match self.parser.next() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(format!("it is not YAML: {error}")),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn count(&mut self, nodes: usize) -> Result<(), String> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES { Err(format!("it has more than {MAX_NODES} nodes")) } else { Ok(()) }
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, String> {
        if depth > MAX_DEPTH {
            return Err(format!("it is deeper than {MAX_DEPTH}"));
        }
        self.count(1)?;
        let (anchor, node) = match event {
            Event::Scalar(text, _, anchor, _) => (anchor, Node::Text(text.into_owned(), span.start.line())),
            Event::SequenceStart(anchor, _) => {
                let mut nodes = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break (anchor, Node::List(nodes)),
                        (event, span) => nodes.push(self.node(event, span, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(anchor, _) => {
                let mut entries = Vec::new();
                loop {
                    let key = match self.next()? {
                        (Event::MappingEnd, _) => break (anchor, Node::Map(entries)),
                        (event, span) => self.node(event, span, depth + 1)?,
                    };
                    let Node::Text(key, _) = key else { return Err("a key is not a text".to_owned()) };
                    let (event, span) = self.next()?;
                    entries.push((key, self.node(event, span, depth + 1)?));
                }
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned().ok_or("an alias has no anchor before it")?;
                self.count(node.size())?;
                (0, node)
            }
            other => return Err(format!("it ends too early: {other:?}")),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn one(text: &str) -> Node {
        read(text).unwrap().into_iter().next().unwrap()
    }

    #[test]
    fn scripts_know_their_lines() {
        let file = one("a: b\nsteps:\n  - run: |\n      one\n      two\n  - run: three\n  - run: >-\n      four\n");
        let lines: Vec<_> =
            file.at("steps").unwrap().list().iter().map(|step| step.at("run").cloned().unwrap()).collect();
        assert_eq!(
            lines,
            [Node::Text("one\ntwo\n".into(), 4), Node::Text("three".into(), 6), Node::Text("four".into(), 8)]
        );
    }

    #[test]
    fn an_anchor_is_what_it_stands_for() {
        let file = one("x: &x { run: docker run y }\nsteps: [*x]");
        assert_eq!(file.at("steps").unwrap().list().first().unwrap().at("run").unwrap().text(), Some("docker run y"));
    }

    #[test]
    fn aliases_of_aliases_end_in_an_error() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..12 {
            let before = format!("*a{}, ", n - 1).repeat(9);
            text.push_str(&format!("a{n}: &a{n} [{}]\n", before.trim_end_matches(", ")));
        }
        assert!(read(&text).unwrap_err().contains("nodes"));
    }

    #[test]
    fn depth_ends_in_an_error() {
        assert!(read(&"[".repeat(100_000)).is_err());
        assert!(read(&format!("{}x", "- ".repeat(10_000))).is_err());
        assert!(read("a: [").is_err());
        assert!(read("? [a]\n: b").is_err());
    }
}
