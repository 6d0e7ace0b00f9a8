//! The audit chain: who did what, each row sealed with the hash of the one before, and the check that finds what was changed.
//!
//! A row's hash is the SHA-256 over all that it says and over the hash of the row before, in an encoding with lengths:
//! no two contents share one. So whoever changes a row must write every later one anew, and whoever knows a later
//! head, written down elsewhere, sees that.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// What every hash begins with: what it is of, and the version of the encoding.
const DOMAIN: &[u8] = b"ploy audit\x01";

/// A SHA-256. Written as 64 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hash([u8; 32]);

/// What a row says, beside its place in the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// When it was written, by the machine's clock, in microseconds since 1970.
    pub at: i64,
    /// When what it tells of was true, as its own record says, in microseconds since 1970.
    pub event_at: i64,
    /// The run of the fact that it tells of; empty where there was none.
    pub run: String,
    /// The number of that fact within its run; 0 where it tells of no stored row.
    pub seq: i64,
    /// The strategy that it is about, where it is about one.
    pub strategy: Option<String>,
    /// Who did it.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// What it was done to.
    pub subject: String,
    /// How that was before, as JSON; absent where it is not known.
    pub before: Option<String>,
    /// How it is now, as JSON.
    pub after: Option<String>,
}

/// A row of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Its number, from 1.
    pub number: u64,
    /// What it says.
    pub entry: Entry,
    /// The hash of the row before; zeros in the first one.
    pub previous: Hash,
    /// Its own hash.
    pub hash: Hash,
}

/// The newest row of a chain, by its number and hash. Written as `NUMBER:HASH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Head {
    /// How many rows there were.
    pub number: u64,
    /// The hash of the last one.
    pub hash: Hash,
}

/// The text is no hash, or no head.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a head such as 12:HASH, a number and 64 hex digits")]
pub struct NotAHead(String);

/// What is wrong with a chain: the first thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    /// A row does not say what was sealed.
    #[error("row {number} was changed: its hash is not the one of what it says")]
    Changed {
        /// The row.
        number: u64,
    },
    /// Rows are not there.
    #[error("{}", missing(*first, *last))]
    Missing {
        /// The first of them.
        first: u64,
        /// The last of them.
        last: u64,
    },
    /// A row's hash is its own, and yet it does not follow the one before.
    #[error(
        "row {number} was inserted, or the one before was written anew: it does not carry the hash of the one before"
    )]
    Inserted {
        /// The row.
        number: u64,
    },
    /// The chain ends before a row that was there once.
    #[error("the tail was cut: row {number} was there once, the chain ends with row {last}")]
    Cut {
        /// The row that was there.
        number: u64,
        /// The last row of the chain.
        last: u64,
    },
    /// The chain is sound in itself, and another one than it was.
    #[error(
        "row {number} has another hash than it once had: the chain was written anew from there or before"
    )]
    Rewritten {
        /// The row.
        number: u64,
    },
}

impl Hash {
    /// What the first row carries as the hash of the one before.
    pub const ZERO: Self = Self([0; 32]);

    /// Returns the hash of a text that is no hash: what was spoiled can be gone on from, and never matches.
    #[must_use]
    pub fn of_spoiled(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }
}

impl Entry {
    /// Returns the hash of a row that says this, with this number, after a row with this hash.
    #[must_use]
    pub fn hash(&self, number: u64, previous: Hash) -> Hash {
        let mut bytes = Encoding(Sha256::new());
        bytes.0.update(DOMAIN);
        bytes.0.update(previous.0);
        bytes.0.update(number.to_be_bytes());
        for whole in [self.at, self.event_at, self.seq] {
            bytes.0.update(whole.to_be_bytes());
        }
        for text in [&self.run, &self.actor, &self.action, &self.subject] {
            bytes.text(text);
        }
        for text in [&self.strategy, &self.before, &self.after] {
            bytes.optional(text.as_deref());
        }
        Hash(bytes.0.finalize().into())
    }
}

struct Encoding(Sha256);

impl Encoding {
    /// The length stands before the bytes: where a text ends cannot be moved.
    fn text(&mut self, text: &str) {
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        self.0.update(length.to_be_bytes());
        self.0.update(text.as_bytes());
    }

    /// An absent text is another content than an empty one.
    fn optional(&mut self, text: Option<&str>) {
        self.0.update([u8::from(text.is_some())]);
        if let Some(text) = text {
            self.text(text);
        }
    }
}

impl Head {
    /// A chain without a row.
    pub const START: Self = Self { number: 0, hash: Hash::ZERO };

    /// Returns the row that follows with this content, and moves on to it.
    #[must_use]
    pub fn seal(&mut self, entry: Entry) -> Sealed {
        let (number, previous) = (self.number + 1, self.hash);
        let hash = entry.hash(number, previous);
        *self = Self { number, hash };
        Sealed { number, entry, previous, hash }
    }
}

/// Reads a chain row by row, in the order of their numbers, and tells the first that does not fit. Holds no rows.
#[derive(Clone, Debug)]
pub struct Verifier {
    head: Head,
    expected: BTreeMap<u64, Hash>,
}

impl Verifier {
    /// Returns one that goes on after this head, and also expects these heads of earlier days.
    #[must_use]
    pub fn new(head: Head, expected: impl IntoIterator<Item = Head>) -> Self {
        let later = expected.into_iter().filter(|known| head.number < known.number);
        Self { head, expected: later.map(|known| (known.number, known.hash)).collect() }
    }

    /// Takes in the next row.
    ///
    /// # Errors
    /// When it is not the one that was written there. Nothing can be said of the rows after it.
    pub fn check(&mut self, row: &Sealed) -> Result<(), Break> {
        let number = row.number;
        let next = self.head.number.saturating_add(1);
        if number < next {
            return Err(Break::Inserted { number });
        }
        if next < number {
            return Err(Break::Missing { first: next, last: number - 1 });
        }
        if row.entry.hash(number, row.previous) != row.hash {
            return Err(Break::Changed { number });
        }
        if row.previous != self.head.hash {
            return Err(Break::Inserted { number });
        }
        if self.expected.remove(&number).is_some_and(|hash| hash != row.hash) {
            return Err(Break::Rewritten { number });
        }
        self.head = Head { number, hash: row.hash };
        Ok(())
    }

    /// Says that there are no more rows, and returns the head.
    ///
    /// # Errors
    /// When a head was expected that is past the end.
    pub fn end(&self) -> Result<Head, Break> {
        match self.expected.last_key_value() {
            None => Ok(self.head),
            Some((number, _)) => Err(Break::Cut { number: *number, last: self.head.number }),
        }
    }

    /// Returns the newest row that fits.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.head
    }
}

fn missing(first: u64, last: u64) -> String {
    if first == last {
        return format!("row {first} is missing");
    }
    format!("rows {first} to {last} are missing")
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Hash {
    type Err = NotAHead;
    fn from_str(text: &str) -> Result<Self, NotAHead> {
        let wrong = || NotAHead(text.chars().take(100).collect());
        let plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() != 64 || !plain {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            let pair = text.get(at..at + 2).ok_or_else(wrong)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_no_digits| wrong())?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, self.hash)
    }
}

impl FromStr for Head {
    type Err = NotAHead;
    fn from_str(text: &str) -> Result<Self, NotAHead> {
        let wrong = || NotAHead(text.chars().take(100).collect());
        let (number, hash) = text.split_once(':').ok_or_else(wrong)?;
        let number = number.parse().map_err(|_no_number| wrong())?;
        Ok(Self { number, hash: hash.parse()? })
    }
}

#[cfg(test)]
mod tests;
