//! The file of one strategy: its kind, settings, risk limits and restart policy.
//!
//! Another kind of strategy needs: a variant of [`Kind`] and of [`Rules`], a word in `KINDS`, and a file beside
//! `split_arb.rs` with its settings; the compiler names every place.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::order::StrategyId;
use crate::restart::RestartPolicy;
use crate::risk::Limits;
use crate::rollout::RolloutPolicy;
use crate::strategy::drill::{self, Drill};
use crate::strategy::gates::{self, Gates};
use crate::strategy::momentum::Momentum;
use crate::strategy::momentum::config::{self as momentum, Mode};
use crate::strategy::nba_swing::NbaSwing;
use crate::strategy::nba_swing::config as nba_swing;
use crate::strategy::split_arb::{self, SplitArb, Style};
use crate::strategy::{Misfit, Saved, Strategy, Subscription};

use super::change::{self, Stated};
use super::drill as drill_settings;
use super::momentum as momentum_settings;
use super::nba_swing as nba_swing_settings;
use super::reader::Reader;
use super::restart;
use super::risk;
use super::rollout;
use super::setting::{Range, Section, Setting};
use super::split_arb as split_arb_settings;
use super::values::{self, Values};
use super::{Fault, Rules};

/// One strategy, as its file states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrategyConfig {
    /// Its id: the stem of the file.
    pub id: StrategyId,
    /// Which rules it trades by, with their settings.
    pub kind: Kind,
    /// Whether it is to run when nobody said otherwise.
    pub enabled: bool,
    /// What it may do at most.
    pub limits: Limits,
    /// What its failures lead to.
    pub restart: RestartPolicy,
    /// How this version comes into force, and what ends its trial.
    pub rollout: RolloutPolicy,
    /// The SHA-256, in 64 hex digits, of what the file means: comments, order and spelling do not count.
    pub version: String,
    /// Every setting as the file means it, in the order in which they are declared.
    pub stated: Vec<Stated>,
    /// The file, as it was read.
    pub text: Arc<str>,
}

/// Which rules a strategy trades by, with their settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Both outcomes for together under one USDC.
    SplitArb(split_arb::Config),
    /// The side of an up-or-down market that the price of the underlying speaks for.
    Momentum(momentum::Config),
    /// Shares of a team while its game is played.
    NbaSwing(Box<nba_swing::Config>),
    /// Fails on purpose: for fire drills on a paper venue.
    Drill(drill::config::Config),
}

impl StrategyConfig {
    /// Returns every setting by name, as `section.key`, defaults too. Two files of the same version have the same
    /// settings, word for word.
    #[must_use]
    pub fn settings(&self) -> BTreeMap<String, String> {
        let named =
            |stated: &Stated| (format!("{}.{}", stated.section, stated.key), stated.value.clone());
        self.stated.iter().map(named).collect()
    }
}

impl Kind {
    /// Returns the word for it in files and answers.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SplitArb(_) => SPLIT_ARB,
            Self::Momentum(_) => MOMENTUM,
            Self::NbaSwing(_) => NBA_SWING,
            Self::Drill(_) => DRILL,
        }
    }

    /// Returns the word for the way it is traded, such as `legged` or `directional`, or for where its model comes
    /// from: `untrained`, `fitted`.
    #[must_use]
    pub const fn variant(&self) -> &'static str {
        match self {
            Self::SplitArb(config) => split_arb_settings::style_name(config.style),
            Self::Momentum(config) => momentum_settings::mode_name(config.method.mode()),
            Self::NbaSwing(config) => config.training.name(),
            Self::Drill(config) => config.fault.name(),
        }
    }

    /// Returns the gates that its orders pass, in their order.
    #[must_use]
    pub const fn gates(&self) -> Gates {
        match self {
            Self::SplitArb(config) => config.style.gates(),
            Self::Momentum(config) => config.gates(),
            Self::NbaSwing(_) => gates::NBA_SWING,
            Self::Drill(_) => gates::DRILL,
        }
    }

    /// Builds a fresh strategy of this kind, which knows nothing of the past.
    #[must_use]
    pub fn build(&self) -> Box<dyn Strategy> {
        match self {
            Self::SplitArb(config) => Box::new(SplitArb::new(config.clone())),
            Self::Momentum(config) => Box::new(Momentum::new(config.clone())),
            Self::NbaSwing(config) => Box::new(NbaSwing::new(config.as_ref().clone())),
            Self::Drill(config) => Box::new(Drill::new(config.clone())),
        }
    }

    /// Builds a strategy of this kind that goes on from what was saved.
    ///
    /// # Errors
    /// When it was saved by another kind of strategy, or with other settings that it does not fit.
    pub fn restore(&self, saved: &Saved) -> Result<Box<dyn Strategy>, Misfit> {
        match (self, saved.clone()) {
            (Self::SplitArb(config), Saved::SplitArb(saved)) => {
                Ok(Box::new(SplitArb::restore(config.clone(), saved)))
            }
            (Self::Momentum(config), Saved::Momentum(saved)) => {
                Ok(Box::new(Momentum::restore(config.clone(), saved)?))
            }
            (Self::NbaSwing(config), Saved::NbaSwing(saved)) => {
                Ok(Box::new(NbaSwing::restore(config.as_ref().clone(), saved)))
            }
            (Self::Drill(config), Saved::Drill(saved)) => {
                Ok(Box::new(Drill::restore(config.clone(), saved)))
            }
            (Self::SplitArb(_) | Self::Momentum(_) | Self::NbaSwing(_) | Self::Drill(_), _) => {
                Err(Misfit::Kind)
            }
        }
    }

    /// Returns the first of these markets that it would not see any more.
    #[must_use]
    pub fn leaves<'a>(&self, markets: &'a [String]) -> Option<&'a String> {
        let wanted = self.subscription().slug_prefixes;
        let is_wanted =
            |slug: &&String| wanted.iter().any(|prefix| slug.starts_with(prefix.as_str()));
        markets.iter().find(|slug| !is_wanted(slug))
    }

    /// Returns what it wants to see.
    #[must_use]
    pub fn subscription(&self) -> Subscription {
        match self {
            Self::SplitArb(config) => {
                Subscription { slug_prefixes: config.market_prefixes.clone(), symbols: Vec::new() }
            }
            Self::Momentum(config) => config.subscription(),
            Self::NbaSwing(config) => {
                let slug_prefixes = vec![config.market_prefix.clone()];
                Subscription { slug_prefixes, symbols: Vec::new() }
            }
            Self::Drill(config) => {
                Subscription { slug_prefixes: config.market_prefixes.clone(), symbols: Vec::new() }
            }
        }
    }
}

pub(super) const SPLIT_ARB: &str = "split_arb";
pub(super) const MOMENTUM: &str = "momentum";
pub(super) const NBA_SWING: &str = "nba_swing";
pub(super) const DRILL: &str = "drill";
static KINDS: [&str; 4] = [SPLIT_ARB, MOMENTUM, NBA_SWING, DRILL];

const KIND: Setting =
    Setting::other("kind", Range::Word(&KINDS)).restart("Which rules the strategy trades by.");
const ENABLED: Setting = Setting::other("enabled", Range::Switch)
    .live("Whether it is to run when nobody said otherwise.");

static STRATEGY: [Setting; 2] = [KIND, ENABLED];

/// Returns the sections of a strategy's file around its own settings.
pub(super) fn sections(settings: Section) -> Vec<Section> {
    vec![
        Section::new("strategy", &STRATEGY),
        settings,
        Section::new("risk", &risk::RISK),
        Section::new("restart", &restart::RESTART),
        Section::new("rollout", &rollout::ROLLOUT),
    ]
}

/// Reads the file of a strategy.
pub(super) fn read(path: &str, id: StrategyId, text: &str) -> Result<StrategyConfig, Vec<Fault>> {
    let mut reader = Reader::new(path, text)?;
    let rules = rules(&reader);
    let settings = rules.map_or(Section::new("settings", &[]), Rules::section);
    let declared = sections(settings);
    reader.expect(declared.clone());
    let head = reader.read("strategy");
    let (kind, own) = match rules {
        Some(rules) => {
            let mut own = reader.read("settings");
            (kind(rules, &mut own, &mut reader), own)
        }
        // Without a known kind nothing can be said about its settings.
        None => (None, Values::new("settings", 0)),
    };
    let limited = reader.read("risk");
    let restart = reader.read("restart");
    let rolled = reader.read("rollout");
    let (limits, policy) =
        (risk::limits(&limited, &mut reader), restart::policy(&restart, &mut reader));
    let config = kind.zip(limits).zip(policy).zip(head.switch(&ENABLED));
    let config = config.zip(rollout::policy(&rolled));
    let all = [&head, &own, &limited, &restart, &rolled];
    reader.finish(config.map(|((((kind, limits), restart_policy), enabled), rollout)| {
        StrategyConfig {
            id,
            kind,
            enabled,
            limits,
            restart: restart_policy,
            rollout,
            version: values::version(&all),
            stated: change::stated(&declared, &all),
            text: text.into(),
        }
    }))
}

/// Returns which settings the file has, from its own words; a missing or wrong style, or a wrong mode, is taken
/// for the one with the most settings, so that what else is wrong is found too.
fn rules(reader: &Reader<'_>) -> Option<Rules> {
    match reader.peek("strategy", KIND.key)? {
        SPLIT_ARB => {
            let word = reader.peek("settings", split_arb_settings::STYLE.key);
            let style = split_arb_settings::STYLES
                .into_iter()
                .find(|style| word == Some(split_arb_settings::style_name(*style)));
            Some(Rules::SplitArb(style.unwrap_or(Style::Legged)))
        }
        MOMENTUM => {
            let Some(word) = reader.peek("settings", momentum_settings::MODE.key) else {
                return Some(Rules::Momentum(Mode::Directional));
            };
            let mode = momentum_settings::MODES
                .into_iter()
                .find(|mode| word == momentum_settings::mode_name(*mode));
            Some(Rules::Momentum(mode.unwrap_or(Mode::Predictive)))
        }
        NBA_SWING => Some(Rules::NbaSwing),
        DRILL => Some(Rules::Drill),
        _ => None,
    }
}

fn kind(rules: Rules, own: &mut Values, reader: &mut Reader<'_>) -> Option<Kind> {
    match rules {
        Rules::SplitArb(_) => split_arb_settings::config(own, reader).map(Kind::SplitArb),
        Rules::Momentum(_) => momentum_settings::config(own, reader).map(Kind::Momentum),
        Rules::NbaSwing => {
            nba_swing_settings::config(own, reader).map(Box::new).map(Kind::NbaSwing)
        }
        Rules::Drill => drill_settings::config(own).map(Kind::Drill),
    }
}
