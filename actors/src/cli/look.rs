//! How an answer looks: width, colour, and tables; decided once, from the terminal.

use std::io::IsTerminal as _;

use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table, presets};
use ratatui::crossterm::terminal;

/// The width where no terminal says one: one line a strategy, for `grep` and `awk`.
const WIDTH_PIPED: usize = 160;

/// How an answer looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// How many columns there are.
    pub(super) width: usize,
    /// Whether there is colour.
    pub(super) colour: bool,
}

/// What a text says beside its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// As it should be.
    Good,
    /// To be watched.
    Doubtful,
    /// Wrong.
    Bad,
    /// Beside the point.
    Quiet,
    /// Nothing.
    Plain,
}

impl Look {
    /// Returns the look that fits standard output: colour only on a terminal that takes it, and without `NO_COLOR`.
    pub(super) fn of_stdout() -> Self {
        let on_terminal = std::io::stdout().is_terminal();
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let size = terminal::size().ok().filter(|_| on_terminal);
        Self {
            width: size.map_or(WIDTH_PIPED, |(columns, _)| usize::from(columns)),
            colour: on_terminal && !set("NO_COLOR") && !dumb,
        }
    }

    /// Returns the text in the colour of its tone.
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Doubtful => "33",
            Tone::Bad => "1;31",
            Tone::Quiet => "2",
            Tone::Plain => "",
        };
        if self.colour && !code.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    /// Returns a table as text. Columns named with a leading `>` are numbers and stand to the right.
    pub(super) fn table(self, head: &[&str], rows: Vec<Vec<(Tone, String)>>) -> String {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(u16::try_from(self.width).unwrap_or(u16::MAX))
            .set_header(head.iter().map(|name| name.trim_start_matches('>')));
        if self.colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        for row in rows {
            table.add_row(row.into_iter().map(|(tone, text)| {
                let cell = Cell::new(text);
                match (self.colour, tone) {
                    (true, Tone::Good) => cell.fg(Color::DarkGreen),
                    (true, Tone::Doubtful) => cell.fg(Color::DarkYellow),
                    (true, Tone::Bad) => cell.fg(Color::Red),
                    (true, Tone::Quiet) => cell.fg(Color::DarkGrey),
                    (true, Tone::Plain) | (false, _) => cell,
                }
            }));
        }
        for (i, (column, name)) in table.column_iter_mut().zip(head).enumerate() {
            if name.starts_with('>') {
                column.set_cell_alignment(CellAlignment::Right);
            }
            column.set_padding((if i == 0 { 0 } else { 2 }, 0));
        }
        table.trim_fmt()
    }
}
