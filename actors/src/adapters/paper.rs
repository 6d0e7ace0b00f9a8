//! The paper venue as an actor: orders in, order events out, on event time.
//!
//! owns: the core's paper venue with its books and accounts
//! takes: every market event by its mailbox, orders and cancels, and the instants at which orders arrive
//! emits: order events to the executor
//! dies: never by itself; with its supervisor

use std::sync::Arc;

use ploy::kernel::Order;
use ploy::order::{ClientOrderId, OrderEvent};
use ploy::paper::PaperVenue;
use ploy::time::Timestamp;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::mpsc;

use crate::bus::Ticket;
use crate::bus::event::{Delivery, Mailbox};
use crate::clock::{EventClock, Sleeper};
use crate::ports::{Clock, Venue};

/// The paper venue.
#[derive(Debug)]
pub struct Paper;

/// What the venue is told.
#[derive(Debug)]
pub enum Msg {
    /// Something waits in its mailbox.
    Ready,
    /// An order is on its way.
    Submit(Order, Ticket),
    /// A cancel is on its way.
    Cancel(ClientOrderId, Ticket),
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
    pub events: mpsc::Sender<(OrderEvent, Ticket)>,
    /// Event time.
    pub clock: EventClock,
}

/// The venue with its surroundings.
#[derive(Debug)]
pub struct State {
    args: Args,
    asked: Option<Timestamp>,
}

/// Sends orders to the paper venue.
#[derive(Clone, Debug)]
pub struct PaperHandle(pub ActorRef<Msg>);

impl Venue for PaperHandle {
    fn submit(&self, order: Order, ticket: Ticket) {
        // A venue that is gone answers nothing: the order stays unknown, as with a real one.
        drop(self.0.cast(Msg::Submit(order, ticket)));
    }

    fn cancel(&self, id: ClientOrderId, ticket: Ticket) {
        drop(self.0.cast(Msg::Cancel(id, ticket)));
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
        Ok(State { args, asked: None })
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
                state.args.venue.submit(&order);
                vec![ticket]
            }
            Msg::Cancel(id, ticket) => {
                state.args.venue.cancel(&id, state.args.clock.now());
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
    async fn tell(&self, news: Vec<OrderEvent>, ticket: &Ticket) -> Result<(), ActorProcessingErr> {
        for event in news {
            self.args.events.send((event, ticket.clone())).await?;
        }
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
