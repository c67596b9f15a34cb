//! Wall 2 from inside. A probe takes the runner's place in containers that the shipping launcher makes, with the
//! shipping posture; the real runner serves under profiles and lists with one rule less.

mod altered;
mod attempts;
mod boxes;
mod list;
mod profile;
mod promises;
mod protected;
mod scenario;
mod table;
