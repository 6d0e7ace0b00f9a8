//! Every `ploy …` of pages, image and unit is a command line that the program understands.

use actors::cli::args::{Args, Verb};
use clap::Parser as _;
use clap::error::ErrorKind;

use crate::file;

const PAGES: [&str; 16] = [
    "README.md",
    "ARCHITECTURE.md",
    "docs/audit.md",
    "docs/compare.md",
    "docs/config.md",
    "docs/ledger.md",
    "docs/logging.md",
    "docs/operations.md",
    "docs/record.md",
    "docs/reliability.md",
    "docs/rollout.md",
    "docs/store.md",
    "docs/tape.md",
    "docs/testing.md",
    "docs/why.md",
    "deploy/compose.yml",
];

#[test]
fn every_command_of_a_page_is_understood() {
    let mut known = 0;
    for page in PAGES {
        let text = file(page).replace("\\\n", " ");
        let (mut is_code, mut is_shell) = (false, false);
        for line in text.lines() {
            if let Some(language) = line.strip_prefix("```") {
                is_code = !is_code;
                is_shell = language == "sh";
            } else if is_code && is_shell {
                known += command(line).map_or(0, |words| check(page, &words));
            } else if !is_code {
                let spans = line.split('`').skip(1).step_by(2);
                known += spans.filter_map(command).map(|words| check(page, &words)).sum::<usize>();
            }
        }
    }
    assert!(20 < known, "only {known} commands were found");
}

#[test]
fn image_and_unit_start_a_service_with_a_folder_of_settings() {
    let image = file("deploy/Dockerfile");
    let array = |word: &str| -> Vec<String> {
        let line = image.lines().map(str::trim).rfind(|line| line.starts_with(word)).expect(word);
        serde_json::from_str(line.split_once(' ').unwrap().1).expect(line)
    };
    let start = [array("ENTRYPOINT"), array("CMD [\"run\"")].concat();
    assert_eq!(array("CMD [\"/usr")[1..], ["health"]);
    let unit = file("deploy/ploy.service");
    let unit = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a start");
    for words in [start, unit.split(' ').map(str::to_owned).collect()] {
        let Verb::Run(run) = Args::try_parse_from(&words).unwrap().verb else {
            panic!("{words:?} does not run the service");
        };
        assert_eq!(run.config.to_str(), Some("/etc/ploy"), "a folder, not a file");
    }
}

/// Returns the words from `ploy` on, where a line runs it: by itself, by cargo, or in a container.
fn command(line: &str) -> Option<Vec<String>> {
    let line = line.split(" # ").next().unwrap_or_default();
    let line = line.split(['|', '>']).next().unwrap_or_default();
    let line =
        line.replace("cargo run --release -- ", "ploy ").replace("/usr/local/bin/ploy", "ploy");
    let words: Vec<String> = line.split_whitespace().map(plain).collect();
    let starts = ["ploy", "docker"].contains(&words.first()?.as_str());
    let ploy = words.iter().rposition(|word| word == "ploy")?;
    let words = words.get(ploy..).unwrap_or_default().to_vec();
    (starts && 1 < words.len()).then_some(words)
}

/// A placeholder stands for any word.
fn plain(word: &str) -> String {
    if word.starts_with('<') || word.contains('$') {
        "word".to_owned()
    } else {
        word.trim_matches('\'').to_owned()
    }
}

fn check(page: &str, words: &[String]) -> usize {
    if let Err(error) = Args::try_parse_from(words) {
        // In running text a command may be named without all that it needs.
        let is_named = [
            ErrorKind::MissingRequiredArgument,
            ErrorKind::DisplayHelp,
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
        ];
        assert!(is_named.contains(&error.kind()), "{page}: {words:?}: {error}");
    }
    1
}
