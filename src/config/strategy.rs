//! The file of one strategy: its kind, settings, risk limits and restart policy.
//!
//! Another kind of strategy needs: a variant of [`Kind`] and of [`Rules`], a word in `KINDS`, and a file beside
//! `split_arb.rs` with its settings; the compiler names every place.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::order::StrategyId;
use crate::restart::{FailureOrders, RestartMode, RestartPolicy};
use crate::risk::Limits;
use crate::rollout::RolloutPolicy;
use crate::strategy::gates::{self, Gates};
use crate::strategy::momentum::Momentum;
use crate::strategy::momentum::config::{self as momentum, Mode};
use crate::strategy::nba_swing::NbaSwing;
use crate::strategy::nba_swing::config as nba_swing;
use crate::strategy::split_arb::{self, SplitArb, Style};
use crate::strategy::{Misfit, Saved, Strategy, Subscription};

use super::change::{self, Stated};
use super::momentum as momentum_settings;
use super::nba_swing as nba_swing_settings;
use super::reader::Reader;
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
        }
    }

    /// Returns the gates that its orders pass, in their order.
    #[must_use]
    pub const fn gates(&self) -> Gates {
        match self {
            Self::SplitArb(config) => config.style.gates(),
            Self::Momentum(config) => config.gates(),
            Self::NbaSwing(_) => gates::NBA_SWING,
        }
    }

    /// Builds a fresh strategy of this kind, which knows nothing of the past.
    #[must_use]
    pub fn build(&self) -> Box<dyn Strategy> {
        match self {
            Self::SplitArb(config) => Box::new(SplitArb::new(config.clone())),
            Self::Momentum(config) => Box::new(Momentum::new(config.clone())),
            Self::NbaSwing(config) => Box::new(NbaSwing::new(config.as_ref().clone())),
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
            (Self::SplitArb(_) | Self::Momentum(_) | Self::NbaSwing(_), _) => Err(Misfit::Kind),
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
        }
    }
}

pub(super) const SPLIT_ARB: &str = "split_arb";
pub(super) const MOMENTUM: &str = "momentum";
pub(super) const NBA_SWING: &str = "nba_swing";
static KINDS: [&str; 3] = [SPLIT_ARB, MOMENTUM, NBA_SWING];

const KIND: Setting =
    Setting::other("kind", Range::Word(&KINDS)).restart("Which rules the strategy trades by.");
const ENABLED: Setting = Setting::other("enabled", Range::Switch)
    .live("Whether it is to run when nobody said otherwise.");

static STRATEGY: [Setting; 2] = [KIND, ENABLED];

const RESTART_MODE: Setting = Setting::other("mode", Range::Word(&["on_failure", "never"]))
    .live(
        "Which ends are followed by another try: `on_failure` a failure, as far as the budget reaches; \
         `never` none, the first failure halts. What ends by itself without a failure is never started \
         again by itself.",
    )
    .or("on_failure");
const BACKOFF_INITIAL: Setting =
    Setting::whole("backoff_initial_ms", "milliseconds", (10, 3_600_000))
        .live("The wait before the first retry. At most backoff_max_s.")
        .or("1000");
const BACKOFF_FACTOR: Setting = Setting::whole("backoff_factor", "times", (1, 10))
    .live("How many times longer each further wait is.")
    .or("2");
const BACKOFF_MAX: Setting =
    Setting::whole("backoff_max_s", "seconds", (1, 3600)).live("The longest wait.").or("60");
const JITTER: Setting = Setting::whole("jitter_percent", "percent", (0, 100))
    .live(
        "By how much a wait may be shorter or longer, so that strategies do not return all \
         at once.",
    )
    .or("20");
const FAILURES_MAX: Setting = Setting::whole("failures_max", "failures", (0, 1000))
    .live("How many failures within the window are retried; one more halts the strategy.")
    .or("5");
const WINDOW: Setting = Setting::whole("window_s", "seconds", (1, 86_400))
    .live("The sliding window in which failures count.")
    .or("600");
const RESET_AFTER: Setting = Setting::whole("reset_after_s", "seconds", (1, 86_400))
    .live("How long it must have been running for its failures to be forgotten.")
    .or("600");
const SAME_SIGNATURE_MAX: Setting = Setting::whole("same_signature_max", "times", (1, 1000))
    .live("The same panic so many times in a row halts: the next try would meet it again.")
    .or("3");
const START_TIMEOUT: Setting = Setting::whole("start_timeout_s", "seconds", (1, 600))
    .live("How long a start may take.")
    .or("10");
const STOP_GRACE: Setting = Setting::whole("stop_grace_s", "seconds", (1, 60))
    .live("How long an asked-for stop may take before it is ended by force.")
    .or("5");

const HANG_WARN: Setting = Setting::whole("hang_warn_ms", "milliseconds", (100, 600_000))
    .live("How long one input may take before it is warned of. Shorter than hang_after_s.")
    .or("3000");
const HANG_AFTER: Setting = Setting::whole("hang_after_s", "seconds", (1, 600))
    .live("How long one input may take before it counts as a hang and is ended by force.")
    .or("10");
const HANGS_MAX: Setting = Setting::whole("hangs_max", "hangs", (0, 1000))
    .live("How many hangs within the window are retried; one more halts the strategy.")
    .or("1");
const FAILURE_ORDERS: Setting = Setting::other(
    "on_failure_orders",
    Range::Word(&["cancel", "keep"]),
)
.live(
    "What becomes of open orders after a failure: `cancel`. `keep` is refused: the next try would \
             trade against orders that it does not know.",
)
.or("cancel");

static RESTART: [Setting; 15] = [
    RESTART_MODE,
    BACKOFF_INITIAL,
    BACKOFF_FACTOR,
    BACKOFF_MAX,
    JITTER,
    FAILURES_MAX,
    WINDOW,
    RESET_AFTER,
    SAME_SIGNATURE_MAX,
    START_TIMEOUT,
    STOP_GRACE,
    HANG_WARN,
    HANG_AFTER,
    HANGS_MAX,
    FAILURE_ORDERS,
];

/// Returns the sections of a strategy's file around its own settings.
pub(super) fn sections(settings: Section) -> Vec<Section> {
    vec![
        Section::new("strategy", &STRATEGY),
        settings,
        Section::new("risk", &risk::RISK),
        Section::new("restart", &RESTART),
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
    let (limits, policy) = (risk::limits(&limited, &mut reader), policy(&restart, &mut reader));
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
    }
}

fn policy(values: &Values, reader: &mut Reader<'_>) -> Option<RestartPolicy> {
    let (initial, max) = (values.millis(&BACKOFF_INITIAL), values.seconds(&BACKOFF_MAX));
    if let (Some(initial), Some(max)) = (initial, max)
        && max < initial
    {
        let problem = format!(
            "a first wait of {} ms is longer than the longest; expected at most backoff_max_s, {} s",
            initial.as_millis(),
            max.as_secs()
        );
        reader.clash(values, [&BACKOFF_INITIAL, &BACKOFF_MAX], problem);
    }
    let (warn, hang) = (values.millis(&HANG_WARN), values.seconds(&HANG_AFTER));
    if let (Some(warn), Some(hang)) = (warn, hang)
        && hang <= warn
    {
        let problem = format!(
            "a warning after {} ms comes too late for a hang after {} s; expected less than hang_after_s",
            warn.as_millis(),
            hang.as_secs()
        );
        reader.clash(values, [&HANG_WARN, &HANG_AFTER], problem);
    }
    Some(RestartPolicy {
        mode: values.word(&RESTART_MODE, &RestartMode::ALL, RestartMode::name)?,
        backoff_initial: initial?,
        backoff_factor: values.whole(&BACKOFF_FACTOR)?,
        backoff_max: max?,
        jitter_percent: values.whole(&JITTER)?,
        failures_max: values.whole(&FAILURES_MAX)?,
        window: values.seconds(&WINDOW)?,
        reset_after: values.seconds(&RESET_AFTER)?,
        same_signature_max: values.whole(&SAME_SIGNATURE_MAX)?,
        start_timeout: values.seconds(&START_TIMEOUT)?,
        stop_grace: values.seconds(&STOP_GRACE)?,
        hang_warn: warn?,
        hang_after: hang?,
        hangs_max: values.whole(&HANGS_MAX)?,
        on_failure_orders: failure_orders(values, reader)?,
    })
}

/// Reads what becomes of the orders of a failed strategy; what cannot be kept is refused with the reason.
fn failure_orders(values: &Values, reader: &mut Reader<'_>) -> Option<FailureOrders> {
    if values.text(&FAILURE_ORDERS)? == "cancel" {
        return Some(FailureOrders::Cancel);
    }
    let problem = "\"keep\" cannot be honoured: a failed strategy forgets its orders, and the next try would \
                   trade against them; expected \"cancel\"";
    reader.clash(values, [&FAILURE_ORDERS, &FAILURE_ORDERS], problem.to_owned());
    None
}
