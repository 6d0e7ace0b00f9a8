//! How strategies of a record are built: fresh ones, and those that go on from what was saved.

use ploy::config::StrategyConfig;
use ploy::strategy::{Misfit, Saved, Strategy};

/// Builds a strategy: a fresh one, or one that goes on from what was saved.
pub type Build<'a> =
    dyn Fn(&StrategyConfig, Option<&Saved>) -> Result<Box<dyn Strategy>, Misfit> + 'a;

/// Builds strategies of the known kinds.
///
/// # Errors
/// When what was saved does not fit the settings.
pub fn known(config: &StrategyConfig, saved: Option<&Saved>) -> Result<Box<dyn Strategy>, Misfit> {
    match saved {
        None => Ok(config.kind.build()),
        Some(saved) => config.kind.restore(saved),
    }
}
