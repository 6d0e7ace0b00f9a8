//! Decisions: how every look of a strategy ends, and the digest of all of them.
//!
//! The digest is a chain: each link is the SHA-256 of the link before and of the bytes of one decision. So all of
//! its state is the newest link and a count, which can be written down and gone on from.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::intent::Intent;
use crate::market::ConditionId;
use crate::numbers::{Numbers, Value};
use crate::risk::Rejection;
use crate::time::Timestamp;
use crate::trigger::Trigger;

/// How one look ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Its number within the strategy, from 1.
    pub seq: u64,
    /// When it was taken.
    pub at: Timestamp,
    /// What moved the strategy to look. It follows from the inputs and is not in the digest.
    pub trigger: Trigger,
    /// The market looked at, where there was one.
    pub market: Option<ConditionId>,
    /// What came of it.
    pub verdict: Verdict,
    /// The numbers that were compared.
    pub numbers: Numbers,
}

/// What came of a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The guard approved; the order has this number within the strategy.
    Order {
        /// The order's number.
        order: u64,
        /// What was approved.
        intent: Intent,
    },
    /// The guard refused.
    Rejected {
        /// What was wanted.
        intent: Intent,
        /// Which rule refused, with its numbers.
        rejection: Rejection,
    },
    /// The strategy itself said no.
    No(Reason),
}

/// The first gate that said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Not enough history yet.
    WarmingUp,
    /// The market is not known, or none fits.
    NoMarket,
    /// The market's window has not begun.
    NotOpen,
    /// The market closes too soon, or has closed.
    NearClose,
    /// A book is missing or too old.
    StaleBook,
    /// A side of a book that is needed is empty.
    OneSidedBook,
    /// A book's best bid is at or above its best ask: no such book can be traded on.
    CrossedBook,
    /// The last order met this very book and found too little; a newer one is awaited.
    SpentBook,
    /// The two books are of different instants.
    BookSkew,
    /// An order for the same leg, or its other leg, is outstanding.
    PendingOrder,
    /// As many unhedged legs as allowed are open.
    MaxUnhedged,
    /// The condition that the strategy waits for is not there.
    NoSignal,
    /// The price is past the limit of an entry.
    PriceLimit,
    /// The other outcome is too dear for a hedge to come into reach.
    HedgeDistance,
    /// Too little is left between the price and what a share is worth.
    NoEdge,
    /// A leg waits for a hedge at the right price.
    AwaitHedge,
    /// What is held is below the venue's smallest order; it is held to resolution.
    BelowMinimum,
    /// A failed exit is tried again later.
    ExitBackoff,
    /// The price of the underlying that decides the market is not known.
    NoStrike,
    /// The price of the underlying is too old.
    StaleSpot,
    /// Too little time has passed since the last entry, or the last round, of the same kind.
    Cooldown,
    /// As many entries as allowed were made on this day in UTC.
    DailyLimit,
    /// A position in the same underlying is open.
    PositionOpen,
    /// As many positions as allowed are open.
    MaxPositions,
    /// The one entry of the window was made, or is on its way.
    WindowSpent,
    /// The entries of the window would cost more than allowed.
    WindowExposure,
    /// A signal waits: a better one of the same window may come.
    AwaitBest,
    /// Another market of the same window has the larger edge.
    NotBest,
    /// A position is held: no rule sells it now.
    Holding,
    /// No state of the market's game has come.
    NoGame,
    /// The newest state of the game is too old.
    StaleGame,
    /// The game has not begun, is over, or its clock makes no sense.
    NotInPlay,
    /// Filters of the market's condition failed; the first of them stand in the numbers.
    Filters,
    /// The price is so low that hardly anybody trades there.
    PriceLow,
    /// The price is so high that little is left to win.
    PriceHigh,
    /// The model is not sure enough of its probability.
    LowConfidence,
    /// After all costs too little is left to be expected.
    NoEv,
    /// A feed is down: the strategy takes no new risk until it is back.
    HaltedState,
}

/// The fingerprint of all decisions so far, in order: the newest link of the chain, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionDigest {
    link: Link,
    #[serde(deserialize_with = "crate::numbers::count")]
    count: u64,
}

/// One link of the chain: 32 bytes, written as 64 hex digits. Before any decision all of them are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
struct Link([u8; 32]);

/// The text is no link of a chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a digest of 64 hex digits")]
struct NotALink(String);

impl Reason {
    /// Returns the word for it in files and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WarmingUp => "warming_up",
            Self::NoMarket => "no_market",
            Self::NotOpen => "not_open",
            Self::NearClose => "near_close",
            Self::StaleBook => "stale_book",
            Self::OneSidedBook => "one_sided_book",
            Self::CrossedBook => "crossed_book",
            Self::SpentBook => "spent_book",
            Self::BookSkew => "book_skew",
            Self::PendingOrder => "pending_order",
            Self::MaxUnhedged => "max_unhedged",
            Self::NoSignal => "no_signal",
            Self::PriceLimit => "price_limit",
            Self::HedgeDistance => "hedge_distance",
            Self::NoEdge => "no_edge",
            Self::AwaitHedge => "await_hedge",
            Self::BelowMinimum => "below_minimum",
            Self::ExitBackoff => "exit_backoff",
            Self::NoStrike => "no_strike",
            Self::StaleSpot => "stale_spot",
            Self::Cooldown => "cooldown",
            Self::DailyLimit => "daily_limit",
            Self::PositionOpen => "position_open",
            Self::MaxPositions => "max_positions",
            Self::WindowSpent => "window_spent",
            Self::WindowExposure => "window_exposure",
            Self::AwaitBest => "await_best",
            Self::NotBest => "not_best",
            Self::Holding => "holding",
            Self::NoGame => "no_game",
            Self::StaleGame => "stale_game",
            Self::NotInPlay => "not_in_play",
            Self::Filters => "filters",
            Self::PriceLow => "price_low",
            Self::PriceHigh => "price_high",
            Self::LowConfidence => "low_confidence",
            Self::NoEv => "no_ev",
            Self::HaltedState => "halted_state",
        }
    }
}

impl DecisionDigest {
    /// Adds a decision. Every part of it counts: time, market, verdict, numbers.
    pub fn add(&mut self, decision: &Decision) {
        self.count += 1;
        let mut bytes = Bytes::after(&self.link);
        bytes.push(&decision.seq.to_le_bytes());
        bytes.push(&decision.at.micros().to_le_bytes());
        match &decision.market {
            Some(market) => {
                bytes.push(&[1]);
                bytes.push(market.bytes());
            }
            None => bytes.push(&[0]),
        }
        match &decision.verdict {
            Verdict::Order { order, intent } => {
                bytes.word("order");
                bytes.push(&order.to_le_bytes());
                bytes.intent(intent);
            }
            Verdict::Rejected { intent, rejection } => {
                bytes.word("rejected");
                bytes.intent(intent);
                bytes.word(rejection.rule.name());
                bytes.value(rejection.used);
                bytes.value(rejection.limit);
            }
            Verdict::No(reason) => bytes.word(reason.name()),
        }
        for (name, value) in decision.numbers.iter() {
            bytes.word(name);
            bytes.value(value);
        }
        self.link = bytes.link();
    }

    /// Returns how many decisions are in it.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Returns the first four bytes of the digest: enough to see that decisions begin to differ.
    #[must_use]
    pub const fn mark(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.link.0;
        [a, b, c, d]
    }

    /// Returns the digest as 64 hex digits.
    #[must_use]
    pub fn hex(&self) -> String {
        hex(&self.link.0)
    }

    /// Returns one digest of several strategies', in the order of their names.
    #[must_use]
    pub fn combine<'a>(parts: impl Iterator<Item = (&'a str, &'a str)>) -> String {
        let mut hash = Sha256::new();
        for (strategy, digest) in parts {
            hash.update(strategy.as_bytes());
            hash.update(b" ");
            hash.update(digest.as_bytes());
            hash.update(b"\n");
        }
        hex(&hash.finalize())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl From<Link> for String {
    fn from(link: Link) -> Self {
        hex(&link.0)
    }
}

impl TryFrom<String> for Link {
    type Error = NotALink;
    fn try_from(text: String) -> Result<Self, NotALink> {
        // The same digits are a market's id, which would be read with `0x` and without the last two as well.
        let is_link = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = is_link.then(|| text.parse::<ConditionId>().ok()).flatten();
        id.map(|id| Self(*id.bytes())).ok_or_else(|| NotALink(text.chars().take(80).collect()))
    }
}

/// The bytes of one link, gathered so that the hash is fed once; what does not fit is fed on the way.
struct Bytes {
    hash: Sha256,
    buffer: [u8; 512],
    len: usize,
}

impl Bytes {
    fn after(link: &Link) -> Self {
        let mut bytes = Self { hash: Sha256::new(), buffer: [0; 512], len: 0 };
        bytes.push(&link.0);
        bytes
    }

    #[inline]
    fn push(&mut self, part: &[u8]) {
        let end = self.len + part.len();
        match self.buffer.get_mut(self.len..end) {
            Some(place) => {
                place.copy_from_slice(part);
                self.len = end;
            }
            None => self.feed(part),
        }
    }

    /// Feeds what is gathered and a part that does not fit behind it.
    #[cold]
    fn feed(&mut self, part: &[u8]) {
        self.flush();
        self.hash.update(part);
    }

    fn flush(&mut self) {
        self.hash.update(self.buffer.get(..self.len).unwrap_or_default());
        self.len = 0;
    }

    /// Adds a word and its end, so that no two rows of words are the same bytes.
    fn word(&mut self, word: &str) {
        self.push(word.as_bytes());
        self.push(&[0]);
    }

    fn value(&mut self, value: Value) {
        let (kind, number) = value.raw();
        self.push(&[kind]);
        self.push(&number.to_le_bytes());
    }

    fn intent(&mut self, intent: &Intent) {
        self.push(intent.market.bytes());
        for word in [
            intent.outcome.name(),
            intent.side.name(),
            intent.time_in_force.name(),
            intent.purpose.name(),
        ] {
            self.word(word);
        }
        self.push(&intent.limit.micros().to_le_bytes());
        self.push(&intent.size.micros().to_le_bytes());
    }

    fn link(mut self) -> Link {
        self.flush();
        Link(self.hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::price::Price;
    use crate::trigger::Cause;

    fn no(seq: u64, reason: Reason, ask: &str) -> Decision {
        let numbers = Numbers::none().with("ask", ask.parse::<Price>().unwrap());
        Decision {
            seq,
            at: Timestamp::default(),
            trigger: Trigger { cause: Cause::Timer, at: Timestamp::default() },
            market: None,
            verdict: Verdict::No(reason),
            numbers,
        }
    }

    fn digest(decisions: &[Decision]) -> String {
        let mut digest = DecisionDigest::default();
        decisions.iter().for_each(|decision| digest.add(decision));
        digest.hex()
    }

    #[test]
    fn a_digest_tells_any_change_and_any_order_apart() {
        let a = no(1, Reason::NoSignal, "0.46");
        let base = digest(&[a.clone(), no(2, Reason::NoEdge, "0.46")]);
        assert_eq!(base, digest(&[a.clone(), no(2, Reason::NoEdge, "0.46")]));
        assert_ne!(base, digest(&[a.clone(), no(2, Reason::NoEdge, "0.47")]));
        assert_ne!(base, digest(&[a.clone(), no(2, Reason::NoSignal, "0.46")]));
        assert_ne!(base, digest(&[no(2, Reason::NoEdge, "0.46"), a]));
    }

    #[test]
    fn a_digest_that_was_written_down_goes_on() {
        let [a, b] = [no(1, Reason::NoSignal, "0.46"), no(2, Reason::NoEdge, "0.46")];
        let mut first = DecisionDigest::default();
        first.add(&a);
        let text = serde_json::to_string(&first).unwrap();
        assert_eq!(text, format!(r#"{{"link":"{}","count":1}}"#, first.hex()));
        let mut second: DecisionDigest = serde_json::from_str(&text).unwrap();
        second.add(&b);
        assert_eq!((second.hex(), second.count()), (digest(&[a, b]), 2));
        for bad in
            ["", "0x00", &"g".repeat(64), &"0".repeat(62), &("0x".to_owned() + &"0".repeat(62))]
        {
            let text = format!(r#"{{"link":"{bad}","count":1}}"#);
            assert!(serde_json::from_str::<DecisionDigest>(&text).is_err(), "{bad}");
        }
    }

    /// Two decisions that differ in the last byte of a name that is longer than the buffer, or beside it.
    #[test]
    fn no_byte_of_a_decision_is_left_out() {
        for len in [1, 100, 400, 500, 511, 512, 513, 2000] {
            let name = |last: &str| -> &'static str { ("n".repeat(len) + last).leak() };
            let named = |last| Decision {
                numbers: (0..Numbers::MAX).fold(Numbers::none(), |n, _| n.with(name(last), 1)),
                ..no(1, Reason::NoSignal, "0.46")
            };
            let [a, b] = ["a", "b"].map(named);
            assert_ne!(digest(&[a]), digest(&[b]), "{len}");
        }
    }
}
