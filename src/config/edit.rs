//! Edit: settings of a file set to other values as text; all that is not named stays as it is, comments too.

use toml_edit::{Array, DocumentMut, Item, Table, Value};

use super::fault::{Fault, Faults, shown};
use super::reader::{Reader, home};
use super::setting::{Range, Section, Setting};
use super::{Form, settings};

/// Returns the text of a file of a strategy with some settings said otherwise: `risk.order_burst` to `11`, or,
/// where there is no value, as its default. Whether the result is acceptable is asked of the reader, which knows
/// its lines. A number is written as it is given, a word needs no quotes, a list may be `btc-, eth-`.
///
/// # Errors
/// When the text is no TOML, a name has no section, or what stands there is none.
pub fn edited(
    path: &str,
    text: &str,
    sets: &[(String, Option<String>)],
) -> Result<String, Vec<Fault>> {
    Reader::new(path, text)?;
    let mut faults = Faults::new(path, text);
    let mut document: DocumentMut = match text.parse() {
        Ok(document) => document,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            faults.add(at, String::new(), format!("not valid TOML: {}", error.message()), None);
            return Err(faults.into_sorted());
        }
    };
    for (name, word) in sets {
        let Some((section, key)) = name.split_once('.') else {
            let problem = "a setting is named with its section, such as risk.order_burst";
            let hint = home(&all_sections(), name);
            faults.add(0, shown(name), problem.to_owned(), hint);
            continue;
        };
        let table = document.entry(section).or_insert_with(|| Item::Table(Table::new()));
        let Some(table) = table.as_table_like_mut() else {
            let problem = format!("not one section; it is written [{}], once", shown(section));
            faults.add(0, shown(section), problem, None);
            continue;
        };
        match (word, table.get_mut(key)) {
            (None, _) => drop(table.remove(key)),
            (Some(word), Some(Item::Value(stated))) => {
                let mut value = value(range(section, key), word);
                *value.decor_mut() = stated.decor().clone();
                *stated = value;
            }
            (Some(word), _) => {
                drop(table.insert(key, Item::Value(value(range(section, key), word))));
            }
        }
    }
    let faults = faults.into_sorted();
    if faults.is_empty() { Ok(document.to_string()) } else { Err(faults) }
}

fn all_sections() -> Vec<Section> {
    Form::ALL.into_iter().filter(|form| *form != Form::Service).flat_map(settings).collect()
}

/// Returns what the setting of this name accepts; nothing for one that no strategy has.
fn range(section: &str, key: &str) -> Option<Range> {
    let sections = all_sections();
    let mut named = sections.iter().filter(|one| one.name == section);
    let setting: Option<&Setting> = named.find_map(|section| section.setting(key));
    setting.map(|setting| setting.range)
}

/// Returns a word as it stands in a file. What does not fit is for the reader to say.
fn value(range: Option<Range>, word: &str) -> Value {
    let literal = word.trim().parse::<Value>().ok().map(|mut literal| {
        literal.decor_mut().clear();
        literal
    });
    match range {
        Some(Range::Word(_) | Range::Text | Range::Speed | Range::Loopback | Range::Zone) => {
            literal.filter(Value::is_str).unwrap_or_else(|| Value::from(word))
        }
        Some(Range::Texts) => literal.filter(Value::is_array).unwrap_or_else(|| {
            let plain = |item: &str| item.trim().trim_matches('"').to_owned();
            Value::Array(word.split(',').map(plain).collect::<Array>())
        }),
        Some(Range::Decimal { .. } | Range::Whole { .. } | Range::Switch) | None => {
            literal.unwrap_or_else(|| Value::from(word))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# About it.\n[strategy]\nkind = \"split_arb\" # which\nenabled = true\n\n\
        [risk]\n# Orders at once.\norder_burst = 3   # few\norder_rate_per_minute = 60\n";

    fn check(sets: &[(&str, Option<&str>)], from: &str, to: &str) {
        let sets: Vec<(String, Option<String>)> =
            sets.iter().map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned))).collect();
        assert!(TEXT.contains(from), "{from}");
        assert_eq!(edited("a.toml", TEXT, &sets).unwrap(), TEXT.replace(from, to));
    }

    #[test]
    fn only_the_value_changes_and_its_comments_stay() {
        check(&[("risk.order_burst", Some("11"))], "= 3 ", "= 11 ");
        check(&[("risk.order_burst", Some(" 1_1 "))], "= 3 ", "= 1_1 ");
        check(&[("strategy.enabled", Some("false"))], "= true", "= false");
        check(&[("risk.order_burst", Some("3"))], "= 3 ", "= 3 ");
    }

    #[test]
    fn a_word_needs_no_quotes_and_a_list_no_brackets() {
        check(&[("strategy.kind", Some("momentum"))], "\"split_arb\"", "\"momentum\"");
        check(&[("strategy.kind", Some("\"momentum\""))], "\"split_arb\"", "\"momentum\"");
        let list = "\n[settings]\nmarket_prefixes = [\"btc-\", \"eth-\"]\n";
        let with = format!("minute = 60\n{list}");
        for word in ["btc-, eth-", "[\"btc-\", \"eth-\"]", "\"btc-\",\"eth-\""] {
            check(&[("settings.market_prefixes", Some(word))], "minute = 60\n", &with);
        }
    }

    #[test]
    fn a_new_setting_stands_at_the_end_of_its_section_and_one_can_be_left_out() {
        check(
            &[("risk.day_starts_at_min", Some("60"))],
            "minute = 60\n",
            "minute = 60\nday_starts_at_min = 60\n",
        );
        check(&[("risk.order_rate_per_minute", None)], "order_rate_per_minute = 60\n", "");
    }

    /// What somebody gives for a value stays one value.
    #[test]
    fn no_value_can_bring_in_other_settings() {
        for word in ["3\nenabled = false", "3 # x\n[restart]", "\"", "[", "1 }"] {
            let sets = [("risk.order_burst".to_owned(), Some(word.to_owned()))];
            let text = edited("a.toml", TEXT, &sets).unwrap();
            let faults = super::super::strategy("a.toml", "a".parse().unwrap(), &text).unwrap_err();
            let is_named = |fault: &Fault| fault.key == "risk.order_burst";
            assert!(faults.iter().any(is_named), "{word}: {faults:#?}");
            assert!(text.contains("enabled = true") && !text.contains("[restart]\n"), "{text}");
        }
    }

    #[test]
    fn a_name_without_a_section_is_sent_home() {
        let sets = [("order_burst".to_owned(), Some("3".to_owned()))];
        let faults = edited("a.toml", TEXT, &sets).unwrap_err();
        assert_eq!(
            faults[0].to_string(),
            "a.toml:1:1: order_burst: a setting is named with its section, such as \
             risk.order_burst (it belongs in [risk])"
        );
        assert_eq!(edited("a.toml", "[risk", &[]).unwrap_err().len(), 1);
    }
}
