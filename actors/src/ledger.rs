//! The account's ledger while the service runs: fed with what is stored, compared with every portfolio, watched.
//!
//! Two parts book the same facts apart from each other: a strategy's portfolio what came through its mailbox, the
//! ledger what was stored. What was lost, doubled or changed on either way makes a difference, and a difference is
//! noticed here.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ploy::kernel::Order;
use ploy::ledger::{
    Account, Booked, Event, Ledger, LedgerError, LedgerStatus, Owner, Settlement as Paid, Stage,
    Terms,
};
use ploy::market::{ConditionId, Outcome};
use ploy::order::{OrderEvent, StrategyId, Submission, Update};
use ploy::position::Portfolio;
use ploy::price::{Size, Usdc};

use crate::ports::Settlement;
use crate::telemetry::events;

/// How often in a row a portfolio may have seen other fills than the ledger while neither moves. What is stored
/// stands in the strategy's mailbox a moment later, so that even two are too many on an idle machine.
const LAGS_MAX: u32 = 8;
/// Every so many beats all is added up anew: with four beats a second each eight seconds.
const AUDIT_BEATS: u64 = 32;
/// Journals that are kept: a market of a strategy has one. Older ones that are done are put away.
const JOURNALS_MAX: usize = 2048;

/// The ledger of the whole account. Cheap to clone; booking never waits for anything but another booking.
#[derive(Clone, Default)]
pub struct AccountLedger {
    state: Arc<Mutex<State>>,
}

/// What is to be done when the books cannot be relied on; it is called once, with the reason, and must not wait.
pub type Alarm = Arc<dyn Fn(&str) + Send + Sync>;

#[derive(Default)]
struct State {
    ledger: Ledger,
    alarm: Option<Alarm>,
    broken: Option<String>,
    lags: BTreeMap<StrategyId, Lag>,
    beats: u64,
}

/// What ledger and portfolio had traded when they were compared last, and how often it was the same.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Lag {
    volumes: (Usdc, Usdc),
    times: u32,
}

impl AccountLedger {
    /// Returns a ledger that knows what was stored, and raises the alarm when that, or what follows, does not add up.
    #[must_use]
    pub fn restored(facts: &[Event], alarm: Alarm) -> Self {
        let ledger = Self::default();
        ledger.lock().alarm = Some(alarm);
        ledger.book(facts.iter());
        ledger
    }

    /// Returns the shares that strategies own, by strategy, market and outcome.
    #[must_use]
    pub fn held(&self) -> Vec<(StrategyId, (ConditionId, Outcome), Size)> {
        let state = self.lock();
        let mut held = Vec::new();
        for (owner, _) in state.ledger.accounts() {
            let Owner::Strategy(id) = owner else { continue };
            for (market, holdings) in state.ledger.holdings(owner) {
                for (outcome, holding) in Outcome::BOTH.into_iter().zip(holdings) {
                    if !holding.owned.is_zero() {
                        held.push((id.clone(), (market, outcome), holding.owned));
                    }
                }
            }
        }
        held
    }

    /// Books orders that were stored and are about to be sent.
    pub fn recorded<'a>(&self, orders: impl Iterator<Item = &'a Order>) {
        let terms: Vec<Event> = orders.map(|order| Event::Recorded(terms(order))).collect();
        self.book(terms.iter());
    }

    /// Books what a venue told about orders, once that is stored.
    pub fn told<'a>(&self, events: impl Iterator<Item = &'a OrderEvent>) {
        let facts: Vec<Event> = events.filter_map(fact).collect();
        self.book(facts.iter());
    }

    /// Books the settlement of a market in which a strategy held shares.
    pub fn settled(&self, settlement: &Settlement) {
        let fact = Event::Settled {
            owner: Owner::Strategy(settlement.strategy.clone()),
            market: settlement.market,
            settlement: Paid::Paid(settlement.payouts),
        };
        self.book([fact].iter());
    }

    /// Compares a strategy's portfolio with what is booked for it. A portfolio that has not seen all fills yet is not
    /// comparable; one that never does is a difference.
    pub fn compare(&self, id: &StrategyId, portfolio: &Portfolio) {
        let mut state = self.lock();
        let account = state.ledger.account(&Owner::Strategy(id.clone())).unwrap_or_default();
        let volumes = (account.volume, portfolio.volume());
        if volumes.0 != volumes.1 {
            let lag = state.lags.entry(id.clone()).or_insert(Lag { volumes, times: 0 });
            if lag.volumes != volumes {
                *lag = Lag { volumes, times: 0 };
            }
            lag.times += 1;
            if LAGS_MAX <= lag.times {
                let (booked, seen) = volumes;
                let why = format!(
                    "{id}: fills of {booked} USDC are booked, its portfolio knows of {seen} USDC"
                );
                state.account_broken(&why);
            }
            return;
        }
        state.lags.remove(id);
        if let Some(what) = difference(&state.ledger, id, &account, portfolio) {
            state.account_broken(&format!("{id}: {what}"));
        }
    }

    /// Adds all up anew now and then, and puts away what is done.
    pub fn beat(&self) {
        let mut state = self.lock();
        state.beats += 1;
        if !state.beats.is_multiple_of(AUDIT_BEATS) {
            return;
        }
        let checked = state.ledger.audit().and_then(|()| state.ledger.put_away(JOURNALS_MAX));
        state.watch(checked);
    }

    /// Returns how the accounts are.
    #[must_use]
    pub fn status(&self) -> LedgerStatus {
        let state = self.lock();
        LedgerStatus { broken: state.broken.clone(), ..state.ledger.status() }
    }

    fn book<'a>(&self, facts: impl Iterator<Item = &'a Event>) {
        let mut state = self.lock();
        for fact in facts {
            let booked = state.ledger.book(fact);
            match booked {
                Ok(Booked::Once | Booked::Duplicate) => {}
                Ok(Booked::Waiting | Booked::Unattributed) => state.watch(Ok(())),
                Err(error) => state.watch(Err(error)),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Notices an error, or what should not be though it adds up.
    fn watch(&mut self, checked: Result<(), LedgerError>) {
        let finding = || self.ledger.findings().next().map(|finding| finding.to_string());
        let why = checked.map_or_else(|error| Some(error.to_string()), |()| finding());
        if let Some(why) = why {
            self.account_broken(&why);
        }
    }

    /// What is to be done when the account's books cannot be relied on: all is halted, a person is called, and the
    /// service is not ready. The first cause is kept: what follows is mostly its consequence.
    fn account_broken(&mut self, why: &str) {
        if self.broken.is_some() {
            return;
        }
        tracing::error!(
            event.name = events::LEDGER_BROKEN,
            error.message = why,
            "the account's books do not add up"
        );
        self.broken = Some(why.to_owned());
        if let Some(alarm) = &self.alarm {
            alarm(why);
        }
    }
}

/// Returns the first thing in which a portfolio differs from what is booked.
fn difference(
    ledger: &Ledger,
    id: &StrategyId,
    account: &Account,
    portfolio: &Portfolio,
) -> Option<String> {
    let sums = [
        ("cash", account.cash + account.reserved, portfolio.cash()),
        ("fees", account.fees, portfolio.fees()),
        ("realised", account.realised, portfolio.realised()),
    ];
    if let Some((what, booked, held)) = sums.into_iter().find(|(_, one, other)| one != other) {
        return Some(format!("{what} {booked} USDC is booked, its portfolio says {held} USDC"));
    }
    let owner = Owner::Strategy(id.clone());
    let mut held = 0_usize;
    for (market, outcome, position) in portfolio.positions() {
        held += 1;
        let booked = ledger.holding(&owner, market, outcome);
        if (booked.owned, booked.cost) != (position.size, position.cost) {
            return Some(format!(
                "{} shares of {market} for {} USDC are booked, its portfolio has {} for {} USDC",
                booked.owned, booked.cost, position.size, position.cost
            ));
        }
    }
    let holdings = ledger.holdings(&owner).flat_map(|(_, holdings)| holdings);
    let booked = holdings.filter(|holding| !holding.owned.is_zero()).count();
    (booked != held)
        .then(|| format!("{booked} positions are booked, its portfolio has {held} of them"))
}

fn terms(order: &Order) -> Terms {
    let intent = order.intent();
    Terms {
        order: order.id().clone(),
        market: intent.market,
        outcome: intent.outcome,
        side: intent.side,
        limit: intent.limit,
        size: intent.size,
        // What stands in the record of an order tells no fee: the ledger knows no more than the store.
        fee: Usdc::ZERO,
    }
}

fn fact(event: &OrderEvent) -> Option<Event> {
    match &event.update {
        Update::Submitted(Submission::Accepted | Submission::Unknown) => None,
        Update::Submitted(Submission::Rejected { .. }) | Update::Done { .. } => {
            Some(Event::Over { order: event.order.clone() })
        }
        // The paper venue's fills are final when they are told.
        Update::Filled(fill) => Some(Event::Filled { fill: fill.clone(), stage: Stage::Confirmed }),
    }
}

impl fmt::Debug for AccountLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountLedger").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ploy::market::Side;
    use ploy::order::{DoneCause, Fill, Liquidity};
    use ploy::time::Timestamp;

    const MARKET: ConditionId = ConditionId::from_bytes([7; 32]);

    fn id() -> StrategyId {
        "a".parse().unwrap()
    }

    fn fill(number: u32) -> Fill {
        Fill {
            number,
            order: "a:1".parse().unwrap(),
            market: MARKET,
            outcome: Outcome::Yes,
            side: Side::Buy,
            price: "0.4".parse().unwrap(),
            size: "5".parse().unwrap(),
            fee: Usdc::ZERO,
            liquidity: Liquidity::Taker,
            at: Timestamp::default(),
        }
    }

    fn told(fill: &Fill) -> OrderEvent {
        let update = Update::Filled(fill.clone());
        OrderEvent { at: fill.at, order: fill.order.clone(), update }
    }

    /// A ledger that knows an order for ten shares of yes.
    fn ledger() -> AccountLedger {
        alarmed(Arc::new(|_: &str| {}))
    }

    fn alarmed(alarm: Alarm) -> AccountLedger {
        let terms = Terms {
            order: "a:1".parse().unwrap(),
            market: MARKET,
            outcome: Outcome::Yes,
            side: Side::Buy,
            limit: "0.4".parse().unwrap(),
            size: "10".parse().unwrap(),
            fee: Usdc::ZERO,
        };
        AccountLedger::restored(&[Event::Recorded(terms)], alarm)
    }

    fn broken(ledger: &AccountLedger) -> Option<String> {
        ledger.status().broken
    }

    #[test]
    fn what_is_told_twice_is_booked_once_and_nothing_is_broken() {
        let (ledger, mut portfolio) = (ledger(), Portfolio::default());
        let done = Update::Done { unfilled: Size::ZERO, cause: DoneCause::Cancelled };
        let done = OrderEvent { update: done, ..told(&fill(1)) };
        portfolio.book(&fill(1)).unwrap();
        for _ in 0..2 {
            ledger.told([told(&fill(1)), done.clone()].iter());
            ledger.compare(&id(), &portfolio);
        }
        let shown = ledger.status();
        assert_eq!((shown.broken, shown.sum_micros, shown.shares_off), (None, 0, 0));
        assert_eq!(shown.accounts[0].cash_usdc, "-2".parse().unwrap());
        assert_eq!(shown.accounts[0].holdings[0].sellable, "5".parse().unwrap());
    }

    #[test]
    fn a_fill_that_changed_since_it_was_told_breaks_the_account() {
        let ledger = ledger();
        ledger.told([told(&fill(1))].iter());
        let changed = Fill { size: "6".parse().unwrap(), ..fill(1) };
        ledger.told([told(&changed)].iter());
        let why = "fill 1 of order a:1 was told before with another content";
        assert_eq!(broken(&ledger).as_deref(), Some(why));
    }

    #[test]
    fn what_breaks_the_account_raises_the_alarm_once() {
        let (heard, told) = std::sync::mpsc::channel();
        let ledger = alarmed(Arc::new(move |why: &str| heard.send(why.to_owned()).unwrap()));
        for order in ["b:9", "b:10"] {
            let fill = Fill { order: order.parse().unwrap(), ..fill(1) };
            ledger.told([super::tests::told(&fill)].iter());
        }
        let why = "1 fills of order b:9 belong to nobody: no such order was recorded";
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [why]);
    }

    #[test]
    fn a_fill_of_nobodys_order_breaks_the_account() {
        let ledger = ledger();
        ledger.told([told(&Fill { order: "b:9".parse().unwrap(), ..fill(1) })].iter());
        let why = "1 fills of order b:9 belong to nobody: no such order was recorded";
        assert_eq!(broken(&ledger).as_deref(), Some(why));
        assert_eq!(ledger.status().accounts[1].owner, "(unattributed)");
    }

    #[test]
    fn a_portfolio_that_says_otherwise_breaks_the_account() {
        let (ledger, mut portfolio) = (ledger(), Portfolio::default());
        ledger.told([told(&fill(1))].iter());
        portfolio.book(&Fill { outcome: Outcome::No, ..fill(1) }).unwrap();
        ledger.compare(&id(), &portfolio);
        let why = format!(
            "a: 0 shares of {MARKET} for 0 USDC are booked, its portfolio has 5 for 2 USDC"
        );
        assert_eq!(broken(&ledger), Some(why));
    }

    #[test]
    fn a_fill_on_its_way_is_waited_for_and_a_lost_one_breaks_the_account() {
        let (ledger, mut portfolio) = (ledger(), Portfolio::default());
        for number in [1, 2] {
            ledger.told([told(&fill(number))].iter());
            (1..LAGS_MAX).for_each(|_| ledger.compare(&id(), &portfolio));
            assert_eq!(broken(&ledger), None);
            portfolio.book(&fill(number)).unwrap();
            ledger.compare(&id(), &portfolio);
        }
        portfolio.book(&fill(3)).unwrap();
        (0..LAGS_MAX).for_each(|_| ledger.compare(&id(), &portfolio));
        let why = "a: fills of 4 USDC are booked, its portfolio knows of 6 USDC";
        assert_eq!(broken(&ledger).as_deref(), Some(why));
    }

    #[test]
    fn what_only_the_whole_shows_is_noticed_with_the_audit() {
        let ledger = ledger();
        for number in [1, 2, 3] {
            ledger.told([told(&fill(number))].iter());
        }
        (1..AUDIT_BEATS).for_each(|_| ledger.beat());
        assert_eq!(broken(&ledger), None);
        ledger.beat();
        let why = "order a:1 asked for 10 shares, 15 were filled";
        assert_eq!(broken(&ledger).as_deref(), Some(why));
    }
}
