//! `ploy db` as a person runs it: from a file to a server by one command, and no secret in what it says.

use std::process::{Command, Output};

use actors::app;
use actors::bus::Ticket;
use actors::ports::{ErrorRecord, Row};
use actors::store::{RunInfo, Store};
use ploy::status::Mode;

use crate::postgres::Cluster;
use crate::stage::{WITHIN, folder, repo};

/// Runs `ploy db` with this address in the environment.
fn db(url: &str, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ploy"));
    command.arg("db").args(words).arg("--config").arg(repo("config"));
    command.env("PLOY_STORE_URL", url).output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[tokio::test]
async fn a_store_moves_to_a_server_by_one_command() {
    let Some(cluster) = Cluster::start() else { return };
    let (url, folder) = (cluster.database("money"), folder());
    let file = folder.path().join("ploy.db");
    let run = RunInfo {
        id: "r".to_owned(),
        started_at: app::wall(),
        version: "test".to_owned(),
        mode: Mode::Paper,
        title: String::new(),
        plays: None,
    };
    let store = Store::open(&file, run).await.unwrap();
    for number in 0..1000 {
        let message = format!("failure {number}");
        let row = ErrorRecord { at: app::wall(), strategy: None, part: "feed".to_owned(), message };
        store.record(Row::Error(row), Ticket::none()).unwrap();
    }
    store.close(WITHIN).await.unwrap();

    let moved = db(&url, &["import", file.to_str().unwrap()]);
    let said = told(&moved);
    assert!(moved.status.success(), "{said}");
    assert!(said.contains("errors                   1000\n"), "{said}");
    assert!(said.contains("/money: every row is there, counts and sums agree\n"), "{said}");
    let again = db(&url, &["import", file.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(1));
    assert!(told(&again).contains("holds runs already"), "{}", told(&again));

    let checked = db(&url, &["check", "-o", "json"]);
    let health: serde_json::Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!((&health["faults"], checked.status.code()), (&serde_json::json!([]), Some(0)));
    // The flag comes before the environment.
    let of_file = db(&url, &["check", "--store", file.to_str().unwrap()]);
    assert!(told(&of_file).starts_with(&*file.display().to_string()), "{}", told(&of_file));
}

#[test]
fn what_fails_shows_no_password() {
    for url in [
        "postgresql://ploy:s3cret@127.0.0.1:1/money",
        "postgresql://ploy:s3cret@127.0.0.1:port/money",
        "postgresql://ploy:s3cret@127.0.0.1:1",
        "mysql://ploy:s3cret@127.0.0.1/money",
    ] {
        let failed = db(url, &["migrate"]);
        let said = told(&failed);
        assert_eq!(failed.status.code(), Some(1), "{said}");
        assert!(said.starts_with("ploy: ") && !said.contains("s3cret"), "{said}");
    }
    let unreachable = db("postgresql://ploy:s3cret@127.0.0.1:1/money", &["migrate"]);
    let expected = "ploy: reach the store postgresql 127.0.0.1:1/money: does the server run";
    assert!(told(&unreachable).starts_with(expected), "{}", told(&unreachable));
}
