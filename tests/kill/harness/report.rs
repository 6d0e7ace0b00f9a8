//! What the kill test found, as a table.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::Options;

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    backend: &'static str,
    seed: u64,
    kills: BTreeMap<String, u64>,
    /// How long each start took until it was ready.
    pub(crate) ready: Vec<Duration>,
    pub(crate) orders: u64,
    pub(crate) fills: u64,
    /// How often all was brought to rest and compared.
    pub(crate) rests: u64,
    pub(crate) took: Duration,
    /// What must not be.
    pub(crate) violations: Vec<String>,
}

impl Report {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            backend: if options.server.is_some() { "postgres" } else { "sqlite" },
            seed: options.seed,
            kills: BTreeMap::new(),
            ready: Vec::new(),
            orders: 0,
            fills: 0,
            rests: 0,
            took: Duration::ZERO,
            violations: Vec::new(),
        }
    }

    pub(crate) fn killed(&mut self, how: &str) {
        *self.kills.entry(how.to_owned()).or_default() += 1;
    }

    /// Returns the time that so many of a hundred starts did not pass.
    fn percentile(&self, percent: usize) -> Duration {
        let mut all = self.ready.clone();
        all.sort_unstable();
        let place = (all.len() * percent).div_ceil(100).saturating_sub(1);
        all.get(place).copied().unwrap_or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kills: u64 = self.kills.values().sum();
        writeln!(
            f,
            "{}, seed {}: {kills} kills in {} s",
            self.backend,
            self.seed,
            self.took.as_secs()
        )?;
        for (how, count) in &self.kills {
            writeln!(f, "  {how:<20} {count:>6}")?;
        }
        let [half, most] = [50, 99].map(|percent| self.percentile(percent).as_millis());
        writeln!(
            f,
            "  ready after          p50 {half} ms, p99 {most} ms, of {}",
            self.ready.len()
        )?;
        writeln!(f, "  orders sent          {:>6}", self.orders)?;
        writeln!(f, "  fills                {:>6}", self.fills)?;
        writeln!(f, "  compared at rest     {:>6}", self.rests)?;
        writeln!(f, "  violations           {:>6}", self.violations.len())?;
        self.violations.iter().try_for_each(|violation| writeln!(f, "  {violation}"))
    }
}
