//! What can be compared: a file of a strategy, which is replayed, a decisions file, which is read, and a version of
//! settings that the store kept.

use std::collections::BTreeSet;
use std::path::PathBuf;

use ploy::compare::line::{Header, Line, Set};
use ploy::compare::{Both, Lines};
use ploy::config::StrategyConfig;
use ploy::order::StrategyId;

use crate::replay::file::{FileError, Reader};
use crate::replay::progress::Progress;
use crate::replay::{Plan, Player, SourceError, Tell};
use crate::settings::{self, SettingsError};
use crate::store::Location;
use crate::store::versions::{self, VersionsError};

/// One side as it was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// A file: of a strategy, or of decisions.
    File(PathBuf),
    /// A version of a strategy's settings in the store, by the first digits of its hash.
    Stored {
        /// The strategy.
        id: StrategyId,
        /// The first digits.
        version: String,
    },
}

/// One side that was found.
#[derive(Debug)]
pub enum Found {
    /// Settings that are to be replayed.
    Settings(Box<StrategyConfig>),
    /// Decisions that were written down.
    Decisions(Box<Reader>),
}

/// One side as lines.
#[derive(Debug)]
pub enum Side {
    /// Settings that are replayed while they are compared.
    Replayed(Box<Replayed>),
    /// Decisions that are read.
    Read(Box<Reader>),
}

/// A replay as lines.
#[derive(Debug)]
pub struct Replayed {
    player: Player,
    progress: Option<Progress>,
    told: u64,
    is_over: bool,
}

/// Why two sides cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum SideError {
    /// Settings cannot be read.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Decisions cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A tape cannot be played.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The store has no such version, or cannot be read.
    #[error(transparent)]
    Versions(#[from] VersionsError),
    /// It is not plain which strategy is meant.
    #[error("{file} tells of {ids}: `--strategy` names one of them")]
    Which {
        /// The file.
        file: String,
        /// The strategies in it.
        ids: String,
    },
    /// Decisions cannot be bounded afterwards.
    #[error(
        "{0} is a decisions file, which tells of what it was written with: bound it when it is written, with the \
         same `--from` and `--to`"
    )]
    Bounded(String),
}

impl Named {
    /// Returns what a word of the command line names: `ID@VERSION`, unless there is a file of that name.
    #[must_use]
    pub fn of(word: &str) -> Self {
        let path = PathBuf::from(word);
        let stored = word.rsplit_once('@').and_then(|(id, version)| {
            let is_hash = !version.is_empty() && version.bytes().all(|b| b.is_ascii_hexdigit());
            let version = version.to_ascii_lowercase();
            id.parse().ok().filter(|_| is_hash).map(|id| Self::Stored { id, version })
        });
        stored.filter(|_| !path.exists()).unwrap_or(Self::File(path))
    }

    /// Finds it; `store` is the database of the service, which may run meanwhile.
    ///
    /// # Errors
    /// When it is not there, or cannot be read.
    pub fn find(&self, store: &Location) -> Result<Found, SideError> {
        match self {
            Self::Stored { id, version } => {
                let kept = versions::find(store, id, version)?;
                let place = format!("{id}@{}", kept.version);
                let file = settings::strategy_text(&place, id.clone(), &kept.text)?;
                Ok(Found::Settings(Box::new(file)))
            }
            Self::File(path) if path.extension().is_some_and(|end| end == "toml") => {
                Ok(Found::Settings(Box::new(settings::strategy_file(path)?)))
            }
            Self::File(path) => Ok(Found::Decisions(Box::new(Reader::open(path)?))),
        }
    }
}

impl Found {
    /// Returns the strategies in it.
    fn ids(&self) -> Vec<StrategyId> {
        match self {
            Self::Settings(file) => vec![file.id.clone()],
            Self::Decisions(reader) => {
                reader.header().strategies.iter().map(|set| set.id.clone()).collect()
            }
        }
    }

    /// Returns the strategy that is meant in it: the one that was asked for, the one that the other side has too, or
    /// the only one.
    fn chosen(
        &self,
        name: &str,
        wanted: Option<&StrategyId>,
        other: &[StrategyId],
    ) -> Result<StrategyId, SideError> {
        let own = self.ids();
        if let [only] = &*own
            && (wanted.is_none() || matches!(self, Self::Settings(_)))
        {
            return Ok(only.clone());
        }
        let both: Vec<&StrategyId> = match wanted {
            Some(wanted) => own.iter().filter(|id| *id == wanted).collect(),
            None => own.iter().filter(|id| other.contains(id)).collect(),
        };
        match both.as_slice() {
            [one] => Ok((*one).clone()),
            _ => {
                let ids: Vec<&str> = own.iter().map(StrategyId::as_str).collect();
                Err(SideError::Which { file: name.to_owned(), ids: ids.join(", ") })
            }
        }
    }

    /// Returns its lines, under this name. `plan` is what settings are replayed on.
    fn open(
        self,
        id: StrategyId,
        name: &StrategyId,
        plan: &Plan,
        shows: Shows,
    ) -> Result<(Side, Header), SideError> {
        match self {
            Self::Settings(mut file) => {
                file.id = name.clone();
                let strategies = vec![*file];
                let plan = Plan { strategies, tell: Tell::Lines, ..plan.clone() };
                let player = Player::open(&plan)?;
                let header = player.header();
                let progress = match shows {
                    Shows::Progress => Some(Progress::on_terminal()),
                    Shows::Nothing => None,
                };
                let replayed = Replayed { player, progress, told: 0, is_over: false };
                Ok((Side::Replayed(Box::new(replayed)), header))
            }
            Self::Decisions(reader) => {
                let mut header = reader.header().clone();
                header.strategies.retain(|set| set.id == id);
                header.strategies.iter_mut().for_each(|set| set.id = name.clone());
                Ok((Side::Read(Box::new(reader.only(id, name.clone()))), header))
            }
        }
    }
}

/// Whether a replay shows how far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    Progress,
    Nothing,
}

/// Two sides of one strategy, ready to be compared.
#[derive(Debug)]
pub struct Pair {
    /// Their lines.
    pub sides: Both<Side>,
    /// What was played on each.
    pub headers: Both<Header>,
    /// How the strategy was set on each.
    pub sets: Both<Set>,
}

/// Pairs two sides: both are called as the strategy of the first is.
///
/// # Errors
/// When it is not plain which strategy is meant, or a side cannot be opened.
pub fn pair(
    found: Both<Found>,
    names: &Both<String>,
    strategy: Option<&StrategyId>,
    plan: &Plan,
) -> Result<Pair, SideError> {
    if plan.from.is_some() || plan.to.is_some() {
        for (side, name) in [(&found.a, &names.a), (&found.b, &names.b)] {
            if matches!(side, Found::Decisions(_)) {
                return Err(SideError::Bounded(name.clone()));
            }
        }
    }
    let id_a = found.a.chosen(&names.a, strategy, &found.b.ids())?;
    let id_b = found.b.chosen(&names.b, strategy, std::slice::from_ref(&id_a))?;
    let name = id_a.clone();
    let (a, header_a) = found.a.open(id_a, &name, plan, Shows::Progress)?;
    let shows = if matches!(a, Side::Read(_)) { Shows::Progress } else { Shows::Nothing };
    let (b, header_b) = found.b.open(id_b, &name, plan, shows)?;
    let set = |header: &Header, file: &String| {
        let which = || SideError::Which { file: file.clone(), ids: "no strategy".to_owned() };
        header.set(name.as_str()).cloned().ok_or_else(which)
    };
    let sets = Both { a: set(&header_a, &names.a)?, b: set(&header_b, &names.b)? };
    Ok(Pair { sides: Both { a, b }, headers: Both { a: header_a, b: header_b }, sets })
}

/// Returns what a reader must know before comparing the numbers of two sides.
#[must_use]
pub fn remarks(headers: &Both<Header>) -> Vec<String> {
    let Both { a, b } = headers;
    let mut remarks = Vec::new();
    let played = |header: &Header| -> BTreeSet<(String, ploy::time::Timestamp)> {
        header.tapes.iter().map(|tape| (tape.title.clone(), tape.from)).collect()
    };
    if played(a) != played(b) {
        remarks.push("A and B were played on different tapes".to_owned());
    }
    if (a.from, a.to) != (b.from, b.to) {
        remarks.push("A and B tell of different stretches of time".to_owned());
    }
    if a.latency_ms != b.latency_ms {
        let (a, b) = (a.latency_ms, b.latency_ms);
        remarks.push(format!("orders took {a} ms to the venue in A, and {b} ms in B"));
    }
    if a.program != b.program {
        remarks.push(format!("A was played by version {}, B by {}", a.program, b.program));
    }
    remarks
}

impl Lines for Side {
    type Error = SideError;

    fn next_line(&mut self) -> Result<Option<Line>, SideError> {
        match self {
            Self::Replayed(replayed) => replayed.next_line(),
            Self::Read(reader) => Ok(reader.next_line()?),
        }
    }
}

impl Replayed {
    fn next_line(&mut self) -> Result<Option<Line>, SideError> {
        loop {
            if let Some(line) = self.player.next_line() {
                self.told += 1;
                return Ok(Some(line));
            }
            if self.is_over {
                return Ok(None);
            }
            if !self.player.play_some()? {
                self.is_over = true;
                self.progress.iter_mut().for_each(Progress::clear);
                self.player.tell_end(self.told + 1);
            }
            let progress = self.player.progress();
            self.progress.iter_mut().filter(|_| !self.is_over).for_each(|bar| bar.draw(progress));
        }
    }
}
