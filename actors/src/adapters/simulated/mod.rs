//! The simulated venue: a venue in another process, for rehearsals of what a real one and its network do. It never trades.
//!
//! [`Simulated`] is the service's side, chosen by `[venue] kind = "simulated"`; [`server::Server`] is the venue itself,
//! run by whoever rehearses. A venue fills orders by its seed, not against books, and misbehaves as it is told.

pub mod exchange;
pub mod habits;
mod link;
pub mod server;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use ploy::order_path::{Lookup, OrderKey, Outgoing};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::bus::Ticket;
use crate::ports::{News, Venue, Windows};
use link::{Asked, Health, Link, Sending};

/// How long an answer may take: the venue is on this machine.
const ANSWER: Duration = Duration::from_millis(500);
/// How long an order may be on its way. The venue reads in the order of writing, over all connections.
const ADMISSION: Duration = Duration::from_millis(250);
/// Requests that may wait to be written. The guard's throttles keep strategies far below it.
const ASKED_MAX: usize = 1024;
/// How long a connection may be away before that is an outage: a venue that ends one is back at once.
const AWAY_MAX: Duration = Duration::from_secs(1);

/// Sends orders to a simulated venue. Dropped, it ends the connection.
#[derive(Debug)]
pub struct Simulated {
    address: SocketAddr,
    asked: mpsc::Sender<Asked>,
    health: Health,
    task: JoinHandle<()>,
}

impl Simulated {
    /// Begins to connect to the venue at a loopback address. What it tells goes to `events`.
    #[must_use]
    pub fn start(address: SocketAddr, events: mpsc::Sender<(News, Ticket)>) -> Self {
        let (asked, requests) = mpsc::channel(ASKED_MAX);
        let health = Health::default();
        let link = Link {
            address,
            asked: requests,
            events,
            health: health.clone(),
            cursor: None,
            placed: BTreeMap::new(),
            lookups: BTreeMap::new(),
            cancels: BTreeMap::new(),
        };
        Self { address, asked, health, task: tokio::spawn(link.run()) }
    }

    /// What cannot be queued was not sent. Nothing is said of it: the executor takes its answer for lost, looks it up
    /// and finds that it is nowhere.
    fn ask(&self, asked: Asked) {
        if self.asked.try_send(asked).is_err() {
            tracing::warn!(venue.address = %self.address, "too many requests wait for the simulated venue");
        }
    }
}

impl Venue for Simulated {
    fn submit(&self, order: Outgoing, ticket: Ticket) {
        let (key, at, payload) = (order.key(), order.at(), order.payload().clone());
        self.ask(Asked::Place(Sending { key, at, payload }, ticket));
    }

    fn cancel(&self, order: OrderKey, ticket: Ticket) {
        self.ask(Asked::Cancel(order, ticket));
    }

    fn lookup(&self, lookup: Lookup, ticket: Ticket) {
        self.ask(Asked::Lookup(lookup, ticket));
    }

    fn windows(&self) -> Windows {
        Windows { answer: Some(ANSWER), admission: ADMISSION }
    }

    fn health(&self) -> Result<(), String> {
        if self.task.is_finished() {
            return Err("the link to the simulated venue has ended".to_owned());
        }
        match self.health.down() {
            Some((since, why)) if AWAY_MAX <= since.elapsed() => {
                Err(format!("no connection to the simulated venue at {}: {why}", self.address))
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        self.task.abort();
    }
}
