//! The live view of `ploy run`: a few calm lines at the foot of the terminal, drawn from the snapshot.

use std::io::{self, IsTerminal as _, Stdout};
use std::sync::Arc;
use std::time::Duration;

use ploy::lifecycle::Phase;
use ploy::status::{FeedPhase, FeedStatus, Recent, StrategyStatus, SystemStatus};
use ploy::tape::Books;
use ratatui::backend::CrosstermBackend;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::verdict::{Level, Verdict};
use crate::words;

/// The shortest time between two pictures: more often tires the eye and a slow line.
const REDRAW_AFTER: Duration = Duration::from_millis(250);
/// How many recent lines are shown.
const RECENT_SHOWN: usize = 6;
/// How many strategies the view makes room for; it says how many more there are.
const STRATEGIES_SHOWN: usize = 12;
/// The lines beside strategies and recent ones: title, clock, bar, names, the verdict twice, hint.
const LINES_FIXED: usize = 7;
/// From this height on the verdict may take two lines.
const ROOMY: usize = 14;

/// A column of the table: its name, its width, and what stands in it.
struct Column {
    name: &'static str,
    width: usize,
    cell: fn(&StrategyStatus) -> String,
}

/// The columns after the name, as they stand.
const COLUMNS: [Column; 9] = [
    Column::new("STATE", 10, |s| s.phase.name().to_owned()),
    Column::new("HELD", 8, words::held),
    Column::new("OPEN", 4, |s| s.kernel.orders.open.to_string()),
    Column::new("OK/FAIL", 8, |s| words::orders(s.kernel.orders)),
    Column::new("REJ", 4, |s| words::rejects(s).to_string()),
    Column::new("FILLS", 5, |s| s.kernel.fills.to_string()),
    Column::new("PNL", 8, |s| words::signed(s.kernel.pnl.total_usdc)),
    Column::new("DRAWDN", 7, |s| words::cents(s.kernel.pnl.drawdown_usdc)),
    Column::new("BOOKS", 8, |s| words::shown(s).to_owned()),
];
/// The columns by how much they are missed on a narrow terminal.
const MISSED: [&str; 9] =
    ["STATE", "PNL", "BOOKS", "OK/FAIL", "HELD", "FILLS", "OPEN", "REJ", "DRAWDN"];

/// Tells whether there is a terminal on which the view can be drawn.
#[must_use]
pub fn is_possible() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stdout().is_terminal() && !dumb
}

/// Draws every new snapshot, four a second at most, until `stop` or until no more snapshots come; `url` is
/// where the API answers. The terminal is as before when this returns or is dropped.
///
/// # Errors
/// When the terminal cannot be drawn on.
pub async fn view(
    mut status: watch::Receiver<Arc<SystemStatus>>,
    url: String,
    stop: CancellationToken,
) -> io::Result<()> {
    let strategies = status.borrow().strategies.len();
    let height = LINES_FIXED + strategies.clamp(1, STRATEGIES_SHOWN) + 1 + RECENT_SHOWN;
    let mut screen = Screen::open(u16::try_from(height).unwrap_or(u16::MAX))?;
    loop {
        let snapshot = Arc::clone(&status.borrow_and_update());
        screen.0.draw(|frame| draw(frame, &snapshot, &url))?;
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(REDRAW_AFTER) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            changed = status.changed() => if changed.is_err() {
                return Ok(());
            }
        }
    }
}

/// Draws one snapshot. Whatever does not fit is left out.
pub fn draw(frame: &mut Frame<'_>, status: &SystemStatus, url: &str) {
    let area = frame.area();
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let verdict = Verdict::of(status);
    let mut lines =
        vec![title(status, width), clock(&status.feed, status, width), bar(&status.feed, width)];
    let mut foot = vec![hint(status, url)];
    if verdict.level != Level::Fine {
        let colour = match verdict.level {
            Level::Wrong => Color::Red,
            Level::Notice | Level::Fine => Color::Yellow,
        };
        let lines_max = if height < ROOMY { 1 } else { 2 };
        for line in told(&verdict.sentence, width, lines_max).into_iter().rev() {
            foot.insert(0, Line::styled(line, Style::new().fg(colour)));
        }
    }
    let room = height.saturating_sub(lines.len() + 1 + foot.len());
    lines.extend(table(&status.strategies, width, room));
    let left = height.saturating_sub(lines.len() + foot.len());
    let shown = left.saturating_sub(1).min(RECENT_SHOWN);
    if shown > 0 {
        lines.push(Line::default());
    }
    let skipped = status.recent.len().saturating_sub(shown);
    lines.extend(status.recent.iter().skip(skipped).map(|line| recent(line, width)));
    lines.extend(foot);
    frame.render_widget(Paragraph::new(lines), area);
}

/// The terminal while the view is on it.
struct Screen(Terminal<CrosstermBackend<Stdout>>);

impl Screen {
    fn open(height: u16) -> io::Result<Self> {
        let options = TerminalOptions { viewport: Viewport::Inline(height) };
        let backend = CrosstermBackend::new(io::stdout());
        Ok(Self(Terminal::with_options(backend, options)?))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        self.0.clear().ok();
        self.0.show_cursor().ok();
    }
}

impl Column {
    const fn new(name: &'static str, width: usize, cell: fn(&StrategyStatus) -> String) -> Self {
        Self { name, width, cell }
    }
}

fn title(status: &SystemStatus, width: usize) -> Line<'static> {
    let feed = &status.feed;
    let held = words::held_back(&status.gates);
    let (mode, books) = (words::mode(status.mode), words::books_of(feed.books, &feed.tapes));
    // Whatever has to go for room, these two do not.
    let room = width.saturating_sub(mode.len() + held.len() + books.len() + 4);
    let name = words::cut(&words::plain(&feed.title), room);
    let loud = match feed.books {
        Books::Modelled => Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD),
        Books::Recorded | Books::None => quiet(),
    };
    Line::from(vec![
        Span::styled(mode, Style::new().bold()),
        Span::styled(held, Style::new().fg(Color::Red).bold()),
        Span::raw(format!("  {name}  ")),
        Span::styled(books, loud),
    ])
}

fn clock(feed: &FeedStatus, status: &SystemStatus, width: usize) -> Line<'static> {
    let (state, colour) = match feed.state {
        FeedPhase::Waiting => ("waiting", Color::Yellow),
        FeedPhase::Playing => ("playing", Color::Green),
        FeedPhase::Ended => ("ended", Color::Reset),
        FeedPhase::Failed => ("FAILED", Color::Red),
    };
    let now = words::moment(status.now);
    // On a narrow terminal the end of the line is the first to go.
    let rest = format!(" {}, {}", feed.speed, words::plural(feed.events, "event"));
    let used = now.len() + " UTC  ".len() + state.len();
    let rest = words::cut(&rest, width.saturating_sub(used));
    Line::from(vec![
        Span::raw(format!("{now} UTC  ")),
        Span::styled(state, Style::new().fg(colour)),
        Span::raw(rest),
    ])
}

fn bar(feed: &FeedStatus, width: usize) -> Line<'static> {
    let permille = permille(feed);
    let (from, to) = match (feed.from, feed.to) {
        (Some(from), Some(to)) => (words::clock(from), words::clock(to)),
        (None, _) | (_, None) => (String::new(), String::new()),
    };
    let percent = format!("{:>4} %", permille / 10);
    let space = width.saturating_sub(from.len() + to.len() + percent.len() + 2);
    let done = space * usize::try_from(permille).unwrap_or(0) / 1000;
    Line::from(vec![
        Span::styled(format!("{from} "), quiet()),
        Span::styled("━".repeat(done), Style::new().fg(Color::Cyan)),
        Span::styled("─".repeat(space - done), quiet()),
        Span::styled(format!(" {to}"), quiet()),
        Span::raw(percent),
    ])
}

/// Returns how much of the tape's time has passed, in thousandths.
fn permille(feed: &FeedStatus) -> u64 {
    let (Some(from), Some(to), Some(at)) = (feed.from, feed.to, feed.last_event_at) else {
        return 0;
    };
    let whole = to.since(from).as_micros();
    let part = at.since(from).as_micros().min(whole);
    u64::try_from(part * 1000 / whole.max(1)).unwrap_or(1000)
}

/// Returns the sentence in at most so many lines; what does not fit is cut visibly.
fn told(sentence: &str, width: usize, lines_max: usize) -> Vec<String> {
    let mut lines = words::wrap(sentence, width);
    let rest = lines.split_off(lines.len().min(lines_max.saturating_sub(1))).join(" ");
    lines.extend((!rest.is_empty()).then(|| words::cut(&rest, width)));
    lines
}

/// Returns the table in at most one line of names and `room` of strategies.
fn table(strategies: &[StrategyStatus], width: usize, room: usize) -> Vec<Line<'static>> {
    let longest = strategies.iter().map(|s| s.id.as_str().len()).max();
    let name = longest.unwrap_or(0).clamp("STRATEGY".len(), (width / 3).clamp(20, 32));
    let columns = fitting(width.saturating_sub(2 + name));
    let mut head = format!("  {:<name$}", "STRATEGY");
    for column in &columns {
        head += &cell(column, column.name);
    }
    let mut lines = vec![Line::styled(head, quiet())];
    let hidden = strategies.len().saturating_sub(room);
    // The line that says how many are hidden takes the place of one more.
    let shown = if hidden > 0 { room.saturating_sub(1) } else { room };
    for strategy in strategies.iter().take(shown) {
        let mut row = format!("{:<name$}", words::cut(strategy.id.as_str(), name));
        for column in &columns {
            row += &cell(column, &(column.cell)(strategy));
        }
        let dot = Span::styled("● ", Style::new().fg(colour(&strategy.phase)));
        lines.push(Line::from(vec![dot, Span::raw(row)]));
    }
    if hidden > 0 && room > 0 {
        let more = strategies.len() - shown;
        lines.push(Line::styled(format!("  and {more} more"), quiet()));
    }
    lines
}

/// Returns the columns that fit, those that would be missed most before the others.
fn fitting(width: usize) -> Vec<&'static Column> {
    let mut left = width;
    let mut kept: Vec<&str> = Vec::new();
    for name in MISSED {
        let column = COLUMNS.iter().find(|column| column.name == name);
        let Some(rest) = column.and_then(|column| left.checked_sub(column.width + 1)) else {
            break;
        };
        left = rest;
        kept.push(name);
    }
    COLUMNS.iter().filter(|column| kept.contains(&column.name)).collect()
}

/// Returns one cell with the gap before it: the state stands to the left, numbers to the right.
fn cell(column: &Column, text: &str) -> String {
    let (width, text) = (column.width, words::cut(text, column.width));
    if column.name == "STATE" { format!(" {text:<width$}") } else { format!(" {text:>width$}") }
}

fn recent(line: &Recent, width: usize) -> Line<'static> {
    let who = line.strategy.as_ref().map(|id| format!("{id}: ")).unwrap_or_default();
    let text = words::plain(&format!("{who}{}", line.message));
    let at = format!("{} ", words::clock(line.at));
    let text = words::cut(&text, width.saturating_sub(at.len()));
    Line::from(vec![Span::styled(at, quiet()), Span::raw(text)])
}

fn hint(status: &SystemStatus, url: &str) -> Line<'static> {
    let is_bad = |strategy: &&StrategyStatus| crate::verdict::strategy(strategy).is_some();
    let first = status.strategies.first();
    let asked = status.strategies.iter().find(is_bad).or(first);
    let id = asked.map_or("ID", |strategy| strategy.id.as_str());
    Line::styled(format!("Ctrl-C ends · ploy why {id} · {url}"), quiet())
}

const fn colour(phase: &Phase) -> Color {
    match phase {
        Phase::Running => Color::Green,
        Phase::Starting | Phase::Warming | Phase::Stopping { .. } => Color::Yellow,
        Phase::Stopped => Color::DarkGray,
        Phase::Quarantine { .. } | Phase::Backoff { .. } | Phase::Halted { .. } => Color::Red,
    }
}

const fn quiet() -> Style {
    Style::new().fg(Color::DarkGray)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use expect_test::{Expect, expect};
    use ratatui::backend::TestBackend;

    const URL: &str = "http://127.0.0.1:8080";

    fn picture(status: &SystemStatus, (width, height): (u16, u16)) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, status, URL)).unwrap();
        let buffer = terminal.backend().buffer();
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        let lines: Vec<String> = (0..height).map(|y| line(y).trim_end().to_owned()).collect();
        format!("{}\n", lines.join("\n").trim_end())
    }

    fn check(status: &SystemStatus, size: (u16, u16), expected: &Expect) {
        expected.assert_eq(&picture(status, size));
    }

    #[test]
    fn a_common_terminal_shows_all() {
        check(
            &sample::healthy(),
            (80, 24),
            &expect![[r#"
                PAPER  BTC 15-minute markets  books: recorded
                2026-09-28 12:30:00 UTC  playing 60x, 1,234,567 events
                09:00:00 ━━━━━━━━━━━━━━━━━━━━━━━━━━━━──────────────────────────── 16:00:00  50 %
                  STRATEGY   STATE          HELD OPEN  OK/FAIL  REJ FILLS      PNL    BOOKS
                ● split-arb  running        4.26    1  25/2/1?    2    22    +2.97 recorded
                ● split-both running        0.00    0      0/0    0     0     0.00 recorded

                12:29:10 split-arb: bought 12.5 Up at 0.34
                12:29:58 no book for 6 s
                Ctrl-C ends · ploy why split-arb · http://127.0.0.1:8080
            "#]],
        );
    }

    #[test]
    fn a_wide_terminal_shows_trouble() {
        check(
            &sample::troubled(),
            (120, 30),
            &expect![[r#"
                PAPER  BTC 15-minute markets  books: recorded
                2026-09-28 12:30:00 UTC  playing 60x, 1,234,567 events
                09:00:00 ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━──────────────────────────────────────────────── 16:00:00  50 %
                  STRATEGY   STATE          HELD OPEN  OK/FAIL  REJ FILLS      PNL  DRAWDN    BOOKS
                ● split-arb  running        4.26    1  25/2/1?    2    22    +2.97    0.13 recorded
                ● split-both halted         0.00    0      0/0    0     0     0.00    0.00 recorded
                ● split-eth  backoff        0.00    0      0/0    0     0     0.00    0.00 recorded

                12:29:10 split-arb: bought 12.5 Up at 0.34
                12:29:58 no book for 6 s
                1 running, 1 backoff, 1 halted: split-both is halted - the same panic three times - let it go on with `ploy resume
                split-both`; split-eth failed and waits for try 2 at 12:30:05.
                Ctrl-C ends · ploy why split-both · http://127.0.0.1:8080
            "#]],
        );
    }

    #[test]
    fn a_narrow_terminal_shows_what_matters_most() {
        check(
            &sample::troubled(),
            (40, 10),
            &expect![[r#"
                PAPER  BTC 15-minute m…  books: recorded
                2026-09-28 12:30:00 UTC  playing 60x, 1…
                09:00:00 ━━━━━━━━──────── 16:00:00  50 %
                  STRATEGY   STATE           PNL
                ● split-arb  running       +2.97
                ● split-both halted         0.00
                ● split-eth  backoff        0.00
                1 running, 1 backoff, 1 halted: split-b…
                Ctrl-C ends · ploy why split-both · http
            "#]],
        );
    }

    #[test]
    fn modelled_books_are_said_loudly_and_many_strategies_are_counted() {
        let mut status = sample::healthy();
        status.feed.books = Books::Modelled;
        status.strategies[0].books = vec![Books::Recorded, Books::Modelled];
        let one = status.strategies[0].clone();
        status.strategies = vec![one; 9];
        check(
            &status,
            (60, 9),
            &expect![[r#"
                PAPER  BTC 15-minute markets  MODELLED book
                2026-09-28 12:30:00 UTC  playing 60x, 1,234,567 events
                09:00:00 ━━━━━━━━━━━━━━━━━━────────────────── 16:00:00  50 %
                  STRATEGY  STATE          HELD  OK/FAIL      PNL    BOOKS
                ● split-arb running        4.26  25/2/1?    +2.97 MODELLED
                ● split-arb running        4.26  25/2/1?    +2.97 MODELLED
                ● split-arb running        4.26  25/2/1?    +2.97 MODELLED
                  and 6 more
                Ctrl-C ends · ploy why split-arb · http://127.0.0.1:8080
            "#]],
        );
    }

    #[test]
    fn no_terminal_is_too_small() {
        let mut full = sample::troubled();
        full.recent = vec![full.recent[0].clone(); 50];
        let mut empty = sample::healthy();
        empty.strategies.clear();
        empty.recent.clear();
        empty.feed.from = None;
        empty.feed.last_event_at = None;
        for status in [&full, &empty] {
            for width in [0, 1, 2, 3, 7, 20, 39, 79, 80] {
                for height in [0, 1, 2, 3, 4, 5, 6, 7, 8, 24] {
                    let text = picture(status, (width, height));
                    let widest = text.lines().map(|line| line.chars().count()).max();
                    assert!(widest.unwrap_or(0) <= usize::from(width), "{width}x{height}");
                }
            }
        }
    }

    #[test]
    fn the_bar_is_the_part_of_the_tape_that_was_played() {
        let check = |at: Option<&str>, expected| {
            let mut feed = sample::healthy().feed;
            feed.last_event_at = at.map(|at| at.parse().unwrap());
            assert_eq!(permille(&feed), expected, "{at:?}");
        };
        check(None, 0);
        check(Some("2026-09-28T08:00:00Z"), 0);
        check(Some("2026-09-28T12:30:00Z"), 500);
        check(Some("2026-09-28T16:00:00Z"), 1000);
        check(Some("2026-09-28T17:00:00Z"), 1000);
        let mut feed = sample::healthy().feed;
        feed.to = feed.from;
        assert_eq!(permille(&feed), 0);
    }
}
