//! How the system acts: everything that runs. The modules stand in the order in which an event meets them.
//!
//! A feed turns a tape or a venue's bytes into `MarketEvent`s; the bus carries them to one runtime a strategy;
//! the executor stores an approved order and then sends it; the store remembers; the manager starts, stops and
//! restarts; the status is one snapshot that API, command line, metrics and live view render.

pub mod account;
pub mod adapters;
pub mod api;
pub mod app;
pub mod bus;
pub mod cli;
pub mod clock;
pub mod compare;
pub mod config_service;
pub mod executor;
pub mod failpoint;
pub mod feed;
pub mod halt;
pub mod ledger;
pub mod live;
pub mod manager;
pub mod panics;
pub mod ports;
pub mod pulse;
pub mod record;
pub mod replay;
pub mod report;
pub mod run;
pub mod runtime;
pub mod settings;
pub mod shadow;
pub mod status;
pub mod store;
pub mod supervisor;
pub mod telemetry;
mod verdict;
pub mod watchdog;
mod words;

#[cfg(test)]
mod sample;
