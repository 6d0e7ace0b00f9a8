//! The dashboard: every panel asks for what the program shows, says what it means, and has its own place.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::expression;

const PANELS_MAX: usize = 20;

fn dashboard() -> Value {
    serde_json::from_str(&crate::file("deploy/grafana/dashboards/ploy.json")).unwrap()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("no list `{key}` in {value}"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no text `{key}` in {value}"))
}

fn number(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or_else(|| panic!("no number `{key}` in {value}"))
}

/// The panels that show data, in the order of the file.
fn panels(dashboard: &Value) -> Vec<&Value> {
    let panels = list(dashboard, "panels").iter();
    panels.filter(|panel| panel["type"] != "row").collect()
}

#[test]
fn it_can_be_provisioned_again_and_again() {
    let dashboard = dashboard();
    assert_eq!(dashboard["uid"], "ploy");
    assert_eq!(dashboard["id"], Value::Null);
    let mut ids = BTreeSet::new();
    for panel in list(&dashboard, "panels") {
        assert!(ids.insert(number(panel, "id")), "panel {} twice", panel["id"]);
    }
    assert!(panels(&dashboard).len() <= PANELS_MAX);
}

#[test]
fn every_expression_names_only_what_the_program_shows() {
    let metrics = crate::exposition::rendered();
    for panel in panels(&dashboard()) {
        let title = text(panel, "title");
        for target in list(panel, "targets") {
            let expr = text(target, "expr");
            let labels = expression::check(title, expr, &metrics);
            let legend = target["legendFormat"].as_str().unwrap_or_default();
            for used in legend.split("{{").skip(1) {
                let label = used.split("}}").next().unwrap();
                assert!(labels.contains(label), "{title}: no label `{label}`");
            }
            let strategies = expr.matches("strategy=~\"$strategy\"").count();
            let wanted = expr.matches("ploy_").count() - unlabelled(expr, &metrics);
            assert_eq!(strategies, wanted, "{title}: $strategy must choose: {expr}");
        }
    }
}

/// How many of the metrics in an expression belong to no strategy.
fn unlabelled(expr: &str, metrics: &crate::exposition::Metrics) -> usize {
    let starts = expr.match_indices("ploy_").map(|(at, _)| &expr[at..]);
    let names =
        starts.map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap());
    names.filter(|name| !metrics[*name].labels.contains_key("strategy")).count()
}

#[test]
fn variables_are_defined_and_used() {
    let dashboard = dashboard();
    let variables = list(&dashboard["templating"], "list");
    let names: Vec<&str> = variables.iter().map(|variable| text(variable, "name")).collect();
    assert_eq!(names, ["datasource", "strategy"]);
    let strategy = &variables[1];
    assert!(strategy["multi"] == true && strategy["includeAll"] == true);
    let metrics = crate::exposition::rendered();
    let query = text(&strategy["query"], "query");
    let inner =
        query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(", strategy)"));
    expression::check("$strategy", inner.expect(query), &metrics);
    for panel in panels(&dashboard) {
        for place in std::iter::once(panel).chain(list(panel, "targets")) {
            assert_eq!(place["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
        }
    }
}

#[test]
fn every_panel_says_what_it_shows_and_in_which_unit() {
    for panel in panels(&dashboard()) {
        let title = text(panel, "title");
        let description = text(panel, "description");
        assert!(description.ends_with('.') && 20 < description.len(), "{title}");
        assert!(!text(&panel["fieldConfig"]["defaults"], "unit").is_empty(), "{title}");
        assert!(!text(&panel["fieldConfig"]["defaults"], "noValue").is_empty(), "{title}");
    }
}

#[test]
fn no_panel_covers_another() {
    let dashboard = dashboard();
    let mut taken = BTreeSet::new();
    for panel in list(&dashboard, "panels") {
        let place = &panel["gridPos"];
        let (x, y) = (number(place, "x"), number(place, "y"));
        let (w, h) = (number(place, "w"), number(place, "h"));
        assert!(0 < w && 0 < h && x + w <= 24, "{}", panel["title"]);
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "{} covers {cell:?}", panel["title"]);
        }
    }
}
