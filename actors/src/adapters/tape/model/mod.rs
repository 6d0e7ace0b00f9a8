//! Models: tapes with a modelled book, around recorded prices and games or around invented ones.
//!
//! No such tape shows what could have been had. Everything in one that was not recorded follows from its seed,
//! byte for byte, and its header says what was assumed.

mod crypto;
mod dice;
mod fair;
mod invented;
mod nba;
mod quotes;
mod source;
mod walk;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ploy::event::{Kind, MarketEvent};
use ploy::fees::FeeSchedule;
use ploy::price::Size;
use ploy::tape::{Books, Header, VERSION};
use ploy::time::Timestamp;
use serde::Serialize;

use self::crypto::Model;
use self::quotes::Habits;
use super::TapeError;
use super::lines::LineError;
use super::writer::{Effort, TapeWriter};

/// How the books of real five-minute markets are modelled. The deviation is that of the sample day's own ticks.
const REAL: Model = Model {
    sigma: 1_000,
    refresh: Duration::from_millis(1_000),
    delay: Duration::from_millis(500),
    habits: Habits { half_spread: 5_000, error_step: 6_000, levels: 5, shares: (20, 200) },
};
/// How those of the synthetic ones are: fewer and thinner, so that the tape is small.
const SYNTHETIC: Model = Model {
    sigma: walk::SIGMA,
    refresh: Duration::from_millis(2_000),
    delay: Duration::from_millis(500),
    habits: Habits { half_spread: 5_000, error_step: 6_000, levels: 3, shares: (20, 100) },
};
/// What a result on such a tape means.
const MEANING: &str = "a gain on these books is a gain against this model, which is late and wrong by design; it is no \
                       evidence that a strategy earns anything, and a loss is none that it does not";
/// What may be done with a tape in which nothing was recorded.
const OWN_LICENCE: &str = "MIT OR Apache-2.0";
/// What may be done with one that was made around recordings of others.
const NO_LICENCE: &str = "none stated by the source; for reading and testing, not to be passed on";

/// What a model made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The number of events on the tape.
    pub events: u64,
    /// The number of markets.
    pub markets: usize,
    /// The number of prices of an underlying.
    pub spots: usize,
    /// The number of states of a game.
    pub games: usize,
    /// The number of modelled books.
    pub books: usize,
    /// The instant of the first event.
    pub from: Timestamp,
    /// The instant of the last event.
    pub to: Timestamp,
    /// Rows of the source that are not on the tape, because a newer one had come before them.
    pub left_out: usize,
}

/// Why no tape can be made. Nothing is written then.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A raw file cannot be read.
    #[error(transparent)]
    Read(#[from] LineError),
    /// A raw file is not as expected.
    #[error("{path}: line {line}: {problem}")]
    Raw {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// There is nothing to make a tape of.
    #[error("there is no price or no market in the raw files")]
    Empty,
    /// The tape cannot be written.
    #[error(transparent)]
    Write(#[from] TapeError),
}

impl ModelError {
    fn line(path: &Path, line: u64, problem: String) -> Self {
        Self::Raw { path: path.to_owned(), line, problem }
    }
}

/// What a header says beside what every modelled tape says.
struct About {
    title: String,
    source: String,
    licence: &'static str,
    notes: Vec<String>,
}

/// Makes a tape of the recorded prices and up-or-down markets of a day, with a modelled book. The day is held in
/// memory, about half a kilobyte a book.
///
/// # Errors
/// When a raw file cannot be read or is not as expected, or the tape cannot be written.
pub fn crypto(prices: &Path, markets: &Path, seed: u64, out: &Path) -> Result<Summary, ModelError> {
    let source::ReadDay { day, rows, late } = source::day(prices, markets)?;
    let strikes = day.rounds.iter().filter(|round| round.strike.is_some()).count();
    let mut notes = vec![format!(
        "recorded: {rows} prices at the instant of their receipt, less {late} that came after a newer one; \
         {} markets with their ids, fees, outcomes and times of settlement, {strikes} of them with their strike",
        day.rounds.len()
    )];
    notes.extend(REAL.notes(seed));
    let about = About {
        title: format!(
            "{} prices and {} up-or-down markets, with modelled books",
            day.symbol,
            day.rounds.len()
        ),
        source: format!("{} and {}, by `ploy tape model crypto`", name(prices), name(markets)),
        licence: NO_LICENCE,
        notes,
    };
    let summary = write(out, about, &day.events(&REAL, seed))?;
    Ok(Summary { left_out: late, ..summary })
}

/// Makes a small tape of a synthetic underlying and its five-minute markets: two hours, which begin within seven
/// minutes after `from`.
///
/// # Errors
/// When the tape cannot be written.
pub fn synthetic_crypto(from: Timestamp, seed: u64, out: &Path) -> Result<Summary, ModelError> {
    let day = walk::day(from, seed);
    let (calm, wild) = walk::TEMPER;
    let mut notes = vec![format!(
        "nothing was recorded: {} walks at random, a tick a second, with a standard deviation of {} ppm in 15 minutes \
         that every ten minutes is taken {calm} to {wild} thousandths of; a market is decided by its first and its \
         last tick, and settled 20 s after its close",
        walk::SYMBOL,
        walk::SIGMA
    )];
    notes.extend(SYNTHETIC.notes(seed));
    let about = About {
        title: format!("Synthetic {}, {} markets of 5 minutes", walk::SYMBOL, walk::WINDOWS),
        source: "invented by `ploy tape model crypto --synthetic`".to_owned(),
        licence: OWN_LICENCE,
        notes,
    };
    write(out, about, &day.events(&SYNTHETIC, seed))
}

/// Makes a tape of a recorded game, with a modelled moneyline book.
///
/// # Errors
/// When a raw file cannot be read or is not as expected, or the tape cannot be written.
pub fn nba(
    play_by_play: &Path,
    box_score: &Path,
    seed: u64,
    out: &Path,
) -> Result<Summary, ModelError> {
    let game = source::game(play_by_play, box_score, seed)?;
    let mut notes = vec![
        "recorded: every state of the game at the instant at which it was written down; the market's id is made up"
            .to_owned(),
    ];
    notes.extend(nba::notes(seed));
    let about = About {
        title: format!("The game {}, with a modelled moneyline book", game.slug()),
        source: format!("{} and {}, by `ploy tape model nba`", name(play_by_play), name(box_score)),
        licence: NO_LICENCE,
        notes,
    };
    write(out, about, &game.events(seed))
}

/// Makes a small tape of an invented game that begins at `from`.
///
/// # Errors
/// When the tape cannot be written.
pub fn synthetic_nba(from: Timestamp, seed: u64, out: &Path) -> Result<Summary, ModelError> {
    let game = invented::game(from, seed);
    let mut notes = vec![
        "nothing was recorded: the game was never played, its possessions are thrown by dice (0 to 3 points every 8 to \
         22 s of its clock, which the clock of the world runs twice as fast as)"
            .to_owned(),
    ];
    notes.extend(nba::notes(seed));
    let about = About {
        title: format!("An invented game, {}", game.slug()),
        source: "invented by `ploy tape model nba --synthetic`".to_owned(),
        licence: OWN_LICENCE,
        notes,
    };
    write(out, about, &game.events(seed))
}

fn write(out: &Path, about: About, events: &[MarketEvent]) -> Result<Summary, ModelError> {
    let (Some(first), Some(last)) = (events.first(), events.last()) else {
        return Err(ModelError::Empty);
    };
    let header = Header {
        tape: "ploy".to_owned(),
        version: VERSION,
        title: about.title,
        source: about.source,
        licence: about.licence.to_owned(),
        books: Books::Modelled,
        from: first.at,
        to: last.at,
        notes: about.notes,
    };
    let mut writer = TapeWriter::create(out, &header, Effort::Best)?;
    for event in events {
        writer.write(event)?;
    }
    let count = |is: fn(&Kind) -> bool| events.iter().filter(|event| is(&event.kind)).count();
    Ok(Summary {
        // A market is announced twice where its strike is told.
        markets: count(|kind| matches!(kind, Kind::Resolved { .. })),
        spots: count(|kind| matches!(kind, Kind::Spot { .. })),
        games: count(|kind| matches!(kind, Kind::Game(_))),
        books: count(|kind| matches!(kind, Kind::Book { .. })),
        events: writer.finish()?,
        from: first.at,
        to: last.at,
        left_out: 0,
    })
}

/// Returns the fee of this rate, with the exponent 1.
fn fees(rate: &str) -> Option<FeeSchedule> {
    FeeSchedule::new(rate.parse().ok()?, 1).ok()
}

/// Returns the smallest order of the venue's markets: 5 shares.
fn min_size() -> Size {
    Size::from_micros(5_000_000).unwrap_or(Size::ZERO)
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.display().to_string()).unwrap_or_default()
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} events from {} to {}: markets {}, prices {}, states of a game {}, MODELLED books {}",
            self.events, self.from, self.to, self.markets, self.spots, self.games, self.books
        )?;
        if self.left_out != 0 {
            writeln!(f, "left out, because a newer one had come before: {} prices", self.left_out)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
