//! The API: the status over HTTP, for people, programs and Prometheus.

pub mod metrics;
