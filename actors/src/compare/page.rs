//! The comparison as one page for a browser: no script, nothing from elsewhere, all text escaped, its size bounded.

use ploy::compare::gates::{Passage, Step};
use ploy::compare::line::{Played, Set};
use ploy::compare::{Both, Counts, Curve, Difference, Listed, Mark as Order};

use super::chart::{Chart, Form, Mark, Series, Way};
use super::escape::escaped;
use super::price::Prices;
use super::text::{effects, is_told, passage};
use super::{Told, Vanished, decided, instead, market, numbers, outcome};
use crate::words;

/// How the page looks; light or dark as the reader's machine is.
const STYLE: &str = include_str!("page.css");

/// Returns the whole page; `prices` is what the market of the first difference cost, where tapes tell.
#[must_use]
pub fn page(told: &Told, prices: Option<&Prices>) -> String {
    let mut page = Page::default();
    page.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.raw("<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    page.text(&format!("{} and {}", told.names.a, told.names.b));
    page.raw("</title>\n<style>\n");
    page.raw(STYLE);
    page.raw("</style>\n</head>\n<body>\n<main>\n");
    head(&mut page, told);
    page.raw("<div class=\"pair\">\n");
    effect(&mut page, told);
    page.raw("<div>\n");
    settings(&mut page, told);
    counts(&mut page, told);
    page.raw("</div>\n</div>\n");
    if !told.comparison.is_same() {
        charts(&mut page, told, prices);
        first(&mut page, told);
        changes(&mut page, told);
        let comparison = &told.comparison;
        let says = format!("B says instead: {}.", instead(comparison, Vanished::FromA));
        listed(&mut page, "Entries that vanish", &says, &comparison.vanished);
        let says = format!("A said instead: {}.", instead(comparison, Vanished::FromB));
        listed(&mut page, "Entries that appear", &says, &comparison.appeared);
        page.raw("<details>\n<summary>Every decision that came out differently</summary>\n");
        listed(&mut page, "By time", "The earliest first.", &comparison.differences);
        page.raw("</details>\n");
    }
    page.raw("</main>\n</body>\n</html>\n");
    page.0
}

/// A page that is being written: markup of ours, and text of others, which is escaped.
#[derive(Default)]
struct Page(String);

impl Page {
    fn raw(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    fn text(&mut self, text: &str) {
        self.0.push_str(&escaped(text));
    }

    /// Writes an element with text in it.
    fn element(&mut self, tag: &str, text: &str) {
        let name = tag.split(' ').next().unwrap_or(tag);
        self.raw(&format!("<{tag}>"));
        self.text(text);
        self.raw(&format!("</{name}>"));
    }

    /// Writes a row of a table, the first cell of it a head.
    fn row(&mut self, cells: &[&str]) {
        self.raw("<tr>");
        for (place, cell) in cells.iter().enumerate() {
            self.element(if place == 0 { "th scope=\"row\"" } else { "td" }, cell);
        }
        self.raw("</tr>\n");
    }

    /// Begins a table with this head.
    fn table(&mut self, heads: &[&str]) {
        self.raw("<div class=\"wide\"><table>\n<thead><tr>");
        for head in heads {
            self.element("th scope=\"col\"", head);
        }
        self.raw("</tr></thead>\n<tbody>\n");
    }

    fn end_table(&mut self) {
        self.raw("</tbody></table></div>\n");
    }
}

fn head(page: &mut Page, told: &Told) {
    page.raw("<header>\n");
    page.element("h1", &told.comparison.sides.a.id.to_string());
    page.element("p class=\"verdict\"", &told.verdict);
    page.raw("<dl>\n");
    let sides = &told.comparison.sides;
    for (name, file, set) in [("A", &told.names.a, &sides.a), ("B", &told.names.b, &sides.b)] {
        let class = if name == "A" { "dt class=\"a\"" } else { "dt class=\"b\"" };
        let Set { kind, variant, config_version, .. } = set;
        let version: String = config_version.chars().take(12).collect();
        page.element(class, name);
        page.element("dd", &format!("{file} ({kind} {variant}, version {version})"));
    }
    for Played { title, books, from, to } in &told.tapes {
        let (from, to) = (words::moment(*from), words::moment(*to));
        page.element("dt", "Tape");
        page.element("dd", &format!("{title}, {from} to {to} UTC, {}", words::books(*books)));
    }
    page.raw("</dl>\n");
    if told.books() == ploy::tape::Books::Modelled {
        page.element(
            "p class=\"careful\"",
            "Modelled book: made around a fair value. It says little about what real depth would have given.",
        );
    }
    for remark in &told.remarks {
        page.element("p class=\"careful\"", &format!("Careful: {remark}."));
    }
    for (name, total) in [("A", &told.comparison.totals.a), ("B", &told.comparison.totals.b)] {
        if let Some(why) = total.as_ref().and_then(|total| total.failed.as_ref()) {
            page.element("p class=\"careful\"", &format!("The strategy failed in {name}: {why}"));
        }
    }
    page.raw("</header>\n");
}

fn effect(page: &mut Page, told: &Told) {
    let Both { a: Some(a), b: Some(b) } = &told.comparison.totals else { return };
    page.raw("<section>\n<h2>Effect</h2>\n");
    page.table(&["", "A", "B", "B − A"]);
    for effect in effects(a, b) {
        page.row(&[effect.name, &effect.a, &effect.b, &effect.change]);
    }
    page.end_table();
    page.raw("</section>\n");
}

fn settings(page: &mut Page, told: &Told) {
    page.raw("<section>\n<h2>Settings that differ</h2>\n");
    if told.comparison.settings.is_empty() {
        page.raw("<p>None.</p>\n</section>\n");
        return;
    }
    page.table(&["", "A", "B"]);
    for setting in &told.comparison.settings {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
        page.row(&[&setting.key, &value(&setting.values.a), &value(&setting.values.b)]);
    }
    page.end_table();
    page.raw("</section>\n");
}

fn charts(page: &mut Page, told: &Told, prices: Option<&Prices>) {
    page.raw("<div class=\"pair\">\n");
    if let Some(prices) = prices {
        price_chart(page, told, prices);
    }
    let pnl = &told.comparison.pnl;
    let mut all = [("a", points(&pnl.a)), ("b", points(&pnl.b))];
    let ends = all.iter().flat_map(|(_, points)| points.first().into_iter().chain(points.last()));
    let ends: Vec<ploy::time::Timestamp> = ends.map(|(at, _)| *at).collect();
    for (_, points) in &mut all {
        // Both begin with nothing, and stay as they are after their last fill.
        points.splice(0..0, ends.iter().min().map(|first| (*first, 0)));
        let last = points.last().map_or(0, |(_, value)| *value);
        points.extend(ends.iter().max().map(|end| (*end, last)));
    }
    let series = all.into_iter().map(|(class, points)| Series { class, points, way: Way::Steps });
    let title = "Profit and loss of A and B over time, in USDC".to_owned();
    let chart = Chart { title, series: series.collect(), marks: Vec::new() };
    let mut note = "USDC, with what is held at its bids, at each fill and settlement.".to_owned();
    let every = pnl.a.every.max(pnl.b.every);
    if 1 < every {
        note.push_str(&format!(" One in {every} is drawn."));
    }
    figure(page, "Profit and loss", &chart, &note);
    page.raw("</div>\n");
}

fn price_chart(page: &mut Page, told: &Told, prices: &Prices) {
    let [yes, no] = &prices.labels;
    let title = format!("Price of {yes} in {} with the orders of A and B", prices.slug);
    let middle = Series { class: "price", points: points(&prices.middle), way: Way::Straight };
    let orders = &told.comparison.orders;
    let side = |name: &'static str, class, form, orders: &[Order]| -> Vec<Mark> {
        let mark = |order: &Order| mark(name, class, form, order);
        orders.iter().map(mark).collect()
    };
    let mut marks = side("B", "b", Form::Square, &orders.b);
    marks.extend(side("A", "a", Form::Circle, &orders.a));
    let chart = Chart { title, series: vec![middle], marks };
    let mut note = format!(
        "Middle of the book of {yes}, in USDC a share. An order for {no} stands where 1 less its limit is."
    );
    if 1 < prices.middle.every {
        note.push_str(&format!(" One book in {} is drawn.", prices.middle.every));
    }
    figure(page, &format!("Price of {yes} in {}", prices.slug), &chart, &note);
}

/// Returns the mark of an order: one for no stands where the same price of yes is.
fn mark(name: &'static str, class: &'static str, form: Form, order: &Order) -> Mark {
    let intent = &order.intent;
    let value = match intent.outcome {
        ploy::market::Outcome::Yes => intent.limit,
        ploy::market::Outcome::No => intent.limit.complement(),
    };
    let (side, outcome) = (intent.side.name(), outcome(intent.outcome));
    let title = format!(
        "{name} {}: {side} {} {outcome} at {} ({})",
        words::clock(order.at),
        intent.size,
        intent.limit,
        intent.purpose.name()
    );
    Mark { class, form, at: order.at, value: value.micros(), title }
}

fn points(curve: &Curve) -> Vec<(ploy::time::Timestamp, i64)> {
    curve.whole().map(|point| (point.at, point.usdc.micros())).collect()
}

fn figure(page: &mut Page, title: &str, chart: &Chart, note: &str) {
    let Some(svg) = chart.svg() else { return };
    page.raw("<section>\n");
    page.element("h2", title);
    page.raw("<figure>\n");
    page.raw(&svg);
    page.raw("\n<figcaption><span class=\"key a\">A</span> <span class=\"key b\">B</span> ");
    page.text(note);
    page.raw("</figcaption>\n</figure>\n</section>\n");
}

fn first(page: &mut Page, told: &Told) {
    let Some(first) = &told.comparison.first else { return };
    let difference = &first.difference;
    page.raw("<section>\n<h2>The first difference, gate by gate</h2>\n");
    page.element("p", &format!("{} at {}", market(difference), difference.at));
    page.raw("<ul class=\"looks\">\n");
    looks(page, difference);
    page.raw("</ul>\n");
    if !first.gates.is_empty() {
        page.table(&["Gate", "A", "B"]);
        first.gates.iter().filter(|step| is_told(step)).for_each(|step| gate(page, step));
        page.end_table();
    }
    if let Some(parted) = &told.comparison.parted {
        let before = words::plural(parted.differences_before, "difference");
        page.element(
            "p",
            &format!(
                "What the two hold differs from {} on, after {before}. Later ones may follow from that alone.",
                parted.at
            ),
        );
    }
    page.raw("</section>\n");
}

fn gate(page: &mut Page, step: &Step) {
    let Step { gate, asks, is_rule, passage: Both { a, b } } = step;
    let is_end = a != b && (*a == Passage::Failed || *b == Passage::Failed);
    page.raw(if is_end { "<tr class=\"differs\">" } else { "<tr>" });
    let name = if *is_rule { format!("guard: {gate}") } else { gate.clone() };
    page.raw("<th scope=\"row\">");
    page.text(&name);
    page.raw(" ");
    page.element("small", asks);
    page.raw("</th>");
    page.element("td", passage(*a));
    page.element("td", passage(*b));
    page.raw("</tr>\n");
}

fn counts(page: &mut Page, told: &Told) {
    let Counts { same, numbers, changed, only_a, only_b } = told.comparison.counts;
    page.raw("<section>\n<h2>Decisions</h2>\n");
    page.table(&["", "How many"]);
    for (name, count) in [
        ("the same", same),
        ("the same by other numbers", numbers),
        ("came out differently", changed),
        ("only A took", only_a),
        ("only B took", only_b),
    ] {
        page.row(&[name, &words::count(count)]);
    }
    page.end_table();
    page.raw("</section>\n");
}

fn changes(page: &mut Page, told: &Told) {
    page.raw("<section>\n<h2>What became what</h2>\n");
    page.table(&["A → B", "How often", "First at"]);
    for change in &told.comparison.changes {
        let what = if change.from == change.to {
            change.from.clone()
        } else {
            format!("{} → {}", change.from, change.to)
        };
        page.row(&[&what, &words::count(change.count), &words::clock(change.first_at)]);
    }
    page.end_table();
    page.raw("</section>\n");
}

fn listed(page: &mut Page, title: &str, note: &str, listed: &Listed) {
    if listed.count == 0 {
        return;
    }
    page.raw("<section>\n");
    page.element("h2", &format!("{title}: {}", words::count(listed.count)));
    page.element("p class=\"note\"", note);
    page.raw("<ol class=\"list\">\n");
    for difference in &listed.first {
        page.raw("<li><p><time>");
        page.text(&words::moment(difference.at));
        page.raw("</time> ");
        page.element("b", &market(difference));
        page.raw("</p><ul class=\"looks\">\n");
        looks(page, difference);
        page.raw("</ul></li>\n");
    }
    page.raw("</ol>\n");
    let told = u64::try_from(listed.first.len()).unwrap_or(u64::MAX);
    if told < listed.count {
        let rest = words::count(listed.count - told);
        page.element("p", &format!("{rest} more are not listed."));
    }
    page.raw("</section>\n");
}

fn looks(page: &mut Page, difference: &Difference) {
    for (name, look) in [("A", &difference.sides.a), ("B", &difference.sides.b)] {
        let class = if name == "A" { "span class=\"key a\"" } else { "span class=\"key b\"" };
        page.raw("<li>");
        page.element(class, name);
        page.raw(" ");
        page.element("b", &decided(look.as_ref()));
        page.raw(" ");
        page.element("span class=\"numbers\"", &numbers(look.as_ref()));
        page.raw("</li>\n");
    }
}
