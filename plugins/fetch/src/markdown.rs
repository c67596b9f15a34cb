//! HTML to Markdown, after the tree has been made one that can be converted.

use crate::{place, table, tree};
use fluent_uri::Uri;
use htmd::HtmlToMarkdown;
use htmd::options::{BulletListMarker, HeadingStyle, Options};
use html5ever::tendril::StrTendril;
use html5ever::{QualName, local_name, ns};
use markup5ever_rcdom::{Handle, Node, NodeData};

/// The most lists and quotes inside each other: each puts something before every line inside it.
const INDENTS: usize = 12;
/// The longest text of an attribute that is shown, such as an image's.
const ATTRIBUTE_BYTES: usize = 2_048;

/// The page as Markdown; `url` is where it was found.
pub(crate) fn markdown(document: &Handle, url: &str) -> String {
    prepare(document, url);
    let options = Options {
        heading_style: HeadingStyle::Atx,
        bullet_list_marker: BulletListMarker::Dash,
        ul_bullet_spacing: 1,
        ol_number_spacing: 1,
        ..Options::default()
    };
    let skipped = vec!["head", "svg", "math", "canvas", "object", "embed"];
    HtmlToMarkdown::builder().options(options).skip_tags(skipped).build().tree_to_markdown(document)
}

/// Links become whole, and what would grow without bound becomes plain.
fn prepare(document: &Handle, url: &str) {
    let base = Uri::parse(url).ok();
    let mut open = vec![(document.clone(), 0_usize)];
    while let Some((node, indents)) = open.pop() {
        if let NodeData::Element { attrs, .. } = &node.data {
            attrs.borrow_mut().retain_mut(|attribute| {
                if matches!(&*attribute.name.local, "href" | "src") {
                    let link = base.as_ref().and_then(|base| place::link(base, &attribute.value));
                    link.is_some_and(|link| {
                        attribute.value = StrTendril::from_slice(&link);
                        true
                    })
                } else {
                    attribute.value.len() <= ATTRIBUTE_BYTES
                }
            });
        }
        let mut children = node.children.borrow_mut();
        for child in children.iter_mut() {
            let kind = tree::name(child);
            let is_indent = matches!(kind, "ul" | "ol" | "menu" | "dl" | "blockquote");
            if (is_indent && indents >= INDENTS) || (kind == "table" && table::is_too_wide(child)) {
                *child = plain(child);
            }
            open.push((child.clone(), indents + usize::from(is_indent)));
        }
    }
}

/// The same content in a `div`. The parts of a table without its table are blocks.
fn plain(node: &Handle) -> Handle {
    let name = QualName::new(None, ns!(html), local_name!("div"));
    let data = NodeData::Element {
        name,
        attrs: Vec::new().into(),
        template_contents: None.into(),
        mathml_annotation_xml_integration_point: false,
    };
    let other = Node::new(data);
    other.parent.set(node.parent.take());
    let children = std::mem::take(&mut *node.children.borrow_mut());
    for child in &children {
        child.parent.set(Some(std::rc::Rc::downgrade(&other)));
    }
    *other.children.borrow_mut() = children;
    other
}
