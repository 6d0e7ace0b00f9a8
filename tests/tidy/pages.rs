//! Pages and examples tell the truth: links lead somewhere, shipped settings load, commands are those of CI.

use ploy::config;

use crate::{files, none, read, root};

#[test]
fn every_settings_file_loads() {
    let service = config::service("config/ploy.toml", &read("config/ploy.toml")).unwrap();
    for tape in service.feed.paths {
        assert!(root().join("config").join(&tape).is_file(), "{tape} is not there");
    }
    for path in files(&["config/strategies"], ".toml") {
        let stem = path.rsplit('/').next().unwrap().trim_end_matches(".toml");
        let id = stem.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
        if let Err(faults) = config::strategy(&path, id, &read(&path)) {
            panic!("{faults:?}");
        }
    }
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let mut faults = Vec::new();
    for page in files(&["."], ".md") {
        let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
        for target in links(&read(&page)) {
            if target.contains("://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let to = if file.is_empty() { page.clone() } else { join(folder, file) };
            if !root().join(&to).exists() {
                faults.push(format!("{page}: there is no {to}"));
            } else if !anchor.is_empty() && !anchors(&read(&to)).contains(&anchor.to_owned()) {
                faults.push(format!("{page}: {to} has no heading #{anchor}"));
            }
        }
    }
    none(&faults);
}

#[test]
fn every_test_that_the_page_of_facts_names_is_there() {
    let mut known: Vec<String> = Vec::new();
    for path in files(&["src", "tests/decisions"], ".rs") {
        for line in read(&path).lines().map(str::trim) {
            let name =
                line.strip_prefix("fn ").map_or(line, |rest| rest.split('(').next().unwrap());
            known.push(name.to_owned());
        }
    }
    let page = read("docs/strategies-cases.md");
    let named = page.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let named = named.flat_map(|(_, tests)| tests.split('`').skip(1).step_by(2));
    let named: Vec<&str> = named.collect();
    assert!(100 < named.len(), "the tables have lost their tests: {}", named.len());
    let gone = named.iter().filter(|name| !known.iter().any(|known| known == *name));
    none(&gone.map(|name| format!("there is no test {name}")).collect::<Vec<_>>());
}

/// A sentence of these pages is worth the test that it names.
#[test]
fn every_test_that_the_pages_on_supervision_and_reliability_name_is_there() {
    let mut known: Vec<String> = Vec::new();
    for path in files(&["src", "actors/src", "tests"], ".rs") {
        for line in read(&path).lines().map(str::trim) {
            let name = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
            known.extend(name.map(|rest| rest.split('(').next().unwrap().to_owned()));
        }
    }
    let mut gone = Vec::new();
    for (page, least) in [("docs/supervision.md", 80), ("docs/reliability.md", 7)] {
        let text = read(page);
        let words = text.split('`').skip(1).step_by(2);
        // The name of a test is a sentence; those of settings, files and metrics are shorter.
        let named: Vec<&str> = words
            .filter(|word| 4 < word.matches('_').count())
            .filter(|word| {
                word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            })
            .filter(|word| !word.starts_with("ploy_") && !word.starts_with("process_"))
            .collect();
        assert!(least < named.len(), "{page} has lost its tests: {}", named.len());
        let lost = named.iter().filter(|name| !known.iter().any(|known| known == *name));
        gone.extend(lost.map(|name| format!("{page}: there is no test {name}")));
    }
    none(&gone);
}

/// The two commands that a newcomer runs first are what CI runs.
#[test]
fn the_readme_and_ci_run_the_same_commands() {
    let readme = read("README.md");
    let (_, rest) = readme.split_once("```sh\n").expect("a block of commands");
    let (block, _) = rest.split_once("```").expect("the end of the block");
    let command = |line: &str| line.split(" # ").next().unwrap_or_default().trim().to_owned();
    let said: Vec<String> = block.lines().map(command).filter(|line| !line.is_empty()).collect();
    let [job, check] = said.as_slice() else {
        panic!("the first block of README.md holds the two commands, not {said:?}");
    };
    assert!(runs(&read(".ci/check"), job), ".ci/check does not run `{job}`");
    assert!(runs(&read(".ci/run"), check), ".ci/run does not run `{check}`");
}

/// Tells whether a line of a script is this command, perhaps with more arguments.
fn runs(script: &str, command: &str) -> bool {
    script.lines().any(|line| !line.trim_start().starts_with('#') && line.contains(command))
}

/// Returns the targets of a page's links, outside of its blocks of code.
fn links(text: &str) -> Vec<String> {
    let mut targets = Vec::new();
    let mut is_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            continue;
        }
        let ends = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        targets.extend(ends.map(|(target, _)| target.to_owned()));
    }
    targets
}

/// Returns the anchors of a page's headings, as its viewers make them.
fn anchors(text: &str) -> Vec<String> {
    let heading = |line: &str| {
        let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
        let title: String = line.trim_start_matches('#').trim().chars().filter(kept).collect();
        title.to_lowercase().replace(' ', "-")
    };
    text.lines().filter(|line| line.starts_with('#')).map(heading).collect()
}

/// Returns a target as a path of the repository.
fn join(folder: &str, target: &str) -> String {
    let mut steps: Vec<&str> = folder.split('/').filter(|step| !step.is_empty()).collect();
    for step in target.split('/') {
        match step {
            ".." => drop(steps.pop()),
            "." | "" => {}
            step => steps.push(step),
        }
    }
    steps.join("/")
}
