//! What a drill must undergo: here time passes and memory is taken, which the core does not do.

use std::hint;
use std::time::{Duration, Instant};

use ploy::kernel::Input;
use ploy::strategy::drill::{Ordeal, Trial};

use super::State;

impl State {
    /// Lets the strategy undergo what it must after an input; what is undergone counts as work on that input.
    pub(super) async fn undergo(&mut self, input: Option<&Input>) {
        let Some(ordeal) = self.ordeal.take() else { return };
        match ordeal.trial() {
            Trial::Spin(span) => spin(span),
            Trial::Hang => {
                self.poison.suspect(input);
                std::future::pending::<()>().await;
            }
            // Written to, so that it is there and not only promised.
            Trial::Grow(bytes) => {
                self.ballast.push(vec![1; usize::try_from(bytes).unwrap_or(usize::MAX)]);
            }
            Trial::SlowStart(_) => {} // of a start, not of an input
        }
    }
}

/// Lets a strategy undergo what it must when it is built.
pub async fn undergo_start(ordeal: Ordeal) {
    match ordeal.trial() {
        Trial::SlowStart(Some(span)) => tokio::time::sleep(span).await,
        Trial::SlowStart(None) => std::future::pending().await,
        Trial::Spin(_) | Trial::Hang | Trial::Grow(_) => {} // of an input, not of a start
    }
}

/// Burns the CPU of this thread, as a strategy in an endless loop does.
fn spin(span: Option<Duration>) {
    let began = Instant::now();
    while span.is_none_or(|span| began.elapsed() < span) {
        hint::spin_loop();
    }
}
