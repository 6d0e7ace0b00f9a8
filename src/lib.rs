//! What the system decides: the trading domain, pure and deterministic.
//!
//! Values in, values out: no clock, no randomness, no files, no async. Time comes in as an argument, also
//! on every event, so that the same inputs give the same decisions, byte for byte, in a live service, in a
//! replay and in a test. Everything that runs stands in the package `actors`.
//!
//! The vocabulary, in the order a reader meets it: a [`market::Market`] is one question with two outcomes;
//! its [`book::OrderBook`]s and all else that a strategy can see arrive as [`event::MarketEvent`]s. A
//! [`strategy::Strategy`] looks and ends in an [`intent::Intent`] or in the first gate that said no; the
//! [`risk::RiskGuard`] turns an intent into an [`risk::Approved`] or a [`risk::Rejection`]; both are a
//! [`decision::Decision`]. An approved intent becomes an [`kernel::Order`]; what the venue answers comes back as
//! an [`order::OrderEvent`] and moves the [`position::Portfolio`]; the [`ledger::Ledger`] books it once more, for
//! the whole account. The [`kernel::Kernel`] is all of this for
//! one strategy; [`paper`] is a venue in memory; [`replay`] runs kernels and venue without any actor, and
//! [`compare`] lays what two replays told side by side.
//! [`lifecycle::Phase`] and [`restart`] say how a strategy lives and comes back, [`life::Life`] is one such life,
//! [`rollout`] says how its settings change, and [`process`] when the program itself comes back too often; [`status`] is the one
//! snapshot that every reader shares.

pub mod audit;
pub mod book;
pub mod command;
pub mod compare;
pub mod config;
pub mod decision;
pub mod event;
pub mod fees;
pub mod halt;
pub mod intent;
pub mod kernel;
pub mod ledger;
pub mod life;
pub mod lifecycle;
pub mod market;
pub mod numbers;
pub mod open_orders;
pub mod order;
pub mod order_path;
pub mod paper;
pub mod position;
pub mod price;
pub mod process;
pub mod record;
pub mod replay;
pub mod restart;
pub mod risk;
pub mod rollout;
pub mod status;
pub mod strategy;
pub mod tape;
pub mod time;
pub mod trigger;
pub mod zone;
