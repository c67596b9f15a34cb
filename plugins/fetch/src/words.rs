//! The words of a page, without recursion.

use crate::tree::name;
use markup5ever_rcdom::{Handle, NodeData};

/// Elements that begin and end a line of their own.
const BLOCKS: [&str; 36] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "br",
    "caption",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "li",
    "main",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "summary",
    "table",
    "tr",
    "ul",
    "body",
];

/// Text, a line for each block; white space counts once.
pub(crate) fn words(document: &Handle) -> String {
    let mut out = String::new();
    // A node, or the end of a block.
    let mut open: Vec<Option<Handle>> = vec![Some(document.clone())];
    while let Some(next) = open.pop() {
        let Some(node) = next else {
            end_line(&mut out);
            continue;
        };
        if let NodeData::Text { contents } = &node.data {
            push(&mut out, &contents.borrow());
            continue;
        }
        match name(&node) {
            "head" | "svg" | "math" => continue,
            "td" | "th" => push(&mut out, " "),
            block if BLOCKS.contains(&block) => {
                end_line(&mut out);
                open.push(None);
            }
            _ => {}
        }
        open.extend(node.children.borrow().iter().rev().cloned().map(Some));
    }
    end_line(&mut out);
    out
}

fn push(out: &mut String, text: &str) {
    for c in text.chars() {
        if !c.is_whitespace() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with([' ', '\n']) {
            out.push(' ');
        }
    }
}

fn end_line(out: &mut String) {
    while out.ends_with(' ') {
        out.pop();
    }
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
}

/// The page's title.
pub(crate) fn title(document: &Handle) -> Option<String> {
    let mut open = vec![document.clone()];
    while let Some(node) = open.pop() {
        if name(&node) == "title" {
            let mut text = String::new();
            for child in node.children.borrow().iter() {
                if let NodeData::Text { contents } = &child.data {
                    push(&mut text, &contents.borrow());
                }
            }
            let text: String = text.trim().chars().take(300).collect();
            return (!text.is_empty()).then_some(text);
        }
        // A title stands in the head; one in a drawing is the drawing's.
        if matches!(name(&node), "" | "html" | "head") {
            open.extend(node.children.borrow().iter().rev().cloned());
        }
    }
    None
}
