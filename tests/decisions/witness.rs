//! A witness: a strategy that writes down what it is told of its orders, and lets another decide.

use std::sync::{Arc, Mutex};

use ploy::event::MarketEvent;
use ploy::market::ConditionId;
use ploy::open_orders::OpenOrder;
use ploy::order::{Fill, StrategyId};
use ploy::strategy::{Look, Saved, Strategy, Subscription, View};
use ploy::time::Timestamp;

/// Writes down fills and ends of orders.
#[derive(Debug)]
pub(crate) struct Witness {
    pub(crate) id: StrategyId,
    pub(crate) strategy: Box<dyn Strategy>,
    pub(crate) told: Told,
}

/// What was told since it was last taken out.
pub(crate) type Told = Arc<Mutex<Vec<News>>>;

/// One thing that a strategy was told of its orders.
#[derive(Clone, Debug)]
pub(crate) struct News {
    pub(crate) at: Timestamp,
    pub(crate) strategy: StrategyId,
    pub(crate) what: What,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    Filled(Fill),
    Ended(OpenOrder),
}

impl Witness {
    fn tell(&self, at: Timestamp, what: What) {
        self.told.lock().unwrap().push(News { at, strategy: self.id.clone(), what });
    }
}

impl Strategy for Witness {
    fn subscription(&self) -> &Subscription {
        self.strategy.subscription()
    }

    fn on_event(&mut self, event: &MarketEvent, view: &View<'_>, looks: &mut Vec<Look>) {
        self.strategy.on_event(event, view, looks);
    }

    fn on_fill(&mut self, fill: &Fill, view: &View<'_>, looks: &mut Vec<Look>) {
        self.tell(view.now, What::Filled(fill.clone()));
        self.strategy.on_fill(fill, view, looks);
    }

    fn on_done(&mut self, order: &OpenOrder, view: &View<'_>, looks: &mut Vec<Look>) {
        self.tell(view.now, What::Ended(*order));
        self.strategy.on_done(order, view, looks);
    }

    fn on_timer(&mut self, view: &View<'_>, looks: &mut Vec<Look>) {
        self.strategy.on_timer(view, looks);
    }

    fn on_settled(&mut self, market: ConditionId) {
        self.strategy.on_settled(market);
    }

    fn next_timer(&self) -> Option<Timestamp> {
        self.strategy.next_timer()
    }

    fn save(&self) -> Saved {
        self.strategy.save()
    }
}
