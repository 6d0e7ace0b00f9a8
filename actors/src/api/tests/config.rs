//! What is told of the strategies' files.

use super::*;

#[tokio::test]
async fn versions_in_force_what_waits_and_faults_are_told_with_the_number_of_the_snapshot() {
    let mut status = sample::healthy();
    status.config.folder = "config/strategies".to_owned();
    status.config.looks = 7;
    status.config.faults = vec!["a.toml:3:1: x".to_owned()];
    status.strategies[1].config_pending = Some("shares are held".to_owned());
    let (service, _asked) = Service::new(status, Store::Good).await;
    let answer = service.get("/v1/config").await;
    let expected = json!({
        "snapshot": 41, "folder": "config/strategies", "looks": 7, "looked_at": null,
        "error": null, "faults": ["a.toml:3:1: x"],
        "strategies": [
            {"id": "split-arb", "version": "9f2c01ab34de", "pending": null},
            {"id": "split-both", "version": "9f2c01ab34de", "pending": "shares are held"},
        ],
    });
    assert_eq!((answer.status, answer.json()), (200, expected));
    assert_eq!(answer.header("x-snapshot"), "41");
}
