//! JSON Schema of the settings' files, for editors: made of the same declarations that read them.

use serde_json::{Map, Value, json};

use super::setting::{Applies, Preset, Range, Section, Setting};
use super::{Form, Rules, settings};
use crate::price::parse_micros;

/// Returns the JSON Schema (draft 07, which editors of TOML understand) of the file of the service.
#[must_use]
pub fn service_schema() -> Value {
    let mut schema = object(&settings(Form::Service));
    schema.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
    schema.insert("title".to_owned(), json!("ploy.toml: the service"));
    Value::Object(schema)
}

/// Returns the JSON Schema (draft 07) of a strategy's file: the settings follow from its kind, and from the
/// style or mode where the kind has one.
#[must_use]
pub fn strategy_schema() -> Value {
    let forms = Form::ALL.into_iter().filter_map(|form| match form {
        Form::Service => None,
        Form::Strategy(rules) => Some(rules),
    });
    let cases: Vec<Value> = forms.map(case).collect();
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "strategies/<id>.toml: one strategy",
        "type": "object",
        "required": ["strategy", "settings", "risk"],
        "oneOf": cases,
    })
}

/// The file of one kind, and style or mode: the words that choose it are fixed.
fn case(rules: Rules) -> Value {
    let mut schema = object(&settings(Form::Strategy(rules)));
    let mut chosen = vec![("strategy", "kind", rules.kind())];
    chosen.extend(rules.choice().map(|(key, word)| ("settings", key, word)));
    for (section, key, word) in chosen {
        let place = schema
            .get_mut("properties")
            .and_then(|sections| sections.get_mut(section))
            .and_then(|section| section.get_mut("properties"))
            .and_then(|settings| settings.get_mut(key));
        if let Some(setting) = place.and_then(Value::as_object_mut) {
            setting.remove("enum");
            setting.insert("const".to_owned(), json!(word));
        }
    }
    schema.insert("title".to_owned(), json!(rules.title()));
    Value::Object(schema)
}

fn object(sections: &[Section]) -> Map<String, Value> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for section in sections {
        let needed: Vec<&str> = section.required().map(|setting| setting.key).collect();
        if !needed.is_empty() {
            required.push(section.name);
        }
        let settings: Map<String, Value> = section
            .settings
            .iter()
            .map(|setting| (setting.key.to_owned(), property(setting)))
            .collect();
        let section_schema = json!({
            "type": "object",
            "additionalProperties": false,
            "required": needed,
            "properties": settings,
        });
        properties.insert(section.name.to_owned(), section_schema);
    }
    let schema = json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    });
    match schema {
        Value::Object(schema) => schema,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}

fn property(setting: &Setting) -> Value {
    let mut property = match setting.range {
        Range::Decimal { min, max } => json!({
            "type": "number", "minimum": number(min), "maximum": number(max),
        }),
        Range::Whole { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Range::Word(words) => json!({"type": "string", "enum": words}),
        Range::Switch => json!({"type": "boolean"}),
        Range::Text | Range::Loopback | Range::Zone => json!({"type": "string", "minLength": 1}),
        Range::Texts => json!({
            "type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1},
        }),
        Range::Speed => json!({"type": "string", "pattern": r"^(max|[0-9]+(\.[0-9]+)?x)$"}),
    };
    if let Some(object) = property.as_object_mut() {
        object.insert("description".to_owned(), json!(described(setting)));
        if let Preset::Value(text) = setting.default {
            object.insert("default".to_owned(), preset(setting, text));
        }
    }
    property
}

/// What it means, what is accepted, what holds where it is not said, and what a change needs.
fn described(setting: &Setting) -> String {
    let class = match setting.applies {
        Applies::Live => "live",
        Applies::Restart => "restart",
    };
    let default = match setting.default {
        Preset::Required => String::new(),
        Preset::Value(text) => format!(" Default {text}."),
        Preset::Derived(words) => format!(" Default: {words}."),
    };
    format!("{} Expected {}.{default} {class}", setting.doc, setting.expected())
}

fn preset(setting: &Setting, text: &str) -> Value {
    match setting.range {
        Range::Decimal { .. } => number(text),
        Range::Whole { .. } => text.parse::<u64>().map_or(Value::Null, Value::from),
        Range::Switch => json!(text == "true"),
        Range::Texts => json!([text]),
        Range::Word(_) | Range::Text | Range::Speed => json!(text),
        Range::Loopback | Range::Zone => json!(text),
    }
}

/// A decimal text as a JSON number: a whole one as an integer. The digits are those of the declaration.
fn number(text: &str) -> Value {
    let plain = parse_micros(text).map(crate::price::decimal);
    let plain = plain.unwrap_or_else(|_| text.to_owned());
    serde_json::from_str(&plain).unwrap_or(Value::Null)
}
