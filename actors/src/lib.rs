//! How the system acts: everything that runs. The modules stand in the order in which an event meets them.
//!
//! A feed turns a tape or a venue's bytes into `MarketEvent`s; the bus carries them to one runtime a strategy;
//! the executor stores an approved order and then sends it; the store remembers; the manager starts, stops and
//! restarts; the status is one snapshot that API, command line, metrics and live view render.

pub mod bus;
pub mod ports;
pub mod store;
