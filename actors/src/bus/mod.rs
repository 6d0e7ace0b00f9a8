//! The buses: what carries events to strategies, commands to the manager, and the status to its readers.

pub mod command;
mod ticket;

pub use ticket::{Settled, Ticket};
