//! Tests of what the service's file says of halts and of its end.

use super::*;

#[test]
fn orders_cannot_be_kept_at_a_venue_that_ends_with_the_process() {
    check_service(
        &format!("{LEAST_SERVICE}[shutdown]\norders = \"keep\""),
        &[
            "p.toml:7:1: shutdown.orders: orders cannot be kept at the paper venue, which ends with the \
           process, nor at a simulated one, which is for rehearsals; expected \"cancel\"",
        ],
    );
}

#[test]
fn a_signal_file_is_a_name_beside_the_database_and_auto_waits_as_long_as_it_says() {
    check_service(
        &format!("{LEAST_SERVICE}[halt]\nsignal_file = \"../HALT\""),
        &["p.toml:7:1: halt.signal_file: a name without a folder is expected"],
    );
    let text = format!("{LEAST_SERVICE}[halt]\nresume = \"auto\"\nhealthy_s = 5");
    let healthy = Duration::from_secs(5);
    assert_eq!(
        service("p.toml", &stated(&text)).unwrap().halt.resume,
        ResumeRule::Auto { healthy }
    );
}
