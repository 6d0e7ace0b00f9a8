//! Rust sources as text without comments and test code, and the paths that they name.

/// Returns the code of a file, line for line: comments and what stands under `#[cfg(test)]` are blank.
///
/// Reads what rustfmt writes: an item ends with `;` on its line, or with a bracket at its own indentation.
pub(crate) fn code(text: &str) -> String {
    let mut code = String::new();
    let mut skipped: Option<String> = None;
    let mut is_test = false;
    for line in text.lines() {
        let bare = without_comment(line);
        let indent: String = line.chars().take_while(|c| *c == ' ').collect();
        if let Some(end) = &skipped {
            if line.starts_with(end.as_str()) {
                skipped = None;
            }
        } else if bare.trim() == "#[cfg(test)]" {
            is_test = true;
        } else if is_test && !bare.trim().is_empty() && !bare.trim().starts_with("#[") {
            is_test = false;
            if !bare.trim_end().ends_with([';', '}']) {
                skipped = Some(format!("{indent}}}"));
            }
        } else if !is_test {
            code += bare;
        }
        code.push('\n');
    }
    code
}

fn without_comment(line: &str) -> &str {
    let at = line.match_indices("//").find(|(at, _)| !is_quoted(line, *at));
    at.map_or(line, |(at, _)| &line[..at])
}

/// Tells whether a place of a line is within a text.
fn is_quoted(line: &str, at: usize) -> bool {
    line[..at].replace("\\\\", "").replace("\\\"", "").matches('"').count() % 2 == 1
}

/// Returns the first names of all paths that begin with `prefix`, with their lines: of `crate::{a, b::c}` it
/// is `a` and `b`.
pub(crate) fn heads(code: &str, prefix: &str) -> Vec<(usize, String)> {
    let mut heads = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || "_:$".contains(c)) {
            continue;
        }
        let line = code[..at].matches('\n').count() + 1;
        let tail = &code[at + prefix.len()..];
        match tail.strip_prefix('{') {
            Some(group) => heads.extend(members(group).map(|head| (line, head))),
            None => heads.push((line, name(tail).to_owned())),
        }
    }
    heads
}

/// Returns the first name of each member of a group, up to its closing bracket.
fn members(group: &str) -> impl Iterator<Item = String> {
    let (mut depth, mut all) = (0_usize, vec![String::new()]);
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            ',' if depth == 0 => all.push(String::new()),
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        all.last_mut().unwrap().push(c);
    }
    let names =
        all.into_iter().map(|member| name(member.trim_start_matches([',', ' ', '\n'])).to_owned());
    names.filter(|name| !name.is_empty()).collect::<Vec<_>>().into_iter()
}

fn name(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// Tells whether a file is nothing but tests.
pub(crate) fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.ends_with("_tests.rs") || path.contains("/tests/")
}

#[test]
fn comments_and_tests_are_no_code() {
    let text = "use a; // crate::b\n//! crate::c\nlet s = \"//\"; d\n#[cfg(test)]\nmod tests;\ne\n\
                #[cfg(test)]\n#[expect(x)]\nmod more {\n    f\n}\ng\n";
    assert_eq!(code(text), "use a; \n\nlet s = \"//\"; d\n\n\ne\n\n\n\n\n\ng\n");
}

#[test]
fn every_first_name_of_a_path_is_found() {
    let code =
        "use crate::a::b;\nuse crate::{c, d::{self, e},\n f::G};\nx(crate::h::i());\nmy_crate::j";
    let found: Vec<String> = heads(code, "crate::").into_iter().map(|(_, head)| head).collect();
    assert_eq!(found, ["a", "c", "d", "f", "h"]);
    assert_eq!(heads(code, "crate::")[4].0, 4);
}
