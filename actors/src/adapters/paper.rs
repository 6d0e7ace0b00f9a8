//! The paper venue as an actor: orders in, order events out, on event time.
//!
//! owns: the core's paper venue with its books and accounts
//! takes: every market event by its mailbox, orders, cancels and lookups, and the instants at which orders arrive
//! emits: order events, and what became of an order that was looked up, to the executor
//! dies: never by itself; with its supervisor

use std::sync::Arc;
use std::time::Duration;

use ploy::order::OrderEvent;
use ploy::order_path::{Found, Lookup, OrderKey, Outgoing, Register};
use ploy::paper::PaperVenue;
use ploy::time::Timestamp;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::mpsc;

use crate::bus::Ticket;
use crate::bus::event::{Delivery, Mailbox};
use crate::clock::{EventClock, Sleeper};
use crate::ports::{Clock, News, Venue, Windows};

/// The paper venue.
#[derive(Debug)]
pub struct Paper;

/// What the venue is told.
#[derive(Debug)]
pub enum Msg {
    /// Something waits in its mailbox.
    Ready,
    /// An order is on its way.
    Submit(Outgoing, Ticket),
    /// A cancel is on its way.
    Cancel(OrderKey, Ticket),
    /// Somebody asks what became of an order.
    Lookup(Lookup, Ticket),
    /// Orders arrive at this instant.
    Due(Timestamp, Ticket),
}

/// What the venue needs.
#[derive(Debug)]
pub struct Args {
    /// The venue itself, empty.
    pub venue: PaperVenue,
    /// All market events.
    pub mailbox: Arc<Mailbox>,
    /// Where order events go.
    pub events: mpsc::Sender<(News, Ticket)>,
    /// Event time.
    pub clock: EventClock,
}

/// The venue with its surroundings.
#[derive(Debug)]
pub struct State {
    args: Args,
    asked: Option<Timestamp>,
    /// What it was sent and what came of it. It is gone with the process, as the orders themselves are.
    known: Register,
}

/// Sends orders to the paper venue.
#[derive(Clone, Debug)]
pub struct PaperHandle(pub ActorRef<Msg>);

impl Venue for PaperHandle {
    fn submit(&self, order: Outgoing, ticket: Ticket) {
        // A venue that is gone answers nothing, and all that it knew is gone with it.
        drop(self.0.cast(Msg::Submit(order, ticket)));
    }

    fn cancel(&self, order: OrderKey, ticket: Ticket) {
        drop(self.0.cast(Msg::Cancel(order, ticket)));
    }

    fn lookup(&self, lookup: Lookup, ticket: Ticket) {
        drop(self.0.cast(Msg::Lookup(lookup, ticket)));
    }

    fn windows(&self) -> Windows {
        // Its mailbox keeps the order of what is sent, so that a question never overtakes an order.
        Windows { answer: None, admission: Duration::ZERO }
    }

    fn health(&self) -> Result<(), String> {
        Ok(()) // it is in this process
    }
}

impl Actor for Paper {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        args: Args,
    ) -> Result<State, ActorProcessingErr> {
        args.mailbox.attach(Box::new(move || drop(myself.cast(Msg::Ready))));
        Ok(State { args, asked: None, known: Register::default() })
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        // The tickets are held until the clock knows when the next order arrives: the event that caused this is
        // not settled before.
        let tickets = match msg {
            Msg::Ready => state.on_ready().await?,
            Msg::Submit(order, ticket) => {
                if state.known.take(order.key()) {
                    state.args.venue.submit(order.order());
                }
                vec![ticket]
            }
            Msg::Lookup(lookup, ticket) => {
                state.on_lookup(lookup, &ticket).await?;
                vec![ticket]
            }
            Msg::Cancel(order, ticket) => {
                state.args.venue.cancel(&order.id, state.args.clock.now());
                vec![ticket]
            }
            Msg::Due(at, ticket) => {
                state.on_due(at, &ticket).await?;
                vec![ticket]
            }
        };
        state.ask(&myself);
        drop(tickets);
        Ok(())
    }
}

impl State {
    async fn on_ready(&mut self) -> Result<Vec<Ticket>, ActorProcessingErr> {
        let mut tickets = Vec::new();
        for delivery in self.args.mailbox.take().items {
            if let Delivery::Market(event, ticket) = delivery {
                let mut news = Vec::new();
                self.args.venue.on_event(&event, &mut news);
                self.tell(news, &ticket).await?;
                tickets.push(ticket);
            }
        }
        Ok(tickets)
    }

    async fn on_due(&mut self, at: Timestamp, ticket: &Ticket) -> Result<(), ActorProcessingErr> {
        self.asked = None;
        let mut news = Vec::new();
        self.args.venue.advance(at, &mut news);
        self.tell(news, ticket).await
    }

    /// The executor always takes: the wait is for its present transaction at the longest.
    async fn tell(
        &mut self,
        news: Vec<OrderEvent>,
        ticket: &Ticket,
    ) -> Result<(), ActorProcessingErr> {
        for event in news {
            self.known.note(&event);
            self.args.events.send((event.into(), ticket.clone())).await?;
        }
        Ok(())
    }

    async fn on_lookup(&self, lookup: Lookup, ticket: &Ticket) -> Result<(), ActorProcessingErr> {
        let standing = self.known.standing(lookup.order.hash);
        let found = Found { lookup, at: self.args.clock.now(), standing };
        self.args.events.send((News::Found(found), ticket.clone())).await?;
        Ok(())
    }

    /// Asks the clock to be woken when the next order arrives.
    fn ask(&mut self, myself: &ActorRef<Msg>) {
        let due = self.args.venue.next_due();
        if due == self.asked {
            return;
        }
        self.asked = due;
        let Some(due) = due else { return self.args.clock.cancel(&Sleeper::Venue) };
        let myself = myself.clone();
        let alarm = move |at, ticket| drop(myself.cast(Msg::Due(at, ticket)));
        self.args.clock.wake_at(due, Sleeper::Venue, Box::new(alarm));
    }
}
