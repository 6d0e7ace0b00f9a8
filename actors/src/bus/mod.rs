//! The buses: what carries events to strategies, commands to the manager, and the status to its readers.

pub mod command;
pub mod event;
pub mod gates;
pub mod inbox;
#[cfg(test)]
mod inbox_tests;
mod known;
pub mod safe_mode;
pub mod status;
mod sync;
mod ticket;

pub use ticket::{Settled, Ticket};
