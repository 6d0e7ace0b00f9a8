//! A chart over time as inline SVG: lines, steps and marks, drawn in whole tenths of a unit.

use ploy::time::Timestamp;

use super::escape::escaped;
use crate::words;

/// The width of the drawing, in its own units; the page scales it.
const WIDTH: i64 = 400;
/// Its height.
const HEIGHT: i64 = 240;
/// What is kept free for the words: left, right, top, bottom.
const FREE: [i64; 4] = [46, 10, 10, 24];
/// How many lines across there are at most.
const LINES_MAX: i64 = 5;
/// How many times of day are written below.
const TIMES: i64 = 3;

/// A chart over time.
#[derive(Clone, Debug, Default)]
pub(super) struct Chart {
    /// What it shows, for those who cannot see it.
    pub(super) title: String,
    /// The lines.
    pub(super) series: Vec<Series>,
    /// The marks.
    pub(super) marks: Vec<Mark>,
}

/// A line.
#[derive(Clone, Debug)]
pub(super) struct Series {
    /// Its class in the style sheet.
    pub(super) class: &'static str,
    /// Its points: when, and how much in millionths.
    pub(super) points: Vec<(Timestamp, i64)>,
    /// How it goes from point to point.
    pub(super) way: Way,
}

/// How a line goes from point to point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Straight.
    Straight,
    /// It stays until the next point.
    Steps,
}

/// A mark at an instant.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// Its class in the style sheet.
    pub(super) class: &'static str,
    /// Its form.
    pub(super) form: Form,
    /// When.
    pub(super) at: Timestamp,
    /// How much, in millionths.
    pub(super) value: i64,
    /// What it is, shown where somebody points at it.
    pub(super) title: String,
}

/// The form of a mark: the sides differ in more than colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Of the first side.
    Circle,
    /// Of the second side.
    Square,
}

/// Where values are drawn.
#[derive(Clone, Copy, Debug)]
struct Frame {
    from: i64,
    to: i64,
    low: i64,
    high: i64,
    step: i64,
}

impl Chart {
    /// Returns the drawing, or nothing where there is nothing to draw.
    pub(super) fn svg(&self) -> Option<String> {
        let frame = self.frame()?;
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            escaped(&self.title)
        );
        frame.grid(&mut svg);
        for series in &self.series {
            let (class, points) = (series.class, frame.points(series));
            svg.push_str(&format!("<polyline class=\"line {class}\" points=\"{points}\"/>"));
        }
        for mark in &self.marks {
            let (x, y) = (frame.x(mark.at), frame.y(mark.value));
            let title = escaped(&mark.title);
            let class = mark.class;
            svg.push_str(&match mark.form {
                Form::Circle => format!(
                    "<circle class=\"mark {class}\" cx=\"{}\" cy=\"{}\" r=\"4\"><title>{title}</title></circle>",
                    tenths(x),
                    tenths(y)
                ),
                Form::Square => format!(
                    "<rect class=\"mark {class}\" x=\"{}\" y=\"{}\" width=\"11\" height=\"11\"><title>{title}</title></rect>",
                    tenths(x - 55),
                    tenths(y - 55)
                ),
            });
        }
        svg.push_str("</svg>");
        Some(svg)
    }

    fn frame(&self) -> Option<Frame> {
        let points = self.series.iter().flat_map(|series| series.points.iter().copied());
        let marks = self.marks.iter().map(|mark| (mark.at, mark.value));
        let all: Vec<(Timestamp, i64)> = points.chain(marks).collect();
        let times = all.iter().map(|(at, _)| at.micros());
        let values = all.iter().map(|(_, value)| *value);
        let (from, to) = (times.clone().min()?, times.max()?);
        let (low, high) = (values.clone().min()?, values.max()?);
        let step = step(high - low);
        let (low, high) = (low.div_euclid(step) * step, (high + step - 1).div_euclid(step) * step);
        let high = if low == high { low + step } else { high };
        Some(Frame { from, to: to.max(from + 1), low, high, step })
    }
}

/// Returns a round distance of lines across: a 1, 2 or 5 with zeros behind it, in millionths.
fn step(span: i64) -> i64 {
    let mut step = 1;
    loop {
        for times in [1, 2, 5] {
            if span <= step * times * (LINES_MAX - 1) {
                return step * times;
            }
        }
        step *= 10;
    }
}

impl Frame {
    fn grid(&self, svg: &mut String) {
        let [left, right, _, bottom] = FREE;
        let mut value = self.low;
        while value <= self.high {
            let y = tenths(self.y(value));
            let class = if value == 0 { "grid zero" } else { "grid" };
            svg.push_str(&format!(
                "<line class=\"{class}\" x1=\"{left}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\"/>\
                 <text x=\"{}\" y=\"{y}\" dy=\"4\" text-anchor=\"end\">{}</text>",
                WIDTH - right,
                left - 5,
                ploy::price::decimal(value)
            ));
            value += self.step;
        }
        for place in 0..TIMES {
            let micros = self.from + (self.to - self.from) / (TIMES - 1) * place;
            let at = Timestamp::from_micros(micros);
            let anchor = match place {
                0 => "start",
                _ if place + 1 == TIMES => "end",
                _ => "middle",
            };
            svg.push_str(&format!(
                "<text x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
                tenths(self.x(at)),
                HEIGHT - bottom + 17,
                words::clock(at)
            ));
        }
    }

    fn points(&self, series: &Series) -> String {
        let mut text = String::new();
        let mut before: Option<i64> = None;
        for (at, value) in &series.points {
            let (x, y) = (self.x(*at), self.y(*value));
            if let Some(before) = before.filter(|_| series.way == Way::Steps) {
                text.push_str(&format!("{},{} ", tenths(x), tenths(before)));
            }
            text.push_str(&format!("{},{} ", tenths(x), tenths(y)));
            before = Some(y);
        }
        text.trim_end().to_owned()
    }

    /// Returns a place across, in tenths.
    fn x(&self, at: Timestamp) -> i64 {
        let [left, right, _, _] = FREE;
        let room = (WIDTH - left - right) * 10;
        left * 10 + share(at.micros() - self.from, self.to - self.from, room)
    }

    /// Returns a place down, in tenths.
    fn y(&self, value: i64) -> i64 {
        let [_, _, top, bottom] = FREE;
        let room = (HEIGHT - top - bottom) * 10;
        top * 10 + room - share(value - self.low, self.high - self.low, room)
    }
}

/// Returns part ÷ whole × room, rounded down.
fn share(part: i64, whole: i64, room: i64) -> i64 {
    let share = i128::from(part) * i128::from(room) / i128::from(whole.max(1));
    i64::try_from(share).unwrap_or(room)
}

fn tenths(number: i64) -> String {
    format!("{}.{}", number / 10, number.rem_euclid(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_across_stand_at_round_numbers() {
        let check = |span, expected| assert_eq!(step(span), expected, "{span}");
        check(0, 1);
        check(4, 1);
        check(5, 2);
        check(9, 5);
        check(1_000_000, 500_000);
        check(800_000, 200_000);
        check(50_058_520, 20_000_000);
    }

    #[test]
    fn a_chart_of_nothing_is_none_and_of_one_value_is_one() {
        assert_eq!(Chart::default().svg(), None);
        let at = Timestamp::from_millis(1_790_586_000_000);
        let series = Series { class: "a", points: vec![(at, 0)], way: Way::Steps };
        let chart = Chart { title: "<b>".to_owned(), series: vec![series], ..Chart::default() };
        let svg = chart.svg().unwrap();
        assert!(svg.contains("aria-label=\"&lt;b&gt;\""), "{svg}");
        assert!(svg.contains("points=\"46.0,216.0\""), "{svg}");
    }
}
