//! What is told of the account's books.

use super::*;

#[tokio::test]
async fn the_account_is_told_with_the_number_of_the_snapshot_and_what_is_broken() {
    let mut status = sample::healthy();
    status.ledger.broken = Some("momentum: cash".to_owned());
    let (service, _asked) = Service::new(status, Store::Good).await;
    let answer = service.get("/v1/ledger").await;
    let expected = json!({
        "snapshot": 41, "broken": "momentum: cash", "accounts": [], "total": null,
        "sum_micros": 0, "shares_off": 0,
    });
    assert_eq!((answer.status, answer.json()), (200, expected));
    assert_eq!(answer.header("x-snapshot"), "41");
}
