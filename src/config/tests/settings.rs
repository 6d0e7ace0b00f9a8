//! Tests over every declared setting: the shipped files, both bounds, and faults of any text.

use super::*;

/// The shipped file of a form.
fn shipped(form: Form) -> &'static str {
    match form {
        Form::Service => SERVICE,
        Form::Strategy(Rules::SplitArb(Style::Legged)) => LEGGED,
        Form::Strategy(Rules::SplitArb(Style::Simultaneous)) => SIMULTANEOUS,
        Form::Strategy(Rules::Momentum(Mode::Directional)) => DIRECTIONAL,
        Form::Strategy(Rules::Momentum(Mode::Predictive)) => PREDICTIVE,
        Form::Strategy(Rules::Momentum(Mode::Confirmatory)) => CONFIRMATORY,
        Form::Strategy(Rules::NbaSwing) => NBA_SWING,
        Form::Strategy(Rules::Drill) => include_str!("../../../docs/examples/drill.toml"),
    }
}

/// The comment right above a setting in a file, and the number of the setting's line.
fn comment(text: &str, section: &str, key: &str) -> (String, usize) {
    let lines: Vec<&str> = text.lines().collect();
    let header = lines.iter().position(|line| *line == format!("[{section}]")).unwrap();
    let at = (header..lines.len())
        // What has no value unless somebody gives one is stated as a comment.
        .find(|at| lines[*at].trim_start_matches("# ").starts_with(&format!("{key} = ")))
        .unwrap_or_else(|| panic!("{section}.{key} is not in the file"));
    let above: Vec<&str> =
        lines[..at].iter().rev().map_while(|line| line.strip_prefix('#')).map(str::trim).collect();
    (above.into_iter().rev().collect::<Vec<_>>().join(" "), at)
}

#[test]
fn the_shipped_files_state_and_explain_every_setting_as_it_is_declared() {
    for form in Form::ALL {
        for section in settings(form) {
            for setting in section.settings {
                let (comment, _) = comment(shipped(form), section.name, setting.key);
                let place = format!("{}.{}: {comment}", section.name, setting.key);
                let bounds = setting.range.to_string();
                match setting.range {
                    Range::Decimal { .. } | Range::Whole { .. } | Range::Speed => {
                        assert!(comment.contains(&bounds), "{place}");
                    }
                    Range::Word(words) => {
                        let named = |word: &&str| comment.contains(&format!("\"{word}\""));
                        assert!(words.iter().all(named), "{place}");
                    }
                    Range::Switch | Range::Text | Range::Texts => {}
                    Range::Loopback | Range::Zone => {}
                }
                if let Preset::Value(text) = setting.default
                    && !matches!(section.name, "restart" | "rollout")
                {
                    let said = comment.to_lowercase().replace('"', "");
                    assert!(said.contains(&format!("default {}", text.to_lowercase())), "{place}");
                }
                let class = match setting.applies {
                    Applies::Live => "live",
                    Applies::Restart => "restart",
                };
                match section.name {
                    "strategy" | "settings" => {
                        assert!(comment.contains(&format!(". {class}")), "{place}");
                    }
                    "risk" | "restart" | "rollout" => {
                        assert_eq!(setting.applies, Applies::Live, "{place}");
                    }
                    _ => assert_eq!(setting.applies, Applies::Restart, "{place}"),
                }
            }
        }
    }
}

#[test]
fn both_bounds_of_every_number_are_accepted_and_what_is_next_to_them_is_not() {
    for form in Form::ALL {
        for section in settings(form) {
            for setting in section.settings {
                let (min, max, step) = match setting.range {
                    Range::Decimal { min, max } => (micros(min), micros(max), 1),
                    Range::Whole { min, max } => {
                        let of = |number: u64| micros(&number.to_string());
                        (of(min), of(max), crate::price::MICROS)
                    }
                    Range::Word(_)
                    | Range::Switch
                    | Range::Text
                    | Range::Texts
                    | Range::Speed
                    | Range::Loopback
                    | Range::Zone => continue,
                };
                let refused = |number: i64| out_of_range(form, section.name, setting, number);
                assert_eq!([min, max].map(refused), [false; 2], "{}", setting.key);
                assert_eq!([min - step, max + step].map(refused), [true; 2], "{}", setting.key);
            }
        }
    }
}

fn micros(text: &str) -> i64 {
    crate::price::parse_micros(text).unwrap()
}

/// Tells whether the shipped file with another number of a setting is refused for its range.
fn out_of_range(form: Form, section: &str, setting: &Setting, number: i64) -> bool {
    let text = shipped(form);
    let (_, at) = comment(text, section, setting.key);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[at] = format!("{} = {}", setting.key, crate::price::decimal(number));
    let text = lines.join("\n");
    let faults = match form {
        Form::Service => service("p.toml", &text).err(),
        Form::Strategy(_) => load(&text).err(),
    };
    faults.unwrap_or_default().iter().any(|fault| {
        fault.key == format!("{section}.{}", setting.key) && fault.problem.contains("out of range")
    })
}

#[test]
fn every_setting_is_declared_once_and_explained() {
    for form in Form::ALL {
        for section in settings(form) {
            let mut keys: Vec<&str> = section.settings.iter().map(|setting| setting.key).collect();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys.len(), section.settings.len(), "{}", section.name);
            for setting in section.settings {
                assert!(setting.doc.ends_with('.'), "{}", setting.key);
            }
        }
    }
}

#[test]
fn a_band_of_prices_is_not_upside_down() {
    let band = "entry_price_min = 0.6\nentry_price_max = 0.6\n";
    let text = format!("{}{band}", least("legged"));
    assert_eq!(load(&text).unwrap().limits.entry.price_min, "0.6".parse().unwrap());
    let faults = load(&text.replace("max = 0.6", "max = 0.5")).unwrap_err();
    let said = faults.first().unwrap().to_string();
    assert!(said.contains("0.6 USDC a share are more than the highest limit"), "{said}");
}

/// Pieces that settings files are made of, right and wrong.
fn piece() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "[strategy]",
        "[settings]",
        "[[risk]]",
        "[risk]",
        "[feed]",
        "[api]",
        "[a.b.c]",
        "kind",
        "style",
        "market_prefixes",
        "size_shares",
        "target_sum_usdc",
        "listen",
        "token",
        "=",
        ".",
        ",",
        "\n",
        "\r\n",
        " ",
        "\"",
        "'",
        "\"split_arb\"",
        "\"legged\"",
        "1",
        "-0.5",
        "1e400",
        "nan",
        "0x",
        "_",
        "true",
        "[",
        "]",
        "{",
        "}",
        "#",
        "1979-05-27",
        "\u{feff}",
        "\u{e9}",
        "\u{0}",
        "\\",
        "\"\"\"",
    ]);
    prop_oneof![8 => words.prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)]
}

fn every_fault_lies_within(text: &str, faults: Vec<Fault>) {
    assert!(!faults.is_empty());
    let lines: Vec<&str> = text.split('\n').collect();
    for fault in faults {
        assert!((1..=lines.len()).contains(&fault.line), "{fault}");
        let width = lines[fault.line - 1].chars().count();
        assert!((1..=width + 1).contains(&fault.column), "{fault}");
        assert!(!fault.to_string().contains('\n'), "{fault}");
    }
}

proptest! {
    #[test]
    fn no_text_does_harm_and_every_fault_lies_in_its_file(
        text in prop_oneof![
            any::<String>(),
            prop::collection::vec(piece(), 0..60).prop_map(|pieces| pieces.concat()),
        ],
    ) {
        if let Err(faults) = load(&text) {
            every_fault_lies_within(&text, faults);
        }
        if let Err(faults) = service("p.toml", &text) {
            every_fault_lies_within(&text, faults);
        }
    }

    #[test]
    fn a_damaged_file_is_read_or_refused_with_faults_that_lie_in_it(
        at in 0..LEGGED.len(),
        cut in 0..40_usize,
        put in prop::collection::vec(piece(), 0..4).prop_map(|pieces| pieces.concat()),
    ) {
        let end = (at + cut).min(LEGGED.len());
        prop_assume!(LEGGED.is_char_boundary(at) && LEGGED.is_char_boundary(end));
        let text = format!("{}{put}{}", &LEGGED[..at], &LEGGED[end..]);
        if let Err(faults) = load(&text) {
            every_fault_lies_within(&text, faults);
        }
    }
}

#[test]
fn an_address_of_a_database_is_refused_in_the_file_and_not_repeated() {
    for key in ["path", "url_file"] {
        let text = format!(
            "[venue]\nkind = \"paper\"\n[feed]\nkind = \"tape\"\npaths = [\"a.jsonl\"]\n\
             [store]\n{key} = \"postgresql://ploy:s3cret@db/money\"\n"
        );
        let expected = format!(
            "p.toml:7:1: store.{key}: this is an address of a database, which may hold a password and never stands \
             in this file; expected the path of a file: `url_file` names one that holds the address"
        );
        check_service(&text, &[&expected]);
    }
}

#[test]
fn a_file_without_restart_settings_has_the_default_policy() {
    assert_eq!(load(&least("legged")).unwrap().restart, RestartPolicy::default());
    assert_eq!(load(LEGGED).unwrap().restart, RestartPolicy::default());
}
