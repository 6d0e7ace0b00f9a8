//! How far a replay is, on one line of a terminal that is drawn again and again.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// How often it is drawn: often enough for eyes, too seldom to cost anything.
const EVERY: Duration = Duration::from_millis(100);
/// How many characters the bar has.
const WIDTH: u64 = 30;

/// A bar on standard error; into a pipe goes nothing.
#[derive(Debug)]
pub struct Progress {
    drawn: Option<Instant>,
    is_shown: bool,
    began: Instant,
}

impl Progress {
    /// Returns a bar that is drawn where standard error is a terminal.
    #[must_use]
    pub fn on_terminal() -> Self {
        Self { drawn: None, is_shown: io::stderr().is_terminal(), began: Instant::now() }
    }

    /// Draws so many events, and so many thousandths of the whole, unless that was done just now.
    pub fn draw(&mut self, (events, share): (u64, u64)) {
        if !self.is_shown || self.drawn.is_some_and(|drawn| drawn.elapsed() < EVERY) {
            return;
        }
        self.drawn = Some(Instant::now());
        let line = line(events, share, self.began.elapsed());
        // Where it cannot be drawn, nobody looks.
        write!(io::stderr().lock(), "\r{line}\u{1b}[K").ok();
    }

    /// Takes it off the terminal, so that what is written next stands alone.
    pub fn clear(&mut self) {
        if self.drawn.take().is_some() {
            write!(io::stderr().lock(), "\r\u{1b}[K").ok();
        }
    }
}

fn line(events: u64, share: u64, elapsed: Duration) -> String {
    let full = share.min(1000) * WIDTH / 1000;
    let part = |length: u64, mark: &str| mark.repeat(usize::try_from(length).unwrap_or_default());
    let rate = u128::from(events) * 1000 / elapsed.as_millis().max(1);
    let rate = u64::try_from(rate).unwrap_or(u64::MAX);
    format!(
        "[{}{}] {:>3}%  {} events, {} a second",
        part(full, "#"),
        part(WIDTH - full, "."),
        share.min(1000) / 10,
        crate::words::count(events),
        crate::words::count(rate)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_says_how_far_and_how_fast() {
        let text = line(250_000, 500, Duration::from_millis(500));
        assert_eq!(text, "[###############...............]  50%  250,000 events, 500,000 a second");
        assert!(line(0, 0, Duration::ZERO).starts_with("[....."));
        assert!(line(1, 2000, Duration::ZERO).contains("] 100%"));
    }
}
