//! The simulated venue itself: it takes each order once, fills it by its seed, and keeps a journal of all it did.
//!
//! A value without time, threads or network. Time is counted in steps, which whoever runs it lets pass.

use std::collections::{BTreeMap, BTreeSet};

use ploy::intent::TimeInForce;
use ploy::market::{ConditionId, Outcome, Side};
use ploy::order::{DoneCause, Fill, Liquidity, OrderEvent, Origin, StrategyId, Update};
use ploy::order_path::{OrderHash, Standing, Wanted};
use ploy::price::Size;
use ploy::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::habits::{Course, Habits};

/// A simulated venue.
#[derive(Clone, Debug)]
pub struct Exchange {
    habits: Habits,
    step: u64,
    /// The newest instant that an order has told.
    now: Timestamp,
    orders: BTreeMap<OrderHash, Taken>,
    /// What still happens to orders, by step.
    due: BTreeSet<(u64, OrderHash)>,
    /// What is still told, by step, in the order in which it happened.
    untold: BTreeMap<(u64, u64), OrderEvent>,
    happened: u64,
    news: Vec<OrderEvent>,
    shares: BTreeMap<(StrategyId, ConditionId, Outcome), Size>,
    journal: Vec<Entry>,
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Of which order.
    pub hash: OrderHash,
    /// What.
    pub what: Act,
}

/// What a venue can do with an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// It came: whatever becomes of it, it was sent.
    Received(Wanted),
    /// It is worked on.
    Taken,
    /// It was refused.
    Refused,
    /// It came again while it was there, or after it was.
    Double,
    /// It sells more than there is.
    Oversold,
    /// Shares changed hands.
    Filled(Fill),
    /// Nothing more becomes of it.
    Ended {
        /// The shares that were not filled.
        unfilled: Size,
        /// Why.
        cause: DoneCause,
    },
}

/// What came of placing an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placed {
    /// It is taken.
    Taken,
    /// It was there already.
    Already,
    /// It is refused.
    Refused {
        /// Why.
        reason: String,
        /// Whose fault it is.
        origin: Origin,
    },
}

/// An order that it was sent.
#[derive(Clone, Debug)]
struct Taken {
    wanted: Wanted,
    refused: Option<(Origin, &'static str)>,
    /// What still becomes of it: after so many steps so many shares.
    course: Vec<(u64, Size)>,
    fills: Vec<Fill>,
    filled: Size,
    ended: Option<(Size, DoneCause)>,
    /// The step before which nothing more of it is told: its news keep their order.
    told_from: u64,
}

impl Exchange {
    /// Returns a venue without orders.
    #[must_use]
    pub const fn new(habits: Habits) -> Self {
        Self {
            habits,
            step: 0,
            now: Timestamp::UNIX_EPOCH,
            orders: BTreeMap::new(),
            due: BTreeSet::new(),
            untold: BTreeMap::new(),
            happened: 0,
            news: Vec::new(),
            shares: BTreeMap::new(),
            journal: Vec::new(),
        }
    }

    /// Notes that an order has come, whether or not it is read.
    pub fn receive(&mut self, hash: OrderHash, wanted: &Wanted) {
        self.note(hash, Act::Received(wanted.clone()));
    }

    /// Takes an order, unless it is there already or refused.
    pub fn place(&mut self, hash: OrderHash, wanted: &Wanted) -> Placed {
        if let Some(taken) = self.orders.get(&hash) {
            let answer = taken.refused.map_or(Placed::Already, refused);
            self.note(hash, Act::Double);
            return answer;
        }
        self.now = self.now.max(wanted.at);
        let course = match self.habits.course(&hash.to_string(), wanted.size) {
            Course::Taken(_) if self.sellable(wanted) < wanted.size => {
                self.note(hash, Act::Oversold);
                Course::Refused(Origin::Order, "not enough balance: fewer shares are held")
            }
            course @ (Course::Taken(_) | Course::Refused(..)) => course,
        };
        let (refused_for, course) = match course {
            Course::Refused(origin, reason) => (Some((origin, reason)), Vec::new()),
            Course::Taken(course) => (None, course),
        };
        let first = course.first().map(|(wait, _)| self.step + wait);
        let taken = Taken {
            wanted: wanted.clone(),
            refused: refused_for,
            course,
            fills: Vec::new(),
            filled: Size::ZERO,
            ended: None,
            told_from: self.step,
        };
        self.note(hash, if refused_for.is_some() { Act::Refused } else { Act::Taken });
        self.orders.insert(hash, taken);
        self.due.extend(first.map(|step| (step, hash)));
        self.work();
        refused_for.map_or(Placed::Taken, refused)
    }

    /// Ends an order that still waits; of another, or none, nothing becomes.
    pub fn cancel(&mut self, hash: OrderHash) {
        if let Some(taken) = self.orders.get_mut(&hash)
            && !taken.is_over()
        {
            taken.course.clear();
            self.end(hash, DoneCause::Cancelled);
            self.work();
        }
    }

    /// Returns how an order stands.
    #[must_use]
    pub fn standing(&self, hash: OrderHash) -> Standing {
        let Some(Taken { refused, fills, ended, .. }) = self.orders.get(&hash) else {
            return Standing::Absent;
        };
        match (*refused, *ended) {
            (Some((origin, reason)), _) => Standing::Rejected { reason: reason.to_owned(), origin },
            (None, Some((unfilled, cause))) => {
                Standing::Done { fills: fills.clone(), unfilled, cause }
            }
            (None, None) => Standing::Open { fills: fills.clone() },
        }
    }

    /// Returns the newest instant that an order has told: the venue has no clock of its own.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Lets a step pass: what is due happens, and what is to be told is told.
    pub fn pass(&mut self) {
        self.step += 1;
        self.work();
    }

    /// Returns how much it has told.
    #[must_use]
    pub const fn newest(&self) -> usize {
        self.news.len()
    }

    /// Returns what it has told after so many, at most so many of them.
    #[must_use]
    pub fn news(&self, after: usize, most: usize) -> &[OrderEvent] {
        let end = self.news.len().min(after.saturating_add(most));
        self.news.get(after..end).unwrap_or_default()
    }

    /// Returns all that it did, in its order.
    #[must_use]
    pub fn journal(&self) -> &[Entry] {
        &self.journal
    }

    /// Returns the orders that it works on.
    #[must_use]
    pub fn open(&self) -> usize {
        self.orders.values().filter(|taken| !taken.is_over()).count()
    }

    /// Tells whether nothing more happens or is told by itself.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.due.is_empty() && self.untold.is_empty()
    }

    fn work(&mut self) {
        while let Some((step, hash)) = self.due.first().copied() {
            if self.step < step {
                break;
            }
            self.due.pop_first();
            self.go_on(hash);
        }
        while let Some(entry) = self.untold.first_entry() {
            if self.step < entry.key().0 {
                break;
            }
            self.news.push(entry.remove());
        }
    }

    /// Lets the next thing in an order's course happen.
    fn go_on(&mut self, hash: OrderHash) {
        let Some(taken) = self.orders.get_mut(&hash).filter(|taken| !taken.is_over()) else {
            return;
        };
        let size = if taken.course.is_empty() { Size::ZERO } else { taken.course.remove(0).1 };
        let next = taken.course.first().map(|(wait, _)| self.step + wait);
        if !size.is_zero() {
            self.fill(hash, size);
        }
        match next {
            Some(step) => drop(self.due.insert((step, hash))),
            None => self.settle(hash),
        }
    }

    /// Ends an order whose course is over, unless its rest stays on the book.
    fn settle(&mut self, hash: OrderHash) {
        let Some(taken) = self.orders.get(&hash) else { return };
        let is_filled = taken.filled == taken.wanted.size;
        match (is_filled, taken.wanted.time_in_force) {
            (true, _) => self.end(hash, DoneCause::Filled),
            (false, TimeInForce::Gtc) => {}
            (false, TimeInForce::Fok | TimeInForce::Fak) => self.end(hash, DoneCause::Unmatched),
        }
    }

    fn fill(&mut self, hash: OrderHash, size: Size) {
        let Some(taken) = self.orders.get_mut(&hash) else { return };
        let Wanted { order, market, outcome, side, limit, .. } = taken.wanted.clone();
        let fill = Fill {
            number: u32::try_from(taken.fills.len() + 1).unwrap_or(u32::MAX),
            order: order.clone(),
            market,
            outcome,
            side,
            price: limit,
            size,
            fee: self.habits.fees.taker_fee(size, limit),
            liquidity: Liquidity::Taker,
            at: self.now,
        };
        taken.filled += size;
        taken.fills.push(fill.clone());
        let held = self.shares.entry((order.strategy, market, outcome)).or_default();
        match side {
            Side::Buy => *held += size,
            Side::Sell => *held = held.saturating_sub(size),
        }
        self.note(hash, Act::Filled(fill.clone()));
        self.happen(hash, Update::Filled(fill));
    }

    fn end(&mut self, hash: OrderHash, cause: DoneCause) {
        let Some(taken) = self.orders.get_mut(&hash) else { return };
        let unfilled = taken.wanted.size.saturating_sub(taken.filled);
        taken.ended = Some((unfilled, cause));
        self.note(hash, Act::Ended { unfilled, cause });
        self.happen(hash, Update::Done { unfilled, cause });
    }

    /// Has told what happened to an order: now, late, or twice.
    fn happen(&mut self, hash: OrderHash, update: Update) {
        let Some(taken) = self.orders.get_mut(&hash) else { return };
        let event = OrderEvent { at: self.now, order: taken.wanted.order.clone(), update };
        self.happened += 2;
        let (late, again) = self.habits.telling(self.happened);
        taken.told_from = taken.told_from.max(self.step + late);
        let first = taken.told_from;
        if let Some(again) = again {
            self.untold.insert((first + again, self.happened + 1), event.clone());
        }
        self.untold.insert((first, self.happened), event);
    }

    /// Returns how many shares an order may sell; a buy may buy.
    fn sellable(&self, wanted: &Wanted) -> Size {
        match wanted.side {
            Side::Buy => wanted.size,
            Side::Sell => {
                let key = (wanted.order.strategy.clone(), wanted.market, wanted.outcome);
                self.shares.get(&key).copied().unwrap_or_default()
            }
        }
    }

    fn note(&mut self, hash: OrderHash, what: Act) {
        self.journal.push(Entry { hash, what });
    }
}

impl Taken {
    const fn is_over(&self) -> bool {
        self.refused.is_some() || self.ended.is_some()
    }
}

fn refused((origin, reason): (Origin, &'static str)) -> Placed {
    Placed::Refused { reason: reason.to_owned(), origin }
}
