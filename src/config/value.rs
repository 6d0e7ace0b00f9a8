//! One value: from the text of a file to a number, word, text, speed or address that its setting accepts.

use std::fmt;
use std::net::SocketAddr;

use toml::de::{DeFloat, DeInteger, DeValue};

use crate::price::{MICROS, OutOfRange, decimal, parse_micros};
use crate::zone::{NoZone, Zone};

use super::fault::{nearest, shown};
use super::setting::{Range, Setting};
use super::speed::Speed;

/// A value that its setting accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Millionths of the unit.
    Decimal(i64),
    Whole(u64),
    Switch(bool),
    Text(String),
    Texts(Vec<String>),
    Speed(Speed),
    Address(SocketAddr),
    Zone(Zone),
}

/// A value that its setting does not accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unfit {
    /// What was found, where the literal of the file is not the best way to say it.
    pub(super) found: Option<String>,
    /// The rest of the sentence.
    pub(super) problem: String,
    pub(super) hint: Option<String>,
}

/// Reads what the file says for a setting.
pub(super) fn parse(setting: &Setting, value: &DeValue<'_>) -> Result<Value, Unfit> {
    match value {
        DeValue::String(text) => parse_text(setting, text),
        DeValue::Integer(number) => parse_integer(setting, number),
        DeValue::Float(number) => parse_float(setting, number),
        DeValue::Boolean(on) => match setting.range {
            Range::Switch => Ok(Value::Switch(*on)),
            Range::Decimal { .. }
            | Range::Whole { .. }
            | Range::Word(_)
            | Range::Text
            | Range::Texts
            | Range::Speed
            | Range::Loopback
            | Range::Zone => Err(wrong(setting, None)),
        },
        DeValue::Array(items) if setting.range == Range::Texts => {
            let texts: Option<Vec<String>> = items
                .iter()
                .map(|item| item.get_ref().as_str().filter(|text| !is_blank(text)))
                .map(|text| text.map(str::to_owned))
                .collect();
            texts
                .filter(|texts| !texts.is_empty())
                .map(Value::Texts)
                .ok_or_else(|| wrong(setting, None))
        }
        DeValue::Array(_) => Err(wrong(setting, Some("a list"))),
        DeValue::Table(_) => Err(wrong(setting, Some("a section"))),
        DeValue::Datetime(_) => Err(wrong(setting, Some("a date or time"))),
    }
}

/// Returns a declared default.
pub(super) fn preset(setting: &Setting, text: &str) -> Value {
    let value = match setting.range {
        Range::Decimal { .. } => parse_micros(text).ok().map(Value::Decimal),
        Range::Whole { .. } => text.parse().ok().map(Value::Whole),
        Range::Switch => text.parse().ok().map(Value::Switch),
        Range::Texts => Some(Value::Texts(vec![text.to_owned()])),
        Range::Word(_) | Range::Text | Range::Speed | Range::Loopback | Range::Zone => {
            parse_text(setting, text).ok()
        }
    };
    value.expect("a declared default is one that its setting accepts")
}

fn parse_text(setting: &Setting, text: &str) -> Result<Value, Unfit> {
    let quoted = format!("\"{}\"", shown(text));
    let wrong = || wrong(setting, Some(&quoted));
    match setting.range {
        Range::Text if is_blank(text) => Err(wrong()),
        Range::Text => Ok(Value::Text(text.to_owned())),
        Range::Word(words) if words.contains(&text) => Ok(Value::Text(text.to_owned())),
        Range::Word(words) => Err(Unfit {
            hint: nearest(text, words.iter().copied())
                .map(|near| format!("did you mean \"{near}\"?")),
            ..wrong()
        }),
        Range::Speed => text.parse().ok().map(Value::Speed).ok_or_else(wrong),
        Range::Loopback => parse_address(setting, text),
        Range::Zone => parse_zone(setting, text),
        Range::Texts => {
            Err(Unfit { hint: Some(format!("a list stands in brackets: [{quoted}]")), ..wrong() })
        }
        Range::Decimal { .. } | Range::Whole { .. } | Range::Switch => {
            let bare = parse_micros(text).is_ok() || matches!(text, "true" | "false");
            Err(Unfit { hint: bare.then(|| format!("write it without quotes: {text}")), ..wrong() })
        }
    }
}

fn parse_zone(setting: &Setting, text: &str) -> Result<Value, Unfit> {
    let near = || nearest(text, Zone::names()).map(|near| format!("did you mean \"{near}\"?"));
    text.parse().map(Value::Zone).map_err(|_unknown: NoZone| Unfit {
        hint: near(),
        ..wrong(setting, Some(&format!("\"{}\"", shown(text))))
    })
}

fn parse_address(setting: &Setting, text: &str) -> Result<Value, Unfit> {
    let quoted = format!("\"{}\"", shown(text));
    match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().to_canonical().is_loopback() => Ok(Value::Address(address)),
        Ok(_) => Err(Unfit {
            found: Some(quoted),
            problem: format!(
                "can be reached from other machines, and there is no authentication yet; expected {}",
                setting.expected()
            ),
            hint: None,
        }),
        Err(_) => Err(wrong(setting, Some(&quoted))),
    }
}

fn parse_integer(setting: &Setting, number: &DeInteger<'_>) -> Result<Value, Unfit> {
    let digits = number.as_str().replace('_', "");
    let value = i128::from_str_radix(&digits, number.radix()).ok();
    match setting.range {
        Range::Decimal { min, max } => {
            let micros = value
                .and_then(|value| value.checked_mul(i128::from(MICROS)))
                .and_then(|micros| i64::try_from(micros).ok());
            within(setting, micros, (min, max))
        }
        Range::Whole { min, max } => value
            .and_then(|value| u64::try_from(value).ok())
            .filter(|value| (min..=max).contains(value))
            .map(Value::Whole)
            .ok_or_else(|| out_of_range(setting)),
        Range::Speed => Err(Unfit {
            hint: Some(format!("write \"{}x\"", shown(&digits))),
            ..wrong(setting, None)
        }),
        Range::Word(_) | Range::Switch | Range::Text | Range::Texts => Err(wrong(setting, None)),
        Range::Loopback | Range::Zone => Err(wrong(setting, None)),
    }
}

fn parse_float(setting: &Setting, number: &DeFloat<'_>) -> Result<Value, Unfit> {
    let Range::Decimal { min, max } = setting.range else {
        return Err(wrong(setting, None));
    };
    let literal = number.as_str().replace('_', "");
    let plain = literal.strip_prefix('+').unwrap_or(&literal);
    if plain.contains(['e', 'E']) {
        return Err(Unfit {
            hint: Some("write it without an exponent".to_owned()),
            ..wrong(setting, None)
        });
    }
    if plain.contains(['i', 'n']) {
        return Err(wrong(setting, None));
    }
    match parse_micros(plain) {
        Ok(micros) => within(setting, Some(micros), (min, max)),
        Err(OutOfRange::TooFine(_)) => Err(Unfit {
            found: None,
            problem: format!(
                "has more than six decimals, which is finer than money is counted; expected {}",
                setting.expected()
            ),
            hint: None,
        }),
        Err(
            OutOfRange::NotANumber(_)
            | OutOfRange::Price(_)
            | OutOfRange::Size(_)
            | OutOfRange::Amount(_),
        ) => Err(out_of_range(setting)),
    }
}

/// Holds a number of millionths against its bounds; nothing stands for one too large to count.
fn within(
    setting: &Setting,
    micros: Option<i64>,
    (min, max): (&str, &str),
) -> Result<Value, Unfit> {
    let (low, high) = (bound(min), bound(max));
    match micros {
        Some(micros) if (low..=high).contains(&micros) => Ok(Value::Decimal(micros)),
        Some(micros) => {
            // At most one of the unit, and a hundredth of it would fit: cents or percent were meant.
            let hundredth = micros / 100;
            let meant = high <= MICROS && high < micros && (low..=high).contains(&hundredth);
            let other = match setting.unit {
                "fraction" => "a fraction, not a percentage",
                _ => "in USDC, not in cents",
            };
            Err(Unfit {
                hint: meant.then(|| format!("it is {other}: did you mean {}?", decimal(hundredth))),
                ..out_of_range(setting)
            })
        }
        None => Err(out_of_range(setting)),
    }
}

fn bound(text: &str) -> i64 {
    parse_micros(text).expect("a declared bound is a number")
}

fn wrong(setting: &Setting, found: Option<&str>) -> Unfit {
    Unfit {
        found: found.map(str::to_owned),
        problem: format!("is not {}; expected {}", setting.noun(), setting.range),
        hint: None,
    }
}

fn out_of_range(setting: &Setting) -> Unfit {
    Unfit {
        found: None,
        problem: format!("is out of range; expected {}", setting.expected()),
        hint: None,
    }
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

macro_rules! accessor {
    ($($name:ident: $variant:ident($inner:ident) -> $type:ty = $out:expr;)*) => {
        impl Value {
            $(pub(super) fn $name(&self) -> Option<$type> {
                if let Self::$variant($inner) = self { Some($out) } else { None }
            })*
        }
    };
}
accessor! {
    as_decimal: Decimal(micros) -> i64 = *micros;
    as_whole: Whole(number) -> u64 = *number;
    as_switch: Switch(on) -> bool = *on;
    as_text: Text(text) -> &str = text;
    as_texts: Texts(texts) -> &[String] = texts;
    as_speed: Speed(speed) -> Speed = *speed;
    as_address: Address(address) -> SocketAddr = *address;
    as_zone: Zone(zone) -> Zone = *zone;
}

/// The canonical text: equal values are written equally, whatever the file's spelling was.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decimal(micros) => f.write_str(&decimal(*micros)),
            Self::Whole(number) => number.fmt(f),
            Self::Switch(on) => on.fmt(f),
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::Texts(texts) => {
                let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
                write!(f, "[{}]", texts.join(", "))
            }
            Self::Speed(speed) => speed.fmt(f),
            Self::Address(address) => address.fmt(f),
            Self::Zone(zone) => f.write_str(&quoted(zone.name())),
        }
    }
}

/// Quotes a text the way JSON does, which no version of a compiler changes.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is valid JSON")
}
