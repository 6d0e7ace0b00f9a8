//! How many async tasks the process keeps alive: one that grows for hours is a leak.

use std::sync::{Mutex, PoisonError};

use tokio::runtime::{Handle, RuntimeMetrics};

/// The runtimes of this process.
#[derive(Debug)]
pub(super) struct Runtimes(Mutex<Vec<RuntimeMetrics>>);

impl Runtimes {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Counts the tasks of this runtime from now on.
    pub(super) fn watch(&self, runtime: &Handle) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(runtime.metrics());
    }

    /// Returns how many tasks are alive, or nothing where no runtime is watched.
    pub(super) fn alive(&self) -> Option<u64> {
        let runtimes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tasks: usize = runtimes.iter().map(RuntimeMetrics::num_alive_tasks).sum();
        u64::try_from(tasks).ok().filter(|_| !runtimes.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_is_counted_while_it_lives() {
        let runtimes = Runtimes::new();
        assert_eq!(runtimes.alive(), None);
        runtimes.watch(&Handle::current());
        let before = runtimes.alive().unwrap();
        let task = tokio::spawn(std::future::pending::<()>());
        assert_eq!(runtimes.alive(), Some(before + 1));
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(runtimes.alive(), Some(before));
    }
}
