//! The tracing layer: gathers an event's fields and those of the spans around it into one flat line.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::OnceLock;

use ploy::time::Timestamp;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::counts::Counts;
use super::line::{Colour, Line, Name};
use super::redact::{clean, is_secret};
use super::sink::Sink;

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Json,
    Pretty(Colour),
}

/// Writes every event that passes the filter as one line.
#[derive(Debug)]
pub(super) struct LineLayer {
    pub(super) style: Style,
    pub(super) run: String,
    /// The run, once it is known that it is another.
    pub(super) known: &'static OnceLock<String>,
    pub(super) now: fn() -> Timestamp,
    pub(super) sink: Sink,
    pub(super) counts: &'static Counts,
}

/// The fields of one span or event.
#[derive(Debug, Default)]
struct Fields {
    named: Vec<(Name, Value)>,
    message: String,
}

impl<S> Layer<S> for LineLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        // The actor library has a span of its own around each actor: its number means nothing to a reader.
        let ours = !attributes.metadata().target().starts_with("ractor");
        if let Some(span) = context.span(id).filter(|_| ours) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        self.counts.event(*event.metadata().level());
        let mut fields = Fields::default();
        for span in
            context.event_scope(event).into_iter().flatten().collect::<Vec<_>>().iter().rev()
        {
            if let Some(outer) = span.extensions().get::<Fields>() {
                for (name, value) in &outer.named {
                    fields.set(name.clone(), value.clone());
                }
            }
        }
        event.record(&mut fields);
        let module = event.metadata().module_path();
        let line = Line {
            at: (self.now)(),
            level: *event.metadata().level(),
            message: fields.message,
            run: self.known.get().unwrap_or(&self.run),
            fields: fields.named,
            module: module.unwrap_or(event.metadata().target()).to_owned(),
        };
        self.sink.send(match self.style {
            Style::Json => line.json(),
            Style::Pretty(colour) => line.pretty(colour),
        });
    }
}

impl Fields {
    /// Sets a field; the same name again replaces it, so that the innermost counts.
    fn set(&mut self, name: Name, value: Value) {
        match self.named.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.named.push((name, value)),
        }
    }

    fn text(&mut self, field: &Field, text: &str) {
        let name = name_of(field);
        let text = clean(&name, text);
        if name == "message" {
            self.message = text.into_owned();
        } else {
            self.set(name, Value::String(text.into_owned()));
        }
    }

    fn number(&mut self, field: &Field, value: Value) {
        match name_of(field) {
            name if is_secret(&name) => self.text(field, ""),
            name => self.set(name, value),
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.number(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.number(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        self.text(field, &text);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, &format!("{value:?}"));
    }
}

/// Returns the name under which a field is logged: short words of the code become the dotted ones.
fn name_of(field: &Field) -> Name {
    match field.name() {
        "strategy" => "strategy.id".into(),
        "market" => "market.id".into(),
        "order" => "order.id".into(),
        "rule" => "risk.rule".into(),
        "error" => "error.message".into(),
        raw if raw.contains("r#") => Cow::Owned(raw.replace("r#", "")),
        plain => plain.into(),
    }
}
