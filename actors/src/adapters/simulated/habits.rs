//! What a simulated venue does with an order and with a connection: chosen by a seed, so that it can be repeated.

use ploy::fees::FeeSchedule;
use ploy::order::Origin;
use ploy::price::Size;

/// How often, out of a thousand, and by which seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habits {
    /// Chooses.
    pub seed: u64,
    /// What a taker pays.
    pub fees: FeeSchedule,
    /// Orders that it refuses.
    pub refuses: u64,
    /// Orders that rest first, and meet their other side only a while after.
    pub rests: u64,
    /// Orders of which only a part finds another side.
    pub parts: u64,
    /// Orders that are filled piece by piece.
    pub splits: u64,
    /// Orders that find none.
    pub misses: u64,
    /// Things that it tells of an order a while after they happened.
    pub tells_late: u64,
    /// Things that it tells of an order, and tells again a while after.
    pub tells_twice: u64,
    /// Requests at which it ends the connection before it has read them.
    pub drops_before: u64,
    /// Requests at which it does what it was asked and ends the connection without an answer.
    pub drops_after: u64,
    /// Requests that it does and never answers.
    pub loses: u64,
    /// Requests that it does and answers a while after.
    pub delays: u64,
}

/// What becomes of an order, in its course.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Course {
    Refused(Origin, &'static str),
    /// These fills, each so many steps after the one before, and then the end.
    Taken(Vec<(u64, Size)>),
}

/// What a venue does with one request beside what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mischief {
    None,
    DropBefore,
    DropAfter,
    Lose,
    Delay,
}

/// A seeded generator (`SplitMix64`).
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

/// The pieces in which it fills at the most.
const PIECES_MAX: u64 = 4;
/// The steps that a thing of later takes at the most.
const STEPS_MAX: u64 = 60;
/// A size is in hundredths of a share.
const HUNDREDTH: i64 = 10_000;
/// Of so many chances.
const CHANCES: u64 = 1000;

impl Habits {
    /// Returns a venue that fills every order whole and at once, and behaves.
    #[must_use]
    pub const fn honest(seed: u64, fees: FeeSchedule) -> Self {
        Self {
            seed,
            fees,
            refuses: 0,
            rests: 0,
            parts: 0,
            splits: 0,
            misses: 0,
            tells_late: 0,
            tells_twice: 0,
            drops_before: 0,
            drops_after: 0,
            loses: 0,
            delays: 0,
        }
    }

    /// Returns a venue on a bad day: everything that can go wrong does, now and then.
    #[must_use]
    pub const fn rough(seed: u64, fees: FeeSchedule) -> Self {
        Self {
            seed,
            fees,
            refuses: 30,
            rests: 150,
            parts: 150,
            splits: 250,
            misses: 80,
            tells_late: 100,
            tells_twice: 80,
            drops_before: 8,
            drops_after: 8,
            loses: 4,
            delays: 30,
        }
    }

    /// Returns what becomes of an order of this size. The same order has the same course whenever it comes.
    pub(super) fn course(&self, hash: &str, size: Size) -> Course {
        let mut dice = self.dice(hash);
        if dice.happens(self.refuses) {
            return if dice.happens(CHANCES / 2) {
                Course::Refused(Origin::Venue, "the simulated venue takes nothing now")
            } else {
                Course::Refused(Origin::Order, "the simulated venue does not like this order")
            };
        }
        let first = if dice.happens(self.rests) { 1 + dice.below(STEPS_MAX) } else { 0 };
        let whole = match () {
            () if dice.happens(self.misses) => Size::ZERO,
            () if dice.happens(self.parts) => share(&mut dice, size),
            () => size,
        };
        let mut left = whole;
        let mut fills = Vec::new();
        let pieces = if dice.happens(self.splits) { PIECES_MAX } else { 1 };
        for piece in 1..pieces {
            let wait = if piece == 1 { first } else { dice.below(2) * dice.below(STEPS_MAX) };
            let size = share(&mut dice, left);
            if !size.is_zero() && size < left {
                fills.push((wait, size));
                left -= size;
            }
        }
        if !left.is_zero() || fills.is_empty() {
            let wait = if fills.is_empty() { first } else { 0 };
            fills.push((wait, left));
        }
        Course::Taken(fills)
    }

    /// Returns what goes wrong with the request of this number.
    pub(super) fn mischief(&self, request: u64) -> Mischief {
        let roll = self.dice(&format!("request {request}")).below(CHANCES);
        let mut bound = 0;
        for (often, mischief) in [
            (self.drops_before, Mischief::DropBefore),
            (self.drops_after, Mischief::DropAfter),
            (self.loses, Mischief::Lose),
            (self.delays, Mischief::Delay),
        ] {
            bound += often;
            if roll < bound {
                return mischief;
            }
        }
        Mischief::None
    }

    /// Returns after how many steps a thing is told, and after how many more again, where it is told again.
    pub(super) fn telling(&self, told: u64) -> (u64, Option<u64>) {
        let mut dice = self.dice(&format!("told {told}"));
        let late = if dice.happens(self.tells_late) { 1 + dice.below(STEPS_MAX) } else { 0 };
        (late, dice.happens(self.tells_twice).then(|| 1 + dice.below(STEPS_MAX)))
    }

    /// Returns a generator of its own for each thing: what comes between changes nothing.
    pub(super) fn dice(&self, what: &str) -> Dice {
        // FNV-1a.
        let hash = what.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        Dice(hash ^ self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

impl Dice {
    /// Returns a number below `sides`.
    pub(super) const fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let z = z ^ (z >> 31);
        if sides == 0 { 0 } else { z % sides }
    }

    /// Tells whether it happens, so often of a thousand times.
    pub(super) const fn happens(&mut self, permille: u64) -> bool {
        self.below(CHANCES) < permille
    }
}

/// Returns a part of a size, in whole hundredths of a share.
fn share(dice: &mut Dice, size: Size) -> Size {
    let hundredths = u64::try_from(size.micros() / HUNDREDTH).unwrap_or(0);
    let part = i64::try_from(dice.below(hundredths)).unwrap_or(0);
    Size::from_micros(part * HUNDREDTH).unwrap_or_default()
}
