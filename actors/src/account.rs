//! The account's guard while the service runs: shown every market event, asked before every order, told what is stored.
//!
//! All strategies' orders pass the executor one after the other, and there it is asked: what it lets pass is reserved
//! before the next order is looked at. It books the same stored facts as the account's ledger, and values what is held
//! at the books as they are published, before any strategy sees them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ploy::event::MarketEvent;
use ploy::intent::{Intent, Purpose, TimeInForce};
use ploy::kernel::Order;
use ploy::ledger::{Event, Settlement as Paid, Terms};
use ploy::order::{DoneCause, OrderEvent, StrategyId, Update};
use ploy::price::Size;
use ploy::risk::{
    AccountGuard, AccountLimits, AccountRule, AccountStanding, AccountTrip, AccountTurn, AccountUse,
};
use ploy::status::{AccountLimitStatus, AccountStatus, AccountTripStatus, Recent};
use ploy::time::Timestamp;

use crate::bus::Ticket;
use crate::bus::event::Past;
use crate::bus::status::StatusBus;
use crate::ports::account::AccountRecord;
use crate::ports::gates::{Ask, Brake, Denied, Turned, Wish};
use crate::ports::{Pending, RiskRecord, Row, Settlement, StoreError};
use crate::store::Store;
use crate::telemetry::events;

/// The guard of the whole account. Cheap to clone; asking it never waits for anything but another asker.
#[derive(Clone)]
pub struct Account {
    inner: Arc<Inner>,
}

/// The brake that people reach for, which lets go of what the account holds back when all is resumed.
pub struct Released {
    /// What people ask.
    pub brake: Arc<dyn Brake>,
    /// What is released with it.
    pub account: Account,
}

struct Inner {
    store: Store,
    board: StatusBus,
    state: Mutex<State>,
}

struct State {
    guard: AccountGuard,
    now: Timestamp,
    refused: BTreeMap<AccountRule, u64>,
    last_refusal: Option<String>,
    broken: Option<String>,
    /// What was written down last.
    written: Option<AccountStanding>,
}

impl Account {
    /// Returns the guard as the last process of this run left it.
    ///
    /// # Errors
    /// When what was stored cannot be read.
    pub async fn open(
        limits: AccountLimits,
        store: &Store,
        board: &StatusBus,
    ) -> Result<Self, StoreError> {
        let mut guard = AccountGuard::new(limits);
        let mut broken = None;
        // What was settled comes last: a fill that was told after it is of before.
        let is_settled = |fact: &Event| matches!(fact, Event::Settled { .. });
        let facts = store.account_events().await?;
        let (settled, before): (Vec<_>, Vec<_>) = facts.into_iter().partition(is_settled);
        for fact in before.iter().chain(&settled) {
            let recalled = recall(&mut guard, fact);
            broken = broken.or(recalled.err());
        }
        let written = store.account_standing().await?;
        if let Some(standing) = written.clone() {
            guard.stand(standing);
        }
        let state = State {
            guard,
            now: Timestamp::default(),
            refused: BTreeMap::new(),
            last_refusal: None,
            broken,
            written,
        };
        let (store, board) = (store.clone(), board.clone());
        Ok(Self { inner: Arc::new(Inner { store, board, state: Mutex::new(state) }) })
    }

    /// Takes in a market event, before any strategy does. One of the past of a run that goes on says what is known of
    /// markets, and trips nothing: what is held now was not held then.
    pub fn observe(&self, event: &MarketEvent, past: Past) {
        let mut state = self.lock();
        match past {
            Past::Yes => state.guard.recall_event(event),
            Past::No => {
                state.now = state.now.max(event.at);
                state.guard.observe(event);
                self.say_turns(&mut state);
            }
        }
    }

    /// Asks for an order that is about to be recorded; what is let pass is reserved.
    ///
    /// # Errors
    /// Why it is not let pass, with what was compared.
    pub fn admit(&self, order: &Order) -> Result<(), String> {
        let mut state = self.lock();
        if let (Some(broken), false) = (&state.broken, order.intent().purpose.is_protective()) {
            return Err(format!("not sent: the account's holdings do not add up: {broken}"));
        }
        state.now = state.now.max(order.at());
        let admitted = state.guard.admit(order.id(), *order.intent(), order.at());
        self.say_turns(&mut state);
        admitted.map_err(|no| {
            let reason = format!("not sent: {no}");
            *state.refused.entry(no.rule).or_default() += 1;
            state.last_refusal = Some(format!("{}: {no}", order.id()));
            reason
        })
    }

    /// Takes in what was told about orders, once that is stored.
    pub fn told<'a>(&self, told: impl Iterator<Item = &'a OrderEvent>) {
        let mut state = self.lock();
        for event in told {
            state.now = state.now.max(event.at);
            if let Err(oversold) = state.guard.told(event) {
                // The ledger, which is told the same, halts all for it.
                state.broken.get_or_insert(oversold.to_string());
            }
        }
        self.say_turns(&mut state);
    }

    /// Takes in that so many orders are being cancelled.
    pub fn cancels(&self, count: usize) {
        self.lock().guard.cancels(count);
    }

    /// Takes in the settlement of a market in which a strategy held shares.
    pub fn settled(&self, settlement: &Settlement) {
        let mut state = self.lock();
        state.guard.settled(settlement.market, settlement.payouts);
        self.say_turns(&mut state);
    }

    /// Lets entries pass again that a loss holds back, because a person said so. Tells whether one did.
    #[must_use]
    pub fn release(&self) -> bool {
        let mut state = self.lock();
        let before = state.guard.tripped().count();
        state.guard.release();
        let released = state.guard.tripped().count() < before;
        self.say_turns(&mut state);
        released
    }

    /// Writes down where it stands, where that has changed since it was written last.
    pub fn beat(&self) {
        self.write(&mut self.lock());
    }

    /// Returns how it is.
    #[must_use]
    pub fn status(&self) -> AccountStatus {
        let state = self.lock();
        let refused = state.refused.iter();
        AccountStatus {
            limits: state.guard.uses().iter().map(limit).collect(),
            tripped: state.guard.tripped().map(tripped).collect(),
            refused: refused.map(|(rule, count)| (rule.name().to_owned(), *count)).collect(),
            last_refusal: state.last_refusal.clone(),
            equity_usdc: state.guard.equity(),
            broken: state.broken.clone(),
        }
    }

    /// Stores and says what the guard did of its own.
    fn say_turns(&self, state: &mut State) {
        let turns = state.guard.take_turns();
        if turns.is_empty() {
            return;
        }
        for turn in turns {
            let record = record(turn);
            self.say(&record);
            // A full queue is counted by the store and shown.
            drop(self.inner.store.record(Row::Risk(record), Ticket::none()));
        }
        self.write(state);
    }

    fn write(&self, state: &mut State) {
        let standing = state.guard.standing();
        if state.written.as_ref() == Some(&standing) {
            return;
        }
        let record = AccountRecord { at: state.now, standing: standing.clone() };
        if self.inner.store.record(Row::Account(record), Ticket::none()).is_ok() {
            state.written = Some(standing);
        }
    }

    /// Says on log and board that entries of all strategies wait, or pass again.
    fn say(&self, record: &RiskRecord) {
        let RiskRecord { at, rule, used, limit, strategy, .. } = record;
        let (event, message) = if record.event == "tripped" {
            let message = format!("account limit passed: {rule} {used} of {limit}; entries wait");
            tracing::error!(event.name = events::ACCOUNT_TRIPPED, strategy.id = %strategy, risk.rule = rule, "{message}");
            (events::ACCOUNT_TRIPPED, message)
        } else {
            let message = format!("account limit released: {rule}");
            tracing::info!(event.name = events::RISK_RELEASED, strategy.id = %strategy, risk.rule = rule, "{message}");
            (events::RISK_RELEASED, message)
        };
        self.inner.board.say(Recent { at: *at, strategy: None, event: event.to_owned(), message });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics between two halves of a change, so a poisoned state is still whole.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Brake for Released {
    fn ask(&self, ask: Ask) -> Pending<'_, Result<Turned, Denied>> {
        Box::pin(async move {
            let resumes = ask.wish == Wish::Resume;
            let mut answer = self.brake.ask(ask).await;
            if let Ok(turned) = &mut answer
                && resumes
                && self.account.release()
            {
                turned.changed = true;
                turned.said += "; the account's losses are counted from now on";
            }
            answer
        })
    }
}

/// Takes in a fact of an earlier process. Of an order that has not ended the row does not say how long it may wait, nor
/// what for: it is taken as one that rests and opens risk.
fn recall(guard: &mut AccountGuard, fact: &Event) -> Result<(), String> {
    match fact {
        Event::Recorded(terms) => {
            let Terms { order, market, outcome, side, limit, size, .. } = terms.clone();
            let (time_in_force, purpose) = (TimeInForce::Gtc, Purpose::Entry);
            let intent = Intent { market, outcome, side, limit, size, time_in_force, purpose };
            guard.reserve(&order, intent);
            Ok(())
        }
        Event::Filled { fill, .. } => {
            let update = Update::Filled(fill.clone());
            let event = OrderEvent { at: fill.at, order: fill.order.clone(), update };
            guard.recall(&event).map_err(|oversold| oversold.to_string())
        }
        Event::Over { order } => {
            let update = Update::Done { unfilled: Size::ZERO, cause: DoneCause::Cancelled };
            let event = OrderEvent { at: Timestamp::default(), order: order.clone(), update };
            guard.recall(&event).map_err(|oversold| oversold.to_string())
        }
        Event::Settled { market, settlement: Paid::Paid(payouts), .. } => {
            guard.recall_settlement(*market, *payouts);
            Ok(())
        }
        Event::Settled { settlement: Paid::Void, .. }
        | Event::Fee { .. }
        | Event::Rebate { .. }
        | Event::Split { .. }
        | Event::Merge { .. } => Err(format!("a fact that the store never tells: {fact:?}")),
    }
}

fn record(turn: AccountTurn) -> RiskRecord {
    let strategy = StrategyId::account();
    match turn {
        AccountTurn::Tripped(rule, AccountTrip { used, limit, at }) => RiskRecord {
            at,
            strategy,
            event: "tripped".to_owned(),
            rule: rule.name().to_owned(),
            used: used.to_string(),
            limit: limit.to_string(),
        },
        AccountTurn::Released(rule, at) => RiskRecord {
            at,
            strategy,
            event: "released".to_owned(),
            rule: rule.name().to_owned(),
            used: String::new(),
            limit: String::new(),
        },
    }
}

fn limit(one: &AccountUse) -> AccountLimitStatus {
    AccountLimitStatus {
        rule: one.rule.name().to_owned(),
        used: one.used.to_string(),
        limit: one.limit.to_string(),
        room: one.room().to_string(),
        permille: one.permille(),
    }
}

fn tripped((rule, trip): (AccountRule, AccountTrip)) -> AccountTripStatus {
    let AccountTrip { used, limit, at } = trip;
    let (used, limit) = (used.to_string(), limit.to_string());
    AccountTripStatus { rule: rule.name().to_owned(), used, limit, at }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").finish_non_exhaustive()
    }
}

impl fmt::Debug for Released {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Released").finish_non_exhaustive()
    }
}
