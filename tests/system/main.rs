//! The whole tree with a simulated venue, and the program itself: what holds when all parts work together.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this is tests, and a helper of a test fails by panicking"
)]

mod account;
mod audit;
mod budget;
mod commands;
mod database;
mod db;
mod determinism;
mod faults;
mod flood;
mod halt;
mod isolation;
mod late;
mod ledger;
mod money;
mod orders;
#[path = "../postgres/mod.rs"]
mod postgres;
mod program;
mod record;
mod recovery;
mod refusals;
mod reload;
mod replay;
mod restart;
mod rollout;
mod shutdown;
mod signals;
mod snapshot;
mod stage;
mod store_down;
mod update;
mod why;
