//! Tests of what is made of the declarations: changes, templates, schemas.

use super::*;
use serde_json::Value as Json;

fn forms() -> impl Iterator<Item = Rules> {
    Form::ALL.into_iter().filter_map(|form| match form {
        Form::Service => None,
        Form::Strategy(rules) => Some(rules),
    })
}

fn loaded(text: &str) -> StrategyConfig {
    strategy("a.toml", "a".parse().unwrap(), text).unwrap()
}

#[test]
fn a_new_file_of_every_kind_loads_and_is_not_enabled() {
    for rules in forms() {
        let text = new_file(rules);
        let config = strategy("new.toml", "new".parse().unwrap(), &text);
        let config = config.unwrap_or_else(|faults| panic!("{rules:?}: {faults:?}\n{text}"));
        assert!(!config.enabled, "{rules:?}");
        assert_eq!(config.kind.name(), rules.kind());
        assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
        for section in settings(Form::Strategy(rules)) {
            for setting in section.settings {
                let stated = text.lines().any(|line| {
                    let line = line.strip_prefix("# ").unwrap_or(line);
                    line.starts_with(&format!("{} = ", setting.key))
                });
                assert!(stated, "{}", setting.key);
            }
        }
    }
}

#[test]
fn what_a_file_means_is_told_in_full_with_where_it_comes_from() {
    let config = loaded(LEGGED);
    let all: usize = settings(Form::Strategy(Rules::SplitArb(Style::Legged)))
        .iter()
        .map(|section| section.settings.len())
        .sum();
    assert_eq!(config.stated.len(), all);
    let bare = loaded(&LEGGED.replace("book_age_ms_max = 5000\n", ""));
    let age = |config: &StrategyConfig| {
        config.stated.iter().find(|stated| stated.key == "book_age_ms_max").cloned().unwrap()
    };
    assert_eq!((age(&config).value.as_str(), age(&config).origin), ("5000", Origin::File));
    assert_eq!((age(&bare).value.as_str(), age(&bare).origin), ("5000", Origin::Default));
    assert_eq!(changes(&config.stated, &bare.stated), []);
    assert_eq!(config.version, bare.version);
}

#[track_caller]
fn changed(from: &str, to: &str, wanted: &[(&str, Option<&str>, Option<&str>)]) -> Vec<Change> {
    let all = changes(&loaded(from).stated, &loaded(to).stated);
    let said: Vec<_> = all
        .iter()
        .map(|change| (change.key, change.from.as_deref(), change.to.as_deref()))
        .collect();
    assert_eq!(said, wanted);
    all
}

#[test]
fn a_change_tells_from_what_to_what_and_what_it_needs() {
    let cheaper = LEGGED.replace("entry_price_max_usdc = 0.35", "entry_price_max_usdc = 0.3");
    let all = changed(LEGGED, &cheaper, &[("entry_price_max_usdc", Some("0.35"), Some("0.3"))]);
    assert_eq!(needs(&all), Some(Applies::Live));

    let both = cheaper.replace(r#"["btc-updown-15m-"]"#, r#"["btc-"]"#);
    let all = changed(
        LEGGED,
        &both,
        &[
            ("market_prefixes", Some(r#"["btc-updown-15m-"]"#), Some(r#"["btc-"]"#)),
            ("entry_price_max_usdc", Some("0.35"), Some("0.3")),
        ],
    );
    assert_eq!(needs(&all), Some(Applies::Restart));
    assert_eq!(needs(&[]), None);
}

#[test]
fn comments_order_and_spelling_are_no_change() {
    let respelled = LEGGED.replace("unhedged_stop_frac = 0.10", "unhedged_stop_frac = 0.1 # less");
    assert_ne!(respelled, LEGGED);
    changed(LEGGED, &respelled, &[]);
}

#[test]
fn a_setting_that_only_one_style_has_comes_or_goes() {
    let all = changes(&loaded(LEGGED).stated, &loaded(SIMULTANEOUS).stated);
    let slack = all.iter().find(|change| change.key == "hedge_slack_usdc").unwrap();
    assert_eq!((slack.from.as_deref(), slack.to.as_deref()), (Some("0.08"), None));
    assert_eq!(needs(&all), Some(Applies::Restart));
}

/// Says what of a file a schema refuses; only what our schemas use is understood.
fn refused(schema: &Json, value: &toml::Value, place: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if let Some(cases) = schema["oneOf"].as_array() {
        let fits = cases.iter().filter(|case| refused(case, value, place).is_empty()).count();
        if fits != 1 {
            faults.push(format!("{place}: {fits} cases fit"));
        }
    }
    if let Some(wanted) = schema.get("const")
        && value.as_str() != wanted.as_str()
    {
        faults.push(format!("{place}: not {wanted}"));
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.iter().any(|word| value.as_str() == word.as_str())
    {
        faults.push(format!("{place}: none of {words:?}"));
    }
    let float = |json: &Json| json.as_f64();
    let number: Option<f64> = value.as_float().or_else(|| value.to_string().parse().ok());
    let fits_type = match schema["type"].as_str() {
        Some("object") => value.is_table(),
        Some("number") => number.is_some(),
        Some("integer") => value.is_integer(),
        Some("string") => value.is_str(),
        Some("boolean") => value.is_bool(),
        Some("array") => value.is_array(),
        other => panic!("{place}: the type {other:?}"),
    };
    if !fits_type {
        faults.push(format!("{place}: {value} is no {}", schema["type"]));
    }
    if let (Some(number), Some(min), Some(max)) =
        (number, float(&schema["minimum"]), float(&schema["maximum"]))
        && !(min..=max).contains(&number)
    {
        faults.push(format!("{place}: {number} is out of {min} to {max}"));
    }
    if let (Some(table), Some(known)) = (value.as_table(), schema["properties"].as_object()) {
        for (key, inner) in table {
            match known.get(key) {
                Some(schema) => faults.extend(refused(schema, inner, &format!("{place}.{key}"))),
                None => faults.push(format!("{place}.{key}: unknown")),
            }
        }
        for key in schema["required"].as_array().into_iter().flatten() {
            if !table.contains_key(key.as_str().unwrap()) {
                faults.push(format!("{place}: {key} is missing"));
            }
        }
    }
    faults
}

#[track_caller]
fn check_schema(schema: &Json, text: &str, is_fine: bool) {
    let value = toml::Value::Table(text.parse().unwrap());
    let faults = refused(schema, &value, "file");
    assert_eq!(faults.is_empty(), is_fine, "{faults:?}");
}

#[test]
fn the_schema_accepts_what_loads_and_refuses_what_does_not() {
    let schema = strategy_schema();
    for rules in forms() {
        check_schema(&schema, &new_file(rules), true);
    }
    for text in [LEGGED, SIMULTANEOUS, DIRECTIONAL, PREDICTIVE, CONFIRMATORY, NBA_SWING] {
        check_schema(&schema, text, true);
    }
    check_schema(&service_schema(), SERVICE, true);
    for (right, wrong) in [
        ("size_shares = 20", "size_shares = 4"),
        ("size_shares = 20", "size_share = 20"),
        ("enabled = true", "enabled = \"yes\""),
        ("style = \"legged\"", "style = \"simultaneous\""),
        ("kind = \"split_arb\"", "kind = \"momentum\""),
    ] {
        assert!(LEGGED.contains(right));
        check_schema(&schema, &LEGGED.replace(right, wrong), false);
    }
}
