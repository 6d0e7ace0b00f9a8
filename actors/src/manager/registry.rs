//! StrategyRegistry: which strategies there are, with which settings, and how each is built.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ploy::config::StrategyConfig;
use ploy::order::StrategyId;
use ploy::restart::Failure;
use ploy::strategy::{Misfit, Saved, Strategy};

/// Builds a fresh strategy that knows nothing of the past.
pub type Build = Arc<dyn Fn() -> Box<dyn Strategy> + Send + Sync>;

/// Builds a fresh strategy that knows nothing of the past, or says of what kind the failure is.
pub type TryBuild = Arc<dyn Fn() -> Result<Box<dyn Strategy>, Failure> + Send + Sync>;
/// Builds a strategy that goes on from what was saved by the same settings.
pub type Restore = Arc<dyn Fn(&Saved) -> Result<Box<dyn Strategy>, Misfit> + Send + Sync>;
/// Says how a version of a strategy's settings is built.
pub type Make = Arc<dyn Fn(StrategyConfig) -> Registration + Send + Sync>;

/// Every strategy by id.
#[derive(Clone)]
pub struct StrategyRegistry {
    entries: BTreeMap<StrategyId, Registration>,
    make: Make,
}

/// One strategy: its settings, and how to build it.
#[derive(Clone)]
pub struct Registration {
    /// Its settings.
    pub config: StrategyConfig,
    /// How to build it.
    pub build: TryBuild,
    /// How to build it from what it saved; absent where it is built anew and told its fills.
    pub restore: Option<Restore>,
}

impl StrategyRegistry {
    /// Adds a strategy of one of the known kinds, in the place of one of the same id.
    pub fn add(&mut self, config: StrategyConfig) {
        let registration = (self.make)(config);
        self.entries.insert(registration.config.id.clone(), registration);
    }

    /// Adds a strategy that is built in a way of its own: an experiment, or a test's.
    pub fn add_custom(&mut self, config: StrategyConfig, build: Build) {
        self.add_fallible(config, Arc::new(move || Ok(build())));
    }

    /// Adds a strategy that is built in a way of its own and may find that it cannot be: its settings cannot work, it
    /// may not trade, something that it needs is missing.
    pub fn add_fallible(&mut self, config: StrategyConfig, build: TryBuild) {
        self.entries.insert(config.id.clone(), Registration { config, build, restore: None });
    }

    /// Builds every version that comes later in this way: an experiment, or a test's.
    #[must_use]
    pub fn making(self, make: Make) -> Self {
        Self { make, ..self }
    }

    /// Returns how a version that comes later is built.
    #[must_use]
    pub fn make(&self) -> Make {
        Arc::clone(&self.make)
    }

    /// Returns every registration, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Registration> {
        self.entries.values()
    }
}

impl Registration {
    /// Returns a strategy of one of the known kinds.
    #[must_use]
    pub fn of(config: StrategyConfig) -> Self {
        let (kind, saved) = (config.kind.clone(), config.kind.clone());
        let restore: Restore = Arc::new(move |what| saved.restore(what));
        Self { config, build: Arc::new(move || Ok(kind.build())), restore: Some(restore) }
    }
}

impl Default for StrategyRegistry {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), make: Arc::new(Registration::of) }
    }
}

impl fmt::Debug for StrategyRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StrategyRegistry").field("entries", &self.entries).finish_non_exhaustive()
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("config", &self.config).finish_non_exhaustive()
    }
}
