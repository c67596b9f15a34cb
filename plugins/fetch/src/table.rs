//! Tables that would come out far larger than they went in: the converter fills every cell up to the widest of its
//! column, so that one wide cell and many rows make a page of gigabytes.

use crate::tree::name;
use markup5ever_rcdom::{Handle, NodeData};

/// The largest table that is drawn as one, characters.
const TABLE_CHARS: usize = 1 << 20;

/// Whether this table would come out larger than that.
pub(crate) fn is_too_wide(table: &Handle) -> bool {
    let mut widths: Vec<usize> = Vec::new();
    let mut rows = 0_usize;
    let mut open = vec![table.clone()];
    while let Some(node) = open.pop() {
        if name(&node) == "tr" {
            rows += 1;
            let children = node.children.borrow();
            let cells = children.iter().filter(|child| matches!(name(child), "td" | "th"));
            for (column, cell) in cells.enumerate() {
                let width = size(cell).saturating_add(4);
                match widths.get_mut(column) {
                    Some(widest) => *widest = width.max(*widest),
                    None => widths.push(width),
                }
            }
        } else {
            open.extend(node.children.borrow().iter().filter(|child| name(child) != "table").cloned());
        }
    }
    rows.saturating_add(2).saturating_mul(widths.iter().sum()) > TABLE_CHARS
}

/// At least as many characters as a node can become.
fn size(node: &Handle) -> usize {
    let mut size = 0_usize;
    let mut open = vec![node.clone()];
    while let Some(node) = open.pop() {
        size = size.saturating_add(match &node.data {
            // Each may be escaped.
            NodeData::Text { contents } => contents.borrow().len().saturating_mul(2),
            NodeData::Element { attrs, .. } => 16 + attrs.borrow().iter().map(|a| a.value.len()).sum::<usize>(),
            _ => 0,
        });
        open.extend(node.children.borrow().iter().cloned());
    }
    size
}
