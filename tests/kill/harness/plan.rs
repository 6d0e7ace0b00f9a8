//! When and how each kill comes: chosen by the seed, so that a kill can be repeated.

use std::time::Duration;

/// How a process is to die.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kill {
    /// So long after it was started, most often before it is ready.
    Starting(Duration),
    /// So long after it was ready.
    Trading(Duration),
    /// So long after it was told to end.
    Ending(Duration),
    /// At this step on the way of an order, the time of this number.
    At(&'static str, u64),
}

/// Every place on the way of an order at which a process can crash.
const STEPS: [&str; 7] = [
    "before_commit",
    "after_commit",
    "before_send",
    "after_send",
    "after_answer",
    "before_booking",
    "before_telling",
];

impl Kill {
    /// Returns how the process of this number dies.
    pub(crate) fn of(seed: u64, number: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number);
        let mut millis = |from: u64, to: u64| {
            Duration::from_micros(from * 1000 + dice.below((to - from) * 1000))
        };
        let (starting, trading, ending) = (millis(0, 250), millis(5, 350), millis(0, 60));
        match dice.below(20) {
            0..3 => Self::Starting(starting),
            3..11 => Self::Trading(trading),
            11 => Self::Ending(ending),
            _ => {
                let step = usize::try_from(number % 7).unwrap_or(0);
                Self::At(STEPS.get(step).copied().unwrap_or("after_send"), 1 + dice.below(6))
            }
        }
    }

    /// Returns a word for its kind.
    pub(crate) fn kind(&self) -> String {
        match self {
            Self::Starting(_) => "while it starts".to_owned(),
            Self::Trading(_) => "while it trades".to_owned(),
            Self::Ending(_) => "while it ends".to_owned(),
            Self::At(step, _) => format!("at {step}"),
        }
    }

    /// Returns what the program is told of it.
    pub(crate) fn failpoints(&self) -> Option<String> {
        match self {
            Self::At(step, number) => Some(format!("{step}=crash@{number}")),
            Self::Starting(_) | Self::Trading(_) | Self::Ending(_) => None,
        }
    }
}

/// A seeded generator (`SplitMix64`).
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    const fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}
