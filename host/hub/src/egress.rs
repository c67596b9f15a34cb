//! The governor's side of egress: for each call a [`Line`], which the broker asks before anything leaves and tells
//! what became of it. Nothing that a runner says decides here.

mod line;
mod outside;
mod told;

pub(crate) use line::{Ground, Line};
pub(crate) use outside::Outside;
