//! The metrics of the gateway and of the process. Labels come from closed sets: route templates, methods, codes, rules.

mod process;

use std::time::Duration;

use http::{Method, StatusCode};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::{limits::Class, listener::Transport};

/// How often the exporter folds samples and the process looks at itself.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Buckets of everything that is measured in seconds: from a cache hit to a long poll.
const SECONDS: &[f64] =
    &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Installs the recorder of this process.
///
/// # Errors
/// There is one already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let builder =
        PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?;
    let handle = builder.install_recorder()?;
    describe();
    process::describe();
    gauge!("playhouse_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}

/// Keeps the recorder small and the metrics of the process fresh.
pub async fn upkeep(handle: PrometheusHandle) {
    let mut ticks = tokio::time::interval(UPKEEP_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        handle.run_upkeep();
        process::observe();
    }
}

fn describe() {
    describe_gauge!("playhouse_build_info", "The version that runs, as a label");
    describe_counter!(
        "playhouse_http_requests_total",
        "Requests answered, by route template, method and code"
    );
    describe_histogram!(
        "playhouse_http_request_seconds",
        "Time to answer a request, by route template and method"
    );
    describe_gauge!("playhouse_http_connections", "Open connections, by transport");
    describe_counter!("playhouse_http_connections_refused_total", "Connections closed at once, by reason");
    describe_counter!("playhouse_limited_total", "Requests refused by a rate limit, by rule");
    describe_counter!("playhouse_tls_reloads_total", "Certificates read again, by outcome");
}

/// A request was answered.
pub fn answered(method: &'static str, route: &'static str, status: StatusCode, took: Duration) {
    let code = code(status);
    counter!("playhouse_http_requests_total", "method" => method, "route" => route, "code" => code)
        .increment(1);
    histogram!("playhouse_http_request_seconds", "method" => method, "route" => route).record(took);
}

/// A request was refused by a rate limit.
pub fn limited(class: Class) {
    counter!("playhouse_limited_total", "rule" => class.name()).increment(1);
}

/// A connection was opened; it counts until the guard is dropped.
pub fn connection(transport: Transport) -> impl Drop {
    struct Open(Transport);

    impl Drop for Open {
        fn drop(&mut self) {
            gauge!("playhouse_http_connections", "transport" => self.0.name()).decrement(1.0);
        }
    }

    gauge!("playhouse_http_connections", "transport" => transport.name()).increment(1.0);
    Open(transport)
}

/// A connection was closed before a request.
pub fn connection_refused(reason: &'static str) {
    counter!("playhouse_http_connections_refused_total", "reason" => reason).increment(1);
}

/// Certificates were read again.
pub fn tls_reloaded(outcome: &'static str) {
    counter!("playhouse_tls_reloads_total", "outcome" => outcome).increment(1);
}

/// The method as a label: those that exist, and one name for whatever else a client makes up.
pub fn method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        _ => "other",
    }
}

/// The code as a label, without an allocation for the ones that happen.
fn code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200 => "200",
        201 => "201",
        204 => "204",
        302 => "302",
        304 => "304",
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        405 => "405",
        408 => "408",
        409 => "409",
        413 => "413",
        429 => "429",
        500 => "500",
        502 => "502",
        503 => "503",
        504 => "504",
        _ => "other",
    }
}

#[cfg(test)]
mod tests;
