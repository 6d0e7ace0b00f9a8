//! A venue that fills every order, keeps count of all that it was sent and told, and holds its news back where it is asked to.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actors::app::WrapVenue;
use actors::bus::Ticket;
use actors::ports::{News, Venue, Windows};
use ploy::order::{DoneCause, Fill, Liquidity, OrderEvent, Submission, Update};
use ploy::order_path::{Lookup, OrderKey, Outgoing};
use ploy::price::{Size, Usdc};
use tokio::sync::mpsc;

/// An event of an order as its row says it: the order's number and what happened.
pub(crate) type Told = (i64, String);

/// The other end of the venue, for the test.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    sent: Vec<i64>,
    told: BTreeSet<Told>,
    holds: bool,
    held: Vec<(News, Ticket)>,
    tell: Option<mpsc::UnboundedSender<(News, Ticket)>>,
}

struct Filling(Book);

impl Book {
    /// Returns how this venue is put in the place of the paper one.
    pub(crate) fn wrap(&self) -> WrapVenue {
        let book = self.clone();
        Box::new(move |_, events| {
            let (tell, mut news) = mpsc::unbounded_channel();
            book.0.lock().unwrap().tell = Some(tell);
            tokio::spawn(async move {
                while let Some(told) = news.recv().await {
                    if events.send(told).await.is_err() {
                        return;
                    }
                }
            });
            Arc::new(Filling(book))
        })
    }

    /// Returns the numbers of the orders that it was sent, in this order.
    pub(crate) fn sent(&self) -> Vec<i64> {
        self.0.lock().unwrap().sent.clone()
    }

    /// Returns all that it has told, or will tell.
    pub(crate) fn told(&self) -> BTreeSet<Told> {
        self.0.lock().unwrap().told.clone()
    }

    /// Keeps what comes of orders to itself from now on.
    pub(crate) fn hold(&self) {
        self.0.lock().unwrap().holds = true;
    }

    /// Tells what was held back, and holds back nothing more.
    pub(crate) fn release(&self) {
        let mut kept = self.0.lock().unwrap();
        kept.holds = false;
        for told in std::mem::take(&mut kept.held) {
            drop(kept.tell.as_ref().unwrap().send(told));
        }
    }
}

impl Kept {
    fn say(&mut self, order: &Outgoing, update: Update, ticket: &Ticket) {
        let kind = match &update {
            Update::Submitted(_) => "accepted",
            Update::Filled(_) => "filled",
            Update::Done { .. } => "done",
        };
        let number = i64::try_from(order.id().number).unwrap();
        self.told.insert((number, kind.to_owned()));
        let event = OrderEvent { at: order.at(), order: order.id().clone(), update };
        if self.holds {
            // An event that waits for a person is settled all the same.
            self.held.push((event.into(), Ticket::none()));
        } else {
            drop(self.tell.as_ref().unwrap().send((event.into(), ticket.clone())));
        }
    }
}

impl Venue for Filling {
    fn submit(&self, order: Outgoing, ticket: Ticket) {
        let mut kept = self.0.0.lock().unwrap();
        kept.sent.push(i64::try_from(order.id().number).unwrap());
        kept.say(&order, Update::Submitted(Submission::Accepted), &ticket);
        let intent = *order.intent();
        let fill = Fill {
            order: order.id().clone(),
            number: 1,
            at: order.at(),
            market: intent.market,
            outcome: intent.outcome,
            side: intent.side,
            price: intent.limit,
            size: intent.size,
            fee: Usdc::ZERO,
            liquidity: Liquidity::Taker,
        };
        kept.say(&order, Update::Filled(fill), &ticket);
        let done = Update::Done { unfilled: Size::ZERO, cause: DoneCause::Filled };
        kept.say(&order, done, &ticket);
    }

    fn cancel(&self, _: OrderKey, _: Ticket) {}

    fn lookup(&self, _: Lookup, _: Ticket) {}

    fn windows(&self) -> Windows {
        Windows { answer: None, admission: Duration::ZERO }
    }

    fn health(&self) -> Result<(), String> {
        Ok(())
    }
}
