//! Templates: a commented file of every kind of strategy, with all its settings, to be edited.

use std::fmt::Write as _;

use super::setting::{Applies, Preset, Range, Section, Setting};
use super::{Form, Rules, settings};

/// How wide a line of a comment is.
const WIDTH: usize = 110;

/// Returns a file for a new strategy with these rules: every setting with its default, explained. It is not
/// enabled, and its limits are the least that are allowed: somebody has to think about both.
#[must_use]
pub fn new_file(rules: Rules) -> String {
    let mut text = String::new();
    comment(&mut text, &format!("{}.", rules.title()));
    text.push_str("#\n");
    comment(
        &mut text,
        "Every comment ends with the setting's class: `live` can be taken over by the running strategy, \
         `restart` needs a restart of this strategy. Limits stand at their least: set them to what you can \
         lose, then set `enabled`.",
    );
    for section in settings(Form::Strategy(rules)) {
        let _infallible = writeln!(text, "\n[{}]", section.name);
        for setting in section.settings {
            comment(&mut text, &explained(setting));
            // What follows from other settings is not stated, or it would follow no more.
            let follows = matches!(setting.default, Preset::Derived(_));
            let off = if follows && setting.range != Range::Texts { "# " } else { "" };
            let value = first_value(rules, &section, setting);
            let _infallible = writeln!(text, "{off}{} = {value}", setting.key);
        }
    }
    text
}

/// Returns what a setting means, in one paragraph: unit, range, default, class.
#[must_use]
pub fn explained(setting: &Setting) -> String {
    let unit = match setting.unit {
        "" => String::new(),
        unit => {
            let mut letters = unit.chars();
            let first = letters.next().map(|first| first.to_uppercase().to_string());
            format!(" {}{},", first.unwrap_or_default(), letters.as_str())
        }
    };
    let default = match setting.default {
        Preset::Required => String::new(),
        Preset::Value(text) => format!(", default {text}"),
        Preset::Derived(words) => format!(", default: {words}"),
    };
    let class = match setting.applies {
        Applies::Live => "live",
        Applies::Restart => "restart",
    };
    let range = setting.range.to_string();
    format!("{}{unit} {range}{default}. {class}", setting.doc)
}

/// The value a new file begins with.
fn first_value(rules: Rules, section: &Section, setting: &Setting) -> String {
    if (section.name, setting.key) == ("strategy", "kind") {
        return quoted(rules.kind());
    }
    if let Some((key, word)) = rules.choice()
        && (section.name, setting.key) == ("settings", key)
    {
        return quoted(word);
    }
    match (setting.default, setting.range) {
        (_, Range::Switch) if setting.key == "enabled" => "false".to_owned(),
        (Preset::Value(text), Range::Decimal { .. } | Range::Whole { .. } | Range::Switch) => {
            text.to_owned()
        }
        (Preset::Value(text), Range::Texts) => format!("[{}]", quoted(text)),
        (
            Preset::Value(text),
            Range::Word(_) | Range::Text | Range::Speed | Range::Loopback | Range::Zone,
        ) => quoted(text),
        (Preset::Required | Preset::Derived(_), range) => match setting.example {
            Some(text) => text.to_owned(),
            None => least(setting.key, range),
        },
    }
}

/// The least that is accepted, or an example where there is no least.
fn least(key: &str, range: Range) -> String {
    let example = || quoted(&format!("{}-", key.split('_').next().unwrap_or_default()));
    match range {
        Range::Decimal { min, .. } => min.to_owned(),
        Range::Whole { min, .. } => min.to_string(),
        Range::Word(words) => quoted(words.first().copied().unwrap_or_default()),
        Range::Switch => "false".to_owned(),
        Range::Text => example(),
        Range::Texts => format!("[{}]", example()),
        Range::Speed => quoted("1x"),
        Range::Loopback => quoted("127.0.0.1:8080"),
        Range::Zone => quoted("UTC"),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// Adds a comment, broken into lines.
fn comment(text: &mut String, words: &str) {
    let mut line = String::from("#");
    for word in words.split_whitespace() {
        if WIDTH < line.chars().count() + 1 + word.chars().count() {
            text.push_str(&line);
            text.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}
