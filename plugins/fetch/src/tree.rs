//! The tree of a page, bounded while it grows. Misnested markup makes a parser copy elements, so that a page of a
//! megabyte can become a tree of gigabytes, and a tree as deep as the page is long ends the stack of whoever walks it.

use html5ever::interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::{Attribute, ExpandedName, ParseOpts, QualName, parse_document};
use markup5ever_rcdom::{Handle, Node, NodeData, RcDom};
use std::borrow::Cow;
use std::cell::Cell;
use std::rc::{Rc, Weak};

/// The most nodes of a tree.
const NODES: usize = 60_000;
/// The deepest that a tree is walked; pages that people write are less than 50 deep.
pub(crate) const DEPTH: usize = 100;
/// What is fed to the parser at once: between these the bounds are looked at.
const PIECE_BYTES: usize = 128;

/// A tree, and why it is not the whole page.
pub(crate) struct Tree {
    pub(crate) document: Handle,
    pub(crate) cut: Option<&'static str>,
}

/// Parses a page.
pub(crate) fn parse(html: &str) -> Tree {
    let sink = Bounded { dom: RcDom::default(), nodes: Cell::new(0), over: Cell::new(None) };
    let mut parser = parse_document(sink, ParseOpts::default());
    let mut rest = html;
    while !rest.is_empty() && parser.tokenizer.sink.sink.over.get().is_none() {
        let (piece, later) = rest.split_at_checked(rest.floor_char_boundary(PIECE_BYTES)).unwrap_or((rest, ""));
        parser.process(StrTendril::from_slice(piece));
        rest = later;
    }
    let sink = parser.finish();
    flatten(&sink.dom.document);
    Tree { document: sink.dom.document.clone(), cut: sink.over.get() }
}

/// Cuts off what is deeper than is walked.
fn flatten(document: &Handle) {
    let mut open = vec![(document.clone(), 0_usize)];
    while let Some((node, depth)) = open.pop() {
        if depth >= DEPTH {
            node.children.borrow_mut().clear();
        }
        open.extend(node.children.borrow().iter().map(|child| (child.clone(), depth + 1)));
    }
}

/// The tree that others build, counting.
struct Bounded {
    dom: RcDom,
    nodes: Cell<usize>,
    over: Cell<Option<&'static str>>,
}

impl Bounded {
    fn count(&self) {
        self.charge(1);
    }

    /// What has to be found among its siblings costs more, the more of them there are.
    fn search(&self, node: &Handle) {
        let siblings = parent_of(node).map_or(0, |parent| parent.children.borrow().len());
        self.charge(1 + siblings / 64);
    }

    fn charge(&self, nodes: usize) {
        self.nodes.set(self.nodes.get() + nodes);
        if self.nodes.get() > NODES {
            self.over.set(Some("it has more elements than can be read"));
        }
    }

    fn look_at_depth(&self, parent: &Handle) {
        let mut depth = 0;
        let mut at = parent.clone();
        while let Some(up) = parent_of(&at) {
            depth += 1;
            if depth > DEPTH {
                self.over.set(Some("it is nested deeper than can be read"));
                return;
            }
            at = up;
        }
    }
}

fn parent_of(node: &Handle) -> Option<Rc<Node>> {
    let parent = node.parent.take();
    let up = parent.as_ref().and_then(Weak::upgrade);
    node.parent.set(parent);
    up
}

impl TreeSink for Bounded {
    type Handle = Handle;
    type Output = Self;
    type ElemName<'a> = ExpandedName<'a>;

    fn finish(self) -> Self {
        self
    }

    fn create_element(&self, name: QualName, attrs: Vec<Attribute>, flags: ElementFlags) -> Handle {
        self.count();
        self.dom.create_element(name, attrs, flags)
    }

    fn create_comment(&self, _: StrTendril) -> Handle {
        self.count();
        self.dom.create_comment(StrTendril::new())
    }

    fn create_pi(&self, target: StrTendril, data: StrTendril) -> Handle {
        self.count();
        self.dom.create_pi(target, data)
    }

    fn append(&self, parent: &Handle, child: NodeOrText<Handle>) {
        self.count();
        self.look_at_depth(parent);
        self.dom.append(parent, child);
    }

    fn append_before_sibling(&self, sibling: &Handle, child: NodeOrText<Handle>) {
        self.search(sibling);
        self.dom.append_before_sibling(sibling, child);
    }

    fn append_based_on_parent_node(&self, element: &Handle, before: &Handle, child: NodeOrText<Handle>) {
        self.search(element);
        self.dom.append_based_on_parent_node(element, before, child);
    }

    // Errors of a page are as many as its author likes, and nobody reads them.
    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> Handle {
        self.dom.get_document()
    }

    fn elem_name<'a>(&'a self, target: &'a Handle) -> ExpandedName<'a> {
        self.dom.elem_name(target)
    }

    fn append_doctype_to_document(&self, name: StrTendril, public: StrTendril, system: StrTendril) {
        self.dom.append_doctype_to_document(name, public, system);
    }

    fn get_template_contents(&self, target: &Handle) -> Handle {
        self.dom.get_template_contents(target)
    }

    fn same_node(&self, x: &Handle, y: &Handle) -> bool {
        self.dom.same_node(x, y)
    }

    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.dom.set_quirks_mode(mode);
    }

    fn add_attrs_if_missing(&self, target: &Handle, attrs: Vec<Attribute>) {
        self.dom.add_attrs_if_missing(target, attrs);
    }

    fn remove_from_parent(&self, target: &Handle) {
        self.search(target);
        self.dom.remove_from_parent(target);
    }

    fn reparent_children(&self, node: &Handle, new_parent: &Handle) {
        self.dom.reparent_children(node, new_parent);
    }
}

/// An element's name; empty for anything else.
pub(crate) fn name(node: &Handle) -> &str {
    match &node.data {
        NodeData::Element { name, .. } => &name.local,
        _ => "",
    }
}
