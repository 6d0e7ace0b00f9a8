//! How a strategy that runs goes on by other settings.

use std::sync::Arc;

use ploy::config::StrategyConfig;
use ploy::kernel::Kernel;

use super::State;
use super::meter::Meter;
use crate::bus::Ticket;
use crate::panics;

impl State {
    /// Goes on by other settings: between two inputs, with all that the kernel knows, so that no decision is lost.
    pub(super) fn on_take_over(
        &mut self,
        config: &StrategyConfig,
        meter: Option<Arc<Meter>>,
    ) -> Result<(), String> {
        if self.is_over {
            return Err("it ends".to_owned());
        }
        let checkpoint = self.kernel.checkpoint();
        let strategy = panics::catch(|| config.kind.restore(checkpoint.strategy()))?;
        let strategy = strategy.map_err(|misfit| misfit.to_string())?;
        let limits = config.limits.clone();
        let kernel = Kernel::resume(self.id.clone(), strategy, limits, checkpoint);
        let kernel = kernel.map_err(|unfit| unfit.to_string())?;
        self.track.take_over(config, &self.kernel);
        (self.kernel, self.meter) = (kernel, meter);
        self.settings.clone_from(&config.version);
        self.remember(Vec::new(), &Ticket::none());
        self.ask();
        self.report();
        Ok(())
    }
}
