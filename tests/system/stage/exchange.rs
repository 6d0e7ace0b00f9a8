//! A venue outside the service: it lives on when a service dies, knows orders by their hash, and fails as it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use actors::app::WrapVenue;
use actors::bus::Ticket;
use actors::ports::{News, Venue, Windows};
use ploy::market::{ConditionId, Outcome, Side};
use ploy::order::{DoneCause, Fill, Liquidity, OrderEvent, Submission, Update};
use ploy::order_path::{
    Found, Lookup, OrderHash, OrderKey, Outgoing, Payload, Register, Standing, Wanted,
};
use ploy::price::{Size, Usdc};
use ploy::time::Timestamp;
use tokio::sync::mpsc;

/// The venue. Cheap to clone; it is the same venue.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exchange {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    register: Register,
    /// Every order that it was handed: how often, and its bytes.
    handed: BTreeMap<OrderHash, (u32, String)>,
    /// Orders that rest, with what of them was filled.
    resting: BTreeMap<OrderHash, (OrderKey, Wanted, Vec<Fill>)>,
    /// All that it ever told, or would have.
    told: Vec<OrderEvent>,
    fills: Vec<Fill>,
    way: Way,
    lookups: u64,
    tell: Option<mpsc::UnboundedSender<(News, Ticket)>>,
}

/// What the venue does with the orders and questions that come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Way {
    /// It fills each at once and says so.
    #[default]
    Fills,
    /// It fills each at once, and no answer arrives.
    FillsAndIsNotHeard,
    /// Nothing arrives there; questions do.
    HearsNoOrder,
    /// It lets each rest, and answers.
    Rests,
    /// It can be reached by nobody, and orders that were handed over arrived.
    IsAway,
}

impl Exchange {
    /// Returns how a service comes to use it.
    pub(crate) fn wrap(&self) -> WrapVenue {
        let exchange = self.clone();
        Box::new(move |_, events| {
            let (tell, mut news) = mpsc::unbounded_channel();
            tokio::spawn(async move {
                while let Some(told) = news.recv().await {
                    if events.send(told).await.is_err() {
                        return;
                    }
                }
            });
            exchange.lock().tell = Some(tell);
            Arc::new(exchange)
        })
    }

    /// Lets it do otherwise from now on.
    pub(crate) fn goes(&self, way: Way) {
        self.lock().way = way;
    }

    /// Cuts the wire to the service that it speaks with.
    pub(crate) fn cut(&self) {
        self.lock().tell = None;
    }

    /// Fills so many shares of the one order that rests.
    pub(crate) fn fill(&self, size: &str) {
        let mut state = self.lock();
        let (hash, (key, wanted, mut fills)) = state.resting.pop_first().unwrap();
        let fill = fill(&key, &wanted, fills.len(), size.parse().unwrap());
        fills.push(fill.clone());
        let filled: Size = fills.iter().map(|fill| fill.size).sum();
        let is_full = filled == wanted.size;
        state.say(&key, wanted.at, Update::Filled(fill));
        if is_full {
            let done = Update::Done { unfilled: Size::ZERO, cause: DoneCause::Filled };
            state.say(&key, wanted.at, done);
        } else {
            state.resting.insert(hash, (key, wanted, fills));
        }
    }

    /// Tells all once more that it ever told, in this order, to whoever listens now.
    pub(crate) fn repeat(&self) {
        let state = self.lock();
        for event in &state.told {
            state.send(event.clone().into(), Ticket::none());
        }
    }

    /// Returns how often each order was handed over.
    pub(crate) fn times(&self) -> Vec<u32> {
        self.lock().handed.values().map(|(times, _)| *times).collect()
    }

    /// Returns the bytes of the orders that it was handed, by their hash, as text.
    pub(crate) fn bytes(&self) -> BTreeMap<String, String> {
        let state = self.lock();
        state.handed.iter().map(|(hash, (_, bytes))| (hash.to_string(), bytes.clone())).collect()
    }

    /// Returns how many fills there were.
    pub(crate) fn fills(&self) -> u64 {
        u64::try_from(self.lock().fills.len()).unwrap()
    }

    /// Returns how often it was asked what became of an order.
    pub(crate) fn lookups(&self) -> u64 {
        self.lock().lookups
    }

    /// Returns the shares of an outcome that it gave less those that it got.
    pub(crate) fn shares(&self, market: ConditionId, outcome: Outcome) -> Size {
        let state = self.lock();
        let of = |side| {
            let fills = state.fills.iter().filter(move |fill| {
                (fill.market, fill.outcome, fill.side) == (market, outcome, side)
            });
            fills.map(|fill| fill.size).sum::<Size>()
        };
        of(Side::Buy).saturating_sub(of(Side::Sell))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    /// Lets something happen to an order, and tells it where it is heard.
    fn say(&mut self, key: &OrderKey, at: Timestamp, update: Update) {
        if let Update::Filled(fill) = &update {
            self.fills.push(fill.clone());
        }
        let event = OrderEvent { at, order: key.id.clone(), update };
        self.register.note(&event);
        self.told.push(event.clone());
        match self.way {
            Way::Fills | Way::Rests | Way::HearsNoOrder => {
                self.send(event.into(), Ticket::none());
            }
            Way::FillsAndIsNotHeard | Way::IsAway => {}
        }
    }

    fn send(&self, news: News, ticket: Ticket) {
        if let Some(tell) = &self.tell {
            drop(tell.send((news, ticket))); // a service that is gone hears nothing
        }
    }
}

impl Venue for Exchange {
    fn submit(&self, order: Outgoing, _: Ticket) {
        let mut state = self.lock();
        let (key, bytes) = (order.key(), order.payload().as_str().to_owned());
        // What it works on is what it reads.
        let payload = Payload::read(&bytes).unwrap();
        assert_eq!(payload.hash(), key.hash);
        let wanted = payload.wanted();
        state.handed.entry(key.hash).or_insert((0, bytes)).0 += 1;
        let is_full = match state.way {
            Way::HearsNoOrder => return,
            Way::Fills | Way::FillsAndIsNotHeard => true,
            Way::Rests | Way::IsAway => false,
        };
        if !state.register.take(key.clone()) {
            return;
        }
        state.say(&key, wanted.at, Update::Submitted(Submission::Accepted));
        state.resting.insert(key.hash, (key, wanted, Vec::new()));
        drop(state);
        if is_full {
            self.fill(&order.intent().size.to_string());
        }
    }

    fn cancel(&self, order: OrderKey, _: Ticket) {
        let mut state = self.lock();
        if state.tell.is_none() || state.way == Way::IsAway {
            return;
        }
        let Some((key, wanted, fills)) = state.resting.remove(&order.hash) else { return };
        let filled: Size = fills.iter().map(|fill| fill.size).sum();
        let done = Update::Done { unfilled: wanted.size - filled, cause: DoneCause::Cancelled };
        state.say(&key, wanted.at, done);
    }

    fn lookup(&self, lookup: Lookup, ticket: Ticket) {
        let mut state = self.lock();
        state.lookups += 1;
        let standing = match state.way {
            Way::IsAway => Standing::Unanswered { reason: "no route".to_owned() },
            Way::Fills | Way::FillsAndIsNotHeard | Way::HearsNoOrder | Way::Rests => {
                state.register.standing(lookup.order.hash)
            }
        };
        let found = Found { lookup, at: Timestamp::UNIX_EPOCH, standing };
        state.send(News::Found(found), ticket);
    }

    fn windows(&self) -> Windows {
        let answer = Some(Duration::from_millis(100));
        Windows { answer, admission: Duration::from_millis(300) }
    }

    fn health(&self) -> Result<(), String> {
        Ok(())
    }
}

fn fill(key: &OrderKey, wanted: &Wanted, before: usize, size: Size) -> Fill {
    Fill {
        number: u32::try_from(before).unwrap() + 1,
        order: key.id.clone(),
        market: wanted.market,
        outcome: wanted.outcome,
        side: wanted.side,
        price: wanted.limit,
        size,
        fee: Usdc::ZERO,
        liquidity: Liquidity::Taker,
        at: wanted.at,
    }
}
