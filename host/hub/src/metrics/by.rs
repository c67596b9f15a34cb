//! One cell for each value that a metric's labels can have, all made at once.

use super::labels::{Labels, Set};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use std::marker::PhantomData;

/// Cells by their labels.
pub(crate) struct By<L, M> {
    family: Family<Set, M>,
    /// The same cells, at the places of their labels.
    cells: Vec<M>,
    of: PhantomData<fn(L)>,
}

impl<L: Labels, M: Clone + Default> Default for By<L, M> {
    fn default() -> Self {
        let family = Family::<Set, M>::default();
        let cells = L::all().into_iter().map(|labels| family.get_or_create_owned(&labels.set())).collect();
        Self { family, cells, of: PhantomData }
    }
}

impl<L: Labels, M> By<L, M> {
    /// The cell of these labels. There is one for all that there are.
    pub(super) fn of(&self, labels: L) -> Option<&M> {
        self.cells.get(labels.place())
    }

    /// For the registry.
    pub(super) fn family(&self) -> Family<Set, M> {
        self.family.clone()
    }
}

impl<L: Labels> By<L, Counter> {
    /// One more.
    pub(crate) fn inc(&self, labels: L) {
        self.add(labels, 1);
    }

    /// So many more.
    pub(crate) fn add(&self, labels: L, count: u64) {
        if let Some(cell) = self.of(labels) {
            cell.inc_by(count);
        }
    }
}
