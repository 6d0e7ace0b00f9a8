//! The audit chain over HTTP: what is asked for reaches the store, what means nothing is refused.

use super::*;
use crate::ports::audit::{AuditQuery, AuditRecord};

impl AuditRecords for Store {
    fn audit(&self, query: AuditQuery) -> Pending<'_, Result<Page<AuditRecord>, StoreError>> {
        // The query is put into the record, so that the test sees what was asked.
        let row = json!({
            "number": 8, "at": "2026-09-28T12:29:10Z", "event_at": "2026-09-28T12:29:10Z", "run": "r",
            "strategy": query.strategy, "actor": query.actor.clone().unwrap_or_default(),
            "action": query.action.clone().unwrap_or_default(), "subject": format!("{query:?}"),
            "before": null, "after": {"limit": query.limit, "before": query.before}, "hash": "ab"
        });
        self.answer(serde_json::from_value(row).unwrap())
    }
}

#[tokio::test]
async fn the_audit_chain_is_asked_with_every_filter_and_paged() {
    let service = Service::healthy().await;
    let plain = service.get("/v1/audit").await;
    assert_eq!((plain.status, &plain.json()["next"]), (200, &json!(7)), "{}", plain.text);
    assert_eq!(plain.json()["items"][0]["after"], json!({"limit": 100, "before": null}));
    let asked = "/v1/audit?strategy=momentum&actor=ann&action=stop&since=2026-09-28T00:00:00Z\
         &until=2026-09-29T00:00:00Z&limit=5&cursor=40";
    let row = service.get(asked).await.json()["items"][0].clone();
    assert_eq!((&row["strategy"], &row["actor"]), (&json!("momentum"), &json!("ann")));
    assert_eq!(
        (&row["action"], &row["after"]),
        (&json!("stop"), &json!({"limit": 5, "before": 40}))
    );
    let all = row["subject"].as_str().unwrap();
    assert_eq!(all.matches("Some(Timestamp").count(), 2, "{all}");
}

#[tokio::test]
async fn what_means_nothing_to_the_audit_chain_is_refused() {
    let service = Service::healthy().await;
    for (query, said) in [
        ("since=noon", "`since`: "),
        ("limit=0", "`limit` must be a whole number"),
        ("actor=", "`actor` must be 1 to 200 characters"),
        ("who=ann", "`who` is no parameter here"),
        ("actor=a&actor=b", "`actor` is given twice"),
    ] {
        let answer = service.get(&format!("/v1/audit?{query}")).await;
        let detail = answer.problem(400, "bad_query", "/v1/audit");
        assert!(detail.contains(said), "{query}: {detail}");
    }
}
