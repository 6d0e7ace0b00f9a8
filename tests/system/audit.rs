//! What stood before each thing that was asked, as the audit chain tells it.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::reload::{Files, LEGGED, in_force, with};
use crate::stage::script::{buyer, script};
use crate::stage::service::{Stage, stop, until};
use crate::stage::{folder, legged, rows};

/// Returns what stood before, of each command of this action, the oldest first.
pub(crate) async fn before(store: &Path, action: &'static str) -> Vec<Value> {
    let all: Vec<(String, Option<String>)> =
        rows(store, "select action, state_before from audit order by number").await;
    let of_it = all.into_iter().filter(|(told, _)| told == action);
    of_it
        .map(|(_, state)| {
            let state = state.unwrap_or_else(|| "null".to_owned());
            serde_json::from_str::<Value>(&state).unwrap()["state"].clone()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_the_gates_stood_is_told_with_each_halt_pause_and_resume() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let build = script(&Arc::default(), |_| buyer());
    let (app, _feeder) = Stage::new().custom("one", build).store(&store).fed().await;
    let http = reqwest::Client::new();
    let body = json!({"actor": "ann", "reason": "drill"});
    for path in ["halt", "halt", "resume", "strategies/one/pause", "pause", "resume"] {
        let url = format!("http://{}/v1/{path}", app.address);
        let answer = http.post(url).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {answer:?}");
    }
    app.store.flush().await.unwrap();
    let halted = "reduce_only: halted by operator";
    assert_eq!(before(&store, "halt").await, [json!("open"), json!(halted)]);
    assert_eq!(before(&store, "pause").await, [json!("open"), json!("open")]);
    let paused = "reduce_only: all paused";
    assert_eq!(before(&store, "resume").await, [json!(halted), json!(paused)]);
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_version_in_force_is_told_with_each_word_on_a_strategys_file() {
    let files = Files::new();
    let store = files.root.path().join("ploy.db");
    let (app, _feeder) = files.stage().store(&store).fed().await;
    let first = legged().version;
    let changed = with("order_burst", "7");
    files.put(LEGGED, &changed);
    let status = in_force(&app, LEGGED, &changed).await;
    let second = crate::stage::service::one(&status, LEGGED).config_version.clone();
    files.put(LEGGED, "strategy = 1");
    until(&app, "it is faulty", |status| !status.config.faults.is_empty()).await;
    app.store.flush().await.unwrap();
    let told = before(&store, "config").await;
    let [applied, refused] = &told[..] else { panic!("{told:?}") };
    assert_eq!(applied, &json!(first));
    assert!(refused.as_str().unwrap().starts_with(&second), "{refused}");
    stop(app).await;
}
