//! An order's own bytes: what is stored before it is sent, what is sent, and what its hash is of.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::intent::{Intent, TimeInForce};
use crate::market::{ConditionId, Outcome, Side};
use crate::order::ClientOrderId;
use crate::price::{Price, Size};
use crate::time::Timestamp;

/// The form in which payloads are written. Whoever changes what stands in one raises it.
const FORM: u32 = 1;

/// The bytes of an order: one line of text with all that a venue needs. The same order of the same run has the same
/// bytes for ever; another order, or the same number in another run, has others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Payload(Arc<str>);

/// The SHA-256 of a payload: by it a venue knows an order, and knows it again. Written as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderHash([u8; 32]);

/// The text is no payload, or no hash of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these are not the bytes of an order: {0}")]
pub struct BadPayload(String);

/// What stands in a payload, in this order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    form: u32,
    run: String,
    order: ClientOrderId,
    at: Timestamp,
    market: ConditionId,
    outcome: Outcome,
    side: Side,
    limit: Price,
    size: Size,
    time_in_force: TimeInForce,
}

/// What a venue reads out of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Our number of it.
    pub order: ClientOrderId,
    /// The market.
    pub market: ConditionId,
    /// Whose shares.
    pub outcome: Outcome,
    /// Buy or sell.
    pub side: Side,
    /// The worst acceptable price.
    pub limit: Price,
    /// The shares.
    pub size: Size,
    /// How long it may wait.
    pub time_in_force: TimeInForce,
    /// When it was decided.
    pub at: Timestamp,
}

impl Payload {
    /// Writes the bytes of an order that a run sends.
    ///
    /// ```
    /// # use ploy::intent::{Intent, Purpose, TimeInForce};
    /// # use ploy::market::{ConditionId, Outcome, Side};
    /// # use ploy::order_path::Payload;
    /// # use ploy::time::Timestamp;
    /// let intent = Intent {
    ///     market: ConditionId::from_bytes([7; 32]),
    ///     outcome: Outcome::Yes,
    ///     side: Side::Buy,
    ///     limit: "0.46".parse()?,
    ///     size: "10".parse()?,
    ///     time_in_force: TimeInForce::Fak,
    ///     purpose: Purpose::Entry,
    /// };
    /// let written = Payload::of("run-1", &"split_arb:12".parse()?, Timestamp::UNIX_EPOCH, &intent);
    /// assert_eq!(Payload::read(written.as_str())?, written);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn of(run: &str, order: &ClientOrderId, at: Timestamp, intent: &Intent) -> Self {
        let written = Written {
            form: FORM,
            run: run.to_owned(),
            order: order.clone(),
            at,
            market: intent.market,
            outcome: intent.outcome,
            side: intent.side,
            limit: intent.limit,
            size: intent.size,
            time_in_force: intent.time_in_force,
        };
        Self(line(&written).into())
    }

    /// Takes stored or received bytes for a payload, letter for letter.
    ///
    /// # Errors
    /// When they are not what [`Payload::of`] writes: another form, another order of the fields, a space too many.
    pub fn read(text: &str) -> Result<Self, BadPayload> {
        let written = parse(text)?;
        (line(&written) == text)
            .then(|| Self(text.into()))
            .ok_or_else(|| BadPayload("the same order is written in another way".to_owned()))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns what its bytes hash to.
    #[must_use]
    pub fn hash(&self) -> OrderHash {
        OrderHash(Sha256::digest(self.0.as_bytes()).into())
    }

    /// Returns what is asked for.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        let Written { order, at, market, outcome, side, limit, size, time_in_force, .. } =
            parse(&self.0).expect("a payload is only made of what can be read");
        Wanted { order, market, outcome, side, limit, size, time_in_force, at }
    }
}

fn line(written: &Written) -> String {
    serde_json::to_string(written).expect("texts and numbers are JSON")
}

fn parse(text: &str) -> Result<Written, BadPayload> {
    let written: Written =
        serde_json::from_str(text).map_err(|error| BadPayload(error.to_string()))?;
    if written.form == FORM {
        Ok(written)
    } else {
        Err(BadPayload(format!("form {}, where {FORM} is known", written.form)))
    }
}

impl fmt::Display for OrderHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for OrderHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for OrderHash {
    type Err = BadPayload;
    fn from_str(text: &str) -> Result<Self, BadPayload> {
        let bad = || BadPayload("a hash is 64 lower-case hex digits".to_owned());
        let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() != 64 || !text.bytes().all(is_hex) {
            return Err(bad());
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            let digits = text.get(2 * at..2 * at + 2).ok_or_else(bad)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_not_hex| bad())?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for OrderHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OrderHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::Purpose;

    fn intent() -> Intent {
        Intent {
            market: ConditionId::from_bytes([7; 32]),
            outcome: Outcome::Yes,
            side: Side::Buy,
            limit: "0.46".parse().unwrap(),
            size: "10.5".parse().unwrap(),
            time_in_force: TimeInForce::Fak,
            purpose: Purpose::Entry,
        }
    }

    fn payload(run: &str, order: &str, intent: &Intent) -> Payload {
        let at = Timestamp::from_millis(1_790_586_000_250);
        Payload::of(run, &order.parse().unwrap(), at, intent)
    }

    #[test]
    fn the_bytes_of_an_order_and_their_hash_never_change() {
        let written = payload("run-1", "split_arb:12", &intent());
        expect_test::expect![[r#"{"form":1,"run":"run-1","order":"split_arb:12","at":"2026-09-28T09:00:00.25Z","market":"0x0707070707070707070707070707070707070707070707070707070707070707","outcome":"yes","side":"buy","limit":"0.46","size":"10.5","time_in_force":"FAK"}"#]].assert_eq(written.as_str());
        expect_test::expect!["8c2ed1e2574b725bd553a2f3f08c987ee75741674261b73eb961ffe6f7398970"]
            .assert_eq(&written.hash().to_string());
    }

    #[test]
    fn what_makes_another_order_makes_another_hash_and_its_purpose_is_not_the_venues() {
        let one = payload("run-1", "a:1", &intent()).hash();
        let sold = Intent { side: Side::Sell, ..intent() };
        let others = [
            payload("run-2", "a:1", &intent()),
            payload("run-1", "a:2", &intent()),
            payload("run-1", "a:1", &sold),
        ];
        others.iter().for_each(|other| assert_ne!(other.hash(), one));
        let hedge = Intent { purpose: Purpose::Hedge, ..intent() };
        assert_eq!(payload("run-1", "a:1", &hedge).hash(), one);
    }

    #[test]
    fn only_what_was_written_is_read() {
        let written = payload("run \"1\"\n", "a:1", &intent());
        assert_eq!(Payload::read(written.as_str()), Ok(written.clone()));
        let wanted = written.wanted();
        assert_eq!((wanted.order, wanted.size), ("a:1".parse().unwrap(), intent().size));
        let text = written.as_str();
        let changes =
            [text.replace(',', ", "), text.replace("10.5", "10.50"), text.replace(":1,", ":2,")];
        for bad in changes.iter().map(String::as_str).chain(["", "{}", "null"]) {
            assert!(Payload::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        let hash = payload("run-1", "a:1", &intent()).hash();
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for bad in ["", "ab", &"A".repeat(64), &"g".repeat(64), &"0".repeat(65)] {
            assert!(bad.parse::<OrderHash>().is_err(), "{bad}");
        }
    }
}
