//! Settings: the text of a file in, a typed value out, or every fault of it at once, each with its place.
//!
//! A setting is declared once, as data ([`Setting`]); reading, messages, defaults and explanations all come
//! from that one declaration. Numbers are read from their digits, never through a float; a whole number is
//! accepted where a decimal is expected; what is unknown is refused. Secrets never stand in these files.

mod account;
mod change;
mod drill;
mod edit;
mod fault;
mod folder;
mod momentum;
mod nba_swing;
mod plan;
mod reader;
mod restart;
mod risk;
mod rollout;
mod schema;
mod service;
mod setting;
mod speed;
mod split_arb;
mod strategy;
mod template;
mod value;
mod values;

pub use change::{Change, Stated, changes, needs};
pub use edit::edited;
pub use fault::Fault;
pub use folder::{FileView, Folder, Move, Seen};
pub use plan::{Lean, lean};
pub use schema::{service_schema, strategy_schema};
pub use service::{
    ApiConfig, FeedConfig, HaltConfig, LogConfig, LogFormat, LogLevel, RecordConfig, RestingOrders,
    ServiceConfig, ShutdownConfig, StoreConfig, VenueConfig, VenueKind, Watch, WatchConfig,
};
pub use setting::{Applies, Preset, Range, Section, Setting};
pub use speed::{InvalidSpeed, Speed};
pub use strategy::{Kind, StrategyConfig};
pub use template::{explained, new_file};
pub use values::Origin;

use crate::order::StrategyId;
use crate::strategy::momentum::config::Mode;
use crate::strategy::split_arb::Style;

/// Which settings a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The file of the service.
    Service,
    /// The file of a strategy with these rules.
    Strategy(Rules),
}

/// By which rules, in which way, a strategy trades: what decides which settings it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// `split_arb` in this style.
    SplitArb(Style),
    /// `momentum` in this mode.
    Momentum(Mode),
    /// `nba_swing`.
    NbaSwing,
    /// `drill`.
    Drill,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 8] = [
        Self::Service,
        Self::Strategy(Rules::SplitArb(Style::Legged)),
        Self::Strategy(Rules::SplitArb(Style::Simultaneous)),
        Self::Strategy(Rules::Momentum(Mode::Directional)),
        Self::Strategy(Rules::Momentum(Mode::Predictive)),
        Self::Strategy(Rules::Momentum(Mode::Confirmatory)),
        Self::Strategy(Rules::NbaSwing),
        Self::Strategy(Rules::Drill),
    ];
}

impl Rules {
    /// Returns the word for the kind in files and answers.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::SplitArb(_) => strategy::SPLIT_ARB,
            Self::Momentum(_) => strategy::MOMENTUM,
            Self::NbaSwing => strategy::NBA_SWING,
            Self::Drill => strategy::DRILL,
        }
    }

    /// Returns the setting that chooses among the ways of a kind, and its word; nothing where there is one way.
    #[must_use]
    pub const fn choice(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::SplitArb(style) => Some((split_arb::STYLE.key, split_arb::style_name(style))),
            Self::Momentum(mode) => Some((momentum::MODE.key, momentum::mode_name(mode))),
            Self::NbaSwing | Self::Drill => None,
        }
    }

    /// Returns the kind and its way, for people: `split_arb legged`.
    #[must_use]
    pub fn title(self) -> String {
        match self.choice() {
            Some((_, word)) => format!("{} {word}", self.kind()),
            None => self.kind().to_owned(),
        }
    }

    /// Returns the section `[settings]`, which differs from rules to rules.
    const fn section(self) -> Section {
        match self {
            Self::SplitArb(style) => split_arb::section(style),
            Self::Momentum(mode) => momentum::section(mode),
            Self::NbaSwing => nba_swing::section(),
            Self::Drill => drill::section(),
        }
    }
}

/// Reads the file of the service. `path` is only named in faults.
///
/// # Errors
/// Every fault of the file, in its order; where it is no TOML, the first place where it is not.
pub fn service(path: &str, text: &str) -> Result<ServiceConfig, Vec<Fault>> {
    service::read(path, text)
}

/// Reads the file of the strategy `id`. `path` is only named in faults.
///
/// ```
/// let text = r#"
///     [strategy]
///     kind = "split_arb"
///     enabled = "yes"
/// "#;
/// let faults = ploy::config::strategy("a.toml", "a".parse()?, text).unwrap_err();
/// let first = faults.iter().find(|fault| fault.key == "strategy.enabled").unwrap();
/// assert_eq!(
///     first.to_string(),
///     r#"a.toml:4:15: strategy.enabled: "yes" is not a switch; expected true or false"#
/// );
/// # Ok::<(), ploy::order::InvalidId>(())
/// ```
///
/// # Errors
/// Every fault of the file, in its order; where it is no TOML, the first place where it is not.
pub fn strategy(path: &str, id: StrategyId, text: &str) -> Result<StrategyConfig, Vec<Fault>> {
    strategy::read(path, id, text)
}

/// Returns the SHA-256 of the text of a file in 64 hex digits: any change of it counts, that of a comment too.
#[must_use]
pub fn text_hash(text: &str) -> String {
    values::hash(text)
}

/// Returns all settings of a form of file, by section.
#[must_use]
pub fn settings(form: Form) -> Vec<Section> {
    match form {
        Form::Service => service::sections(),
        Form::Strategy(rules) => strategy::sections(rules.section()),
    }
}

#[cfg(test)]
mod tests;
