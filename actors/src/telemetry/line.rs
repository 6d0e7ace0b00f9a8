//! One log line: flat JSON with OpenTelemetry's names for machines, or one readable line for people.

use std::borrow::Cow;
use std::fmt::Write as _;

use ploy::time::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use tracing::Level;

/// A field's name: mostly a literal in the program.
pub(super) type Name = Cow<'static, str>;

/// What one event says.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) at: Timestamp,
    pub(super) level: Level,
    pub(super) message: String,
    pub(super) run: &'a str,
    /// By name, of the spans around it from the outermost to the innermost, then its own.
    pub(super) fields: Vec<(Name, Value)>,
    pub(super) module: String,
}

/// The keys that every line has of its own; a field of such a name is shown as `field.<name>`.
const OWN_KEYS: [&str; 7] =
    ["timestamp", "level", "message", "service.name", "service.version", "run.id", "code.module"];
/// These come first, in this order, so that lines are alike.
const FIRST_KEYS: [&str; 4] = ["event.name", "strategy.id", "market.id", "order.id"];

impl Line<'_> {
    /// Returns the line as one JSON object, with its line feed.
    pub(super) fn json(&self) -> String {
        // Text and numbers always serialize; if not, the failure itself is worth a line.
        let mut text = serde_json::to_string(self)
            .unwrap_or_else(|error| format!(r#"{{"level":"error","message":"log: {error}"}}"#));
        text.push('\n');
        text
    }

    /// Returns the line for a terminal, with its line feed.
    pub(super) fn pretty(&self, colour: Colour) -> String {
        let (on, off) = colour.of(self.level);
        let strategy = self.text("strategy.id").unwrap_or_default();
        let at = timestamp(self.at);
        let clock = at.get(11..23).unwrap_or(&at);
        let level = level_name(self.level);
        let mut line = format!("{clock} {on}{level:<5}{off} ");
        if !strategy.is_empty() {
            push_plain(&mut line, strategy);
            line.push_str(": ");
        }
        push_plain(&mut line, &self.message);
        for (name, value) in self.ordered() {
            if matches!(name, "strategy.id" | "event.name") {
                continue;
            }
            line.push(' ');
            push_plain(&mut line, name);
            line.push('=');
            match value {
                Value::String(text) => push_plain(&mut line, text),
                other @ (Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::Array(_)
                | Value::Object(_)) => line.push_str(&other.to_string()),
            }
        }
        line.push('\n');
        line
    }

    fn text(&self, wanted: &str) -> Option<&str> {
        let (_, value) = self.fields.iter().find(|(name, _)| name == wanted)?;
        value.as_str()
    }

    /// The fields, the best known names first.
    fn ordered(&self) -> impl Iterator<Item = (&str, &Value)> {
        let rank = |name: &str| FIRST_KEYS.iter().position(|first| *first == name);
        let mut fields: Vec<_> = self.fields.iter().collect();
        fields.sort_by_key(|(name, _)| rank(name).unwrap_or(FIRST_KEYS.len()));
        fields.into_iter().map(|(name, value)| (&**name, value))
    }
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("timestamp", &timestamp(self.at))?;
        map.serialize_entry("level", level_name(self.level))?;
        map.serialize_entry("message", &self.message)?;
        map.serialize_entry("service.name", "ploy")?;
        map.serialize_entry("service.version", env!("CARGO_PKG_VERSION"))?;
        map.serialize_entry("run.id", self.run)?;
        for (name, value) in self.ordered() {
            if OWN_KEYS.contains(&name) {
                map.serialize_entry(&format!("field.{name}"), value)?;
            } else {
                map.serialize_entry(name, value)?;
            }
        }
        map.serialize_entry("code.module", &self.module)?;
        map.end()
    }
}

/// Whether a terminal shows colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    On,
    Off,
}

impl Colour {
    const fn of(self, level: Level) -> (&'static str, &'static str) {
        match (self, level) {
            (Self::Off, _) => ("", ""),
            (Self::On, Level::ERROR) => ("\x1b[31m", "\x1b[0m"),
            (Self::On, Level::WARN) => ("\x1b[33m", "\x1b[0m"),
            (Self::On, Level::INFO) => ("\x1b[32m", "\x1b[0m"),
            (Self::On, Level::DEBUG | Level::TRACE) => ("\x1b[2m", "\x1b[0m"),
        }
    }
}

/// Returns the word for a level, as in the label of the metric.
pub(super) const fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// RFC 3339 in UTC, always with six decimals, so that lines sort as text.
fn timestamp(at: Timestamp) -> String {
    let second = at.micros() / 1_000_000 * 1_000_000;
    let whole = Timestamp::from_micros(second).to_string();
    let micros = at.micros() - second;
    format!("{}.{micros:06}Z", whole.trim_end_matches('Z'))
}

/// Appends text that stays on its line and gives the terminal no orders.
fn push_plain(line: &mut String, text: &str) {
    for c in text.chars() {
        if c.is_control() {
            // Writing to a string cannot fail.
            match write!(line, "{}", c.escape_default()) {
                Ok(()) | Err(_) => {}
            }
        } else {
            line.push(c);
        }
    }
}
