//! What a run came to: the same numbers as the last snapshot, for people and for programs.

use std::fmt;
use std::time::Duration;

use ploy::decision::DecisionDigest;
use ploy::price::Usdc;
use ploy::status::{Mode, OrderCounts, StrategyStatus, SystemStatus, Tally, TapeStatus};
use ploy::tape::Books;
use ploy::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::words;

/// How wide a line may be.
const WIDTH: usize = 80;
/// Where the lines below the first begin.
const INDENT: usize = 11;
/// How many causes of one strategy are told to people; all of them stand in the JSON.
const CAUSES_TOLD: usize = 8;

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Whether orders were paper or real.
    pub mode: Mode,
    /// Events played.
    pub events: u64,
    /// Events played in a second of the machine's time, rounded down.
    pub events_per_s: u64,
    /// How long it took, in seconds to the millisecond.
    pub elapsed_s: f64,
    /// One fingerprint of all decisions of all strategies, 64 hex digits.
    pub decision_digest: String,
    /// What was played: the titles of all tapes.
    pub tape: String,
    /// Whether its books were recorded or modelled; modelled where those of any tape are.
    pub books: Books,
    /// The tapes, in the order in which they were given.
    pub tapes: Vec<TapeStatus>,
    /// The first instant of all tapes.
    pub from: Option<Timestamp>,
    /// The last instant of all tapes.
    pub to: Option<Timestamp>,
    /// How fast event time ran: `max`, or a multiple such as `60x`.
    pub speed: String,
    /// What broke the feed, when something did.
    pub feed_error: Option<String>,
    /// The program's version.
    pub version: String,
    /// The id of the run.
    pub run: String,
    /// The number of the snapshot that this was made of.
    pub snapshot: u64,
    /// Every strategy, by id.
    pub strategies: Vec<StrategyReport>,
}

/// What one strategy came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyReport {
    /// Its id.
    pub id: String,
    /// What kind of strategy it is.
    pub kind: String,
    /// A word on how it is set.
    pub variant: String,
    /// Where the books of the markets came from that it was shown; each at most once.
    pub books: Vec<Books>,
    /// The phase in which the run left it.
    pub phase: String,
    /// Decisions taken.
    pub decisions: u64,
    /// Decisions that were intents, approved or refused.
    pub intents: u64,
    /// Orders approved and handed on.
    pub orders: u64,
    /// What became of them.
    pub order_counts: OrderCounts,
    /// Fills booked.
    pub fills: u64,
    /// Intents that the guard refused.
    pub rejections: u64,
    /// Fees paid, already in the profit and loss.
    pub fees_usdc: Usdc,
    /// Profit or loss, realised and not.
    pub pnl_usdc: Usdc,
    /// Of what was sold or settled.
    pub realised_usdc: Usdc,
    /// Of what is still held.
    pub unrealised_usdc: Usdc,
    /// The worst fall from a peak.
    pub drawdown_max_usdc: Usdc,
    /// The fingerprint of its decisions.
    pub digest: String,
    /// Noes by reason and refusals by rule, the most frequent first.
    pub causes: Vec<Tally>,
    /// The breaker's trip in force at the end.
    pub tripped: Option<String>,
    /// What it failed of last.
    pub last_error: Option<String>,
}

impl Report {
    /// Returns the report of a run whose last snapshot this is, and which took so long.
    #[must_use]
    pub fn of(status: &SystemStatus, elapsed: Duration) -> Self {
        let mut strategies: Vec<&StrategyStatus> = status.strategies.iter().collect();
        strategies.sort_by(|a, b| a.id.cmp(&b.id));
        let digests = strategies
            .iter()
            .map(|strategy| (strategy.id.as_str(), strategy.kernel.digest.as_str()));
        let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let feed = &status.feed;
        Self {
            mode: status.mode,
            events: feed.events,
            events_per_s: rate(feed.events, elapsed),
            // Read back from text: the nearest number to so many milliseconds, without a sum's noise.
            elapsed_s: format!("{}.{:03}", millis / 1000, millis % 1000).parse().unwrap_or(0.0),
            decision_digest: DecisionDigest::combine(digests),
            tape: feed.title.clone(),
            books: feed.books,
            tapes: feed.tapes.clone(),
            from: feed.from,
            to: feed.to,
            speed: feed.speed.clone(),
            feed_error: feed.error.clone(),
            version: status.version.clone(),
            run: status.run.clone(),
            snapshot: status.snapshot,
            strategies: strategies.into_iter().map(StrategyReport::of).collect(),
        }
    }
}

impl Report {
    /// Returns what was played, a text a tape; of several each says where its books come from.
    fn titles(&self) -> Vec<String> {
        match self.tapes.as_slice() {
            [] | [_] => vec![words::plain(&self.tape)],
            tapes => {
                let of = |tape: &TapeStatus| {
                    format!("- {} ({})", words::plain(&tape.title), words::books(tape.books))
                };
                tapes.iter().map(of).collect()
            }
        }
    }
}

impl StrategyReport {
    fn of(strategy: &StrategyStatus) -> Self {
        let kernel = &strategy.kernel;
        Self {
            id: strategy.id.to_string(),
            kind: strategy.kind.clone(),
            variant: strategy.variant.clone(),
            books: strategy.books.clone(),
            phase: strategy.phase.name().to_owned(),
            decisions: kernel.decisions,
            intents: kernel.intents,
            orders: kernel.orders.submitted,
            order_counts: kernel.orders,
            fills: kernel.fills,
            rejections: words::rejects(strategy),
            fees_usdc: kernel.pnl.fees_usdc,
            pnl_usdc: kernel.pnl.total_usdc,
            realised_usdc: kernel.pnl.realised_usdc,
            unrealised_usdc: kernel.pnl.unrealised_usdc,
            drawdown_max_usdc: kernel.pnl.drawdown_max_usdc,
            digest: kernel.digest.clone(),
            causes: kernel.totals().into_iter().cloned().collect(),
            tripped: kernel.tripped.clone(),
            last_error: strategy.last_error.clone(),
        }
    }
}

fn rate(events: u64, elapsed: Duration) -> u64 {
    let micros = elapsed.as_micros().max(1);
    u64::try_from(u128::from(events) * 1_000_000 / micros).unwrap_or(u64::MAX)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let books = words::books_of(self.books, &self.tapes);
        let mode = words::mode(self.mode);
        writeln!(f, "{mode} run  {books}")?;
        for title in self.titles() {
            for line in words::wrap(&title, WIDTH - INDENT) {
                writeln!(f, "{:INDENT$}{}", "", words::cut(&line, WIDTH - INDENT))?;
            }
        }
        if let (Some(from), Some(to)) = (self.from, self.to) {
            let (from, to) = (words::moment(from), words::moment(to));
            writeln!(f, "           {from} to {to} UTC")?;
        }
        if self.books == Books::Modelled {
            writeln!(
                f,
                "{:INDENT$}A modelled book was made around a fair value: what is traded on it\n\
                 {:INDENT$}says little about what real depth would have given.",
                "", ""
            )?;
        }
        if let Some(error) = &self.feed_error {
            for line in words::wrap(&format!("THE TAPE BROKE: {}", words::plain(error)), WIDTH) {
                writeln!(f, "{line}")?;
            }
        }
        for strategy in &self.strategies {
            writeln!(f)?;
            strategy.fmt(f)?;
        }
        if self.strategies.is_empty() {
            writeln!(f, "\nNo strategy ran.")?;
        }
        writeln!(
            f,
            "\n{} in {} s: {} a second\ndecisions {}",
            words::plural(self.events, "event"),
            self.elapsed_s,
            words::count(self.events_per_s),
            self.decision_digest
        )
    }
}

impl fmt::Display for StrategyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = format!("{}  {} {}", self.id, self.kind, self.variant);
        writeln!(f, "{}", words::cut(&format!("{head}  {}", self.phase), WIDTH))?;
        if self.books.contains(&Books::Modelled) {
            writeln!(
                f,
                "  books      MODELLED book: made around a fair value, no evidence of real depth"
            )?;
        }
        let orders = &self.order_counts;
        let (decisions, intents) = (words::count(self.decisions), words::count(self.intents));
        writeln!(
            f,
            "  decisions  {decisions}, of them {intents} intents, {} refused by the guard",
            words::count(self.rejections)
        )?;
        for tally in self.causes.iter().take(CAUSES_TOLD) {
            writeln!(f, "{}", words::cut(&told(tally), WIDTH))?;
        }
        let more = self.causes.len().saturating_sub(CAUSES_TOLD);
        if more > 0 {
            writeln!(f, "             and {more} more")?;
        }
        let of = |number, word: &str| format!(", {} {word}", words::count(number));
        let mut line = format!("  orders     {}", words::count(self.orders));
        line += &of(orders.filled, "filled");
        line += &of(orders.unfilled, "unfilled");
        line += &of(orders.rejected, "refused");
        for (number, word) in [(orders.unknown, "UNKNOWN"), (orders.open, "open")] {
            if number > 0 {
                line += &of(number, word);
            }
        }
        let fees = words::cents(self.fees_usdc);
        writeln!(f, "{line}")?;
        writeln!(f, "  fills      {}, fees {fees} USDC", words::count(self.fills))?;
        writeln!(
            f,
            "  settled    {} USDC, worst drawdown {} USDC",
            words::signed(self.realised_usdc),
            words::cents(self.drawdown_max_usdc)
        )?;
        if self.unrealised_usdc != Usdc::ZERO {
            let (open, total) = (self.unrealised_usdc, self.pnl_usdc);
            let (open, total) = (words::signed(open), words::signed(total));
            writeln!(f, "  still held {open} USDC, together {total} USDC")?;
        }
        if let Some(tripped) = &self.tripped {
            let tripped = format!("  TRIPPED    {}", words::plain(tripped));
            writeln!(f, "{}", words::cut(&tripped, WIDTH))?;
        }
        if let Some(error) = &self.last_error {
            let error = format!("  last error {}", words::plain(error));
            writeln!(f, "{}", words::cut(&error, WIDTH))?;
        }
        Ok(())
    }
}

/// Returns one line: how often, what, and the newest numbers.
fn told(tally: &Tally) -> String {
    let numbers: Vec<String> =
        tally.numbers.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let mark = if tally.verdict == "no" { "" } else { "refused: " };
    let cause = format!("{mark}{}", tally.cause);
    let count = words::count(tally.count);
    let line = format!("  {count:>13}  {cause:<24} {}", numbers.join(", "));
    words::plain(line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use expect_test::expect;

    fn report(status: &SystemStatus) -> Report {
        Report::of(status, Duration::from_millis(2_500))
    }

    #[test]
    fn people_read_it_in_eighty_columns() {
        let text = report(&sample::troubled()).to_string();
        expect![[r#"
            PAPER run  books: recorded
                       BTC 15-minute markets
                       2026-09-28 09:00:00 to 2026-09-28 16:00:00 UTC

            split-arb  split_arb legged  running
              decisions  61,000, of them 30 intents, 2 refused by the guard
                     60,148  price_limit              ask 0.46, max_entry 0.35
                        820  stale_book               age 6.1s, limit 5s
                          2  refused: market_exposure used 54.4, limit 50, passing 12.5
              orders     28, 20 filled, 5 unfilled, 2 refused, 1 UNKNOWN, 1 open
              fills      22, fees 0.41 USDC
              settled    +3.10 USDC, worst drawdown 4.02 USDC
              still held -0.13 USDC, together +2.97 USDC

            split-both  split_arb simultaneous  halted
              decisions  60,900, of them 0 intents, 0 refused by the guard
                     60,900  no_edge                  sum 1.01, target_sum 0.98
              orders     0, 0 filled, 0 unfilled, 0 refused
              fills      0, fees 0.00 USDC
              settled    0.00 USDC, worst drawdown 0.00 USDC
              last error panic: attempt to subtract with overflow

            split-eth  split_arb legged  backoff
              decisions  0, of them 0 intents, 0 refused by the guard
              orders     0, 0 filled, 0 unfilled, 0 refused
              fills      0, fees 0.00 USDC
              settled    0.00 USDC, worst drawdown 0.00 USDC
              last error panic: index out of bounds

            1,234,567 events in 2.5 s: 493,826 a second
            decisions 7591abb7b3b67b4a5d4802f9d28be27419b45eb1808cdb33a77a4d10cc07121e
        "#]]
        .assert_eq(&text);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
    }

    #[test]
    fn a_modelled_book_and_a_broken_tape_are_said_loudly() {
        let mut status = sample::healthy();
        status.strategies.clear();
        status.feed.books = Books::Modelled;
        status.feed.title = "a title\u{1b}[2J that is long ".repeat(5);
        status.feed.error = Some("line 7: time runs backwards".to_owned());
        let text = report(&status).to_string();
        expect![[r#"
            PAPER run  MODELLED book
                       a title [2J that is long a title [2J that is long a title [2J that is
                       long a title [2J that is long a title [2J that is long
                       2026-09-28 09:00:00 to 2026-09-28 16:00:00 UTC
                       A modelled book was made around a fair value: what is traded on it
                       says little about what real depth would have given.
            THE TAPE BROKE: line 7: time runs backwards

            No strategy ran.

            1,234,567 events in 2.5 s: 493,826 a second
            decisions e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn every_tape_is_told_and_a_modelled_book_stands_at_the_strategy_that_saw_it() {
        let mut status = sample::healthy();
        let mut second = status.feed.tapes[0].clone();
        second.title =
            "One invented game of two teams that play in no league of this world".to_owned();
        second.books = Books::Modelled;
        status.feed.books = Books::Modelled;
        status.feed.tapes.push(second);
        status.strategies[1].books = vec![Books::Recorded, Books::Modelled];
        let text = report(&status).to_string();
        let head: Vec<&str> =
            text.lines().take_while(|line| !line.starts_with("split-arb")).collect();
        expect![[r#"
            PAPER run  MODELLED book in 1 of 2 tapes
                       - BTC 15-minute markets (books: recorded)
                       - One invented game of two teams that play in no league of this world
                       (MODELLED book)
                       2026-09-28 09:00:00 to 2026-09-28 16:00:00 UTC
                       A modelled book was made around a fair value: what is traded on it
                       says little about what real depth would have given.

        "#]]
        .assert_eq(&(head.join("\n") + "\n"));
        let second = text.split("\n\n").nth(2).unwrap();
        expect![[r#"
            split-both  split_arb simultaneous  running
              books      MODELLED book: made around a fair value, no evidence of real depth
              decisions  60,900, of them 0 intents, 0 refused by the guard
                     60,900  no_edge                  sum 1.01, target_sum 0.98
              orders     0, 0 filled, 0 unfilled, 0 refused
              fills      0, fees 0.00 USDC
              settled    0.00 USDC, worst drawdown 0.00 USDC
        "#]]
        .assert_eq(&format!("{second}\n"));
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
    }

    #[test]
    fn programs_read_money_as_exact_decimals() {
        let json = serde_json::to_value(report(&sample::healthy())).unwrap();
        assert_eq!(json["events"], 1_234_567);
        assert_eq!(json["events_per_s"], 493_826);
        assert_eq!(json["elapsed_s"], 2.5);
        assert_eq!(json["books"], "recorded");
        assert_eq!(json["tapes"][0]["title"], "BTC 15-minute markets");
        assert_eq!(json["strategies"][0]["books"], serde_json::json!(["recorded"]));
        let first = &json["strategies"][0];
        assert_eq!(first["pnl_usdc"], "2.973");
        assert_eq!(first["fees_usdc"], "0.412");
        assert_eq!(first["orders"], 28);
        assert_eq!(first["rejections"], 2);
        assert_eq!(first["causes"][0]["cause"], "price_limit");
    }

    #[test]
    fn the_digest_does_not_depend_on_the_order_of_the_snapshot() {
        let mut status = sample::healthy();
        let before = report(&status);
        status.strategies.reverse();
        assert_eq!(report(&status), before);
        status.strategies[0].kernel.digest = "c".repeat(64);
        assert_ne!(report(&status).decision_digest, before.decision_digest);
    }

    #[test]
    fn an_open_market_is_not_counted_twice() {
        let status = sample::healthy();
        let kernel = &status.strategies[0].kernel;
        assert!(kernel.causes.iter().any(|tally| tally.market.is_some()));
        let told: u64 = report(&status).strategies[0].causes.iter().map(|tally| tally.count).sum();
        assert!(told <= kernel.decisions, "{told} of {}", kernel.decisions);
    }

    #[test]
    fn a_tripped_breaker_is_said() {
        let mut status = sample::healthy();
        status.strategies[0].kernel.tripped = Some("drawdown: 50.4 of 50".to_owned());
        let text = report(&status).to_string();
        assert!(text.contains("\n  TRIPPED    drawdown: 50.4 of 50\n"), "{text}");
    }

    #[test]
    fn a_run_of_no_time_has_a_rate() {
        let report = Report::of(&sample::healthy(), Duration::ZERO);
        assert_eq!(report.elapsed_s, 0.0);
        assert!(report.events_per_s > 0);
    }
}
