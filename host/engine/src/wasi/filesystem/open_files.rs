//! How many files and directories one call has open.
//!
//! The attack: a tool whose `handles` are many opens files until the process has no descriptor left, and
//! the calls beside it cannot open theirs. What counts is the open file and not the guest's handle: a
//! stream keeps its file open after the guest has dropped the descriptor.

use std::fs::File;
use std::sync::{Arc, Weak};

/// The most of one call. A part of `ulimit nofile`, which is 1 024 for all calls of a runner together.
const MAX_OPEN_FILES: usize = 200;

/// What one call opened and has not closed.
#[derive(Debug)]
pub(crate) struct OpenFiles {
    files: Vec<Weak<File>>,
    most: usize,
    refused: bool,
}

impl OpenFiles {
    pub(crate) fn new(handles: usize) -> Self {
        Self { files: Vec::new(), most: handles.min(MAX_OPEN_FILES), refused: false }
    }

    /// The bound that was hit, if it was.
    pub(crate) fn refused(&self) -> Option<usize> {
        self.refused.then_some(self.most)
    }

    /// Whether one more may be opened.
    pub(super) fn has_room(&mut self) -> bool {
        if self.files.len() >= self.most {
            self.files.retain(|file| file.strong_count() > 0);
        }
        self.refused = self.files.len() >= self.most;
        !self.refused
    }

    pub(super) fn opened(&mut self, file: &Arc<File>) {
        self.files.push(Arc::downgrade(file));
    }
}
