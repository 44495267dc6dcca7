//! The metrics of the gateway and of the process. Labels come from closed sets: route templates, methods, codes, rules.

mod busy;
mod process;
mod threads;

use std::{path::Path, time::Duration};

use http::{Method, StatusCode};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::{limits::Class, listener::Transport};

pub use busy::busy;

/// How often the exporter folds samples and the process looks at itself.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Buckets of histograms, by how their names end.
const BUCKETS: [(&str, &[f64]); 4] = [
    // From the sync of a good disk, a tenth of a millisecond, to a long poll.
    (
        "_seconds",
        &[
            0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
            5.0, 10.0, 30.0, 60.0,
        ],
    ),
    ("_batch_requests", COUNTS),
    ("_commit_events", COUNTS),
    ("_batch_bytes", &[256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0]),
];

const COUNTS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];

/// Installs the recorder of this process.
///
/// # Errors
/// There is one already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = builder()?.install_recorder()?;
    describe();
    begin_at_zero();
    Ok(handle)
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    let name_ends = |suffix: &str| Matcher::Suffix(suffix.to_owned());
    BUCKETS.into_iter().try_fold(PrometheusBuilder::new(), |builder, (suffix, buckets)| {
        builder.set_buckets_for_metric(name_ends(suffix), buckets)
    })
}

/// What a scrape gets.
///
/// The recorder's counters are whole numbers, so seconds that only ever grow are kept as gauges; their names say what
/// they are, and here their type does too.
pub fn render(handle: &PrometheusHandle) -> String {
    handle.render().replace("_seconds_total gauge\n", "_seconds_total counter\n")
}

/// Keeps the recorder small and the metrics of the process fresh. The store is in `data_dir`.
pub async fn upkeep(handle: PrometheusHandle, data_dir: impl AsRef<Path>) {
    let mut threads = threads::Threads::default();
    let mut ticks = tokio::time::interval(UPKEEP_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        handle.run_upkeep();
        process::observe();
        process::observe_disk(data_dir.as_ref());
        process::observe_runtime(&tokio::runtime::Handle::current().metrics());
        threads.observe();
    }
}

/// Series of what seldom happens: a counter that appears with its first event hides that event from every rate.
fn begin_at_zero() {
    gauge!("playhouse_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    for class in Class::ALL {
        counter!("playhouse_limited_total", "rule" => class.name()).absolute(0);
    }
    for reason in Refusal::ALL {
        counter!("playhouse_http_connections_refused_total", "reason" => reason.name()).absolute(0);
    }
    for outcome in ["done", "failed"] {
        counter!("playhouse_tls_reloads_total", "outcome" => outcome).absolute(0);
    }
}

/// Why a connection is closed before a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// As many are open as may be.
    Full,
    /// The TLS handshake failed.
    Tls,
    /// The TLS handshake took too long.
    TlsTimeout,
}

impl Refusal {
    const ALL: [Self; 3] = [Self::Full, Self::Tls, Self::TlsTimeout];

    const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Tls => "tls",
            Self::TlsTimeout => "tls timeout",
        }
    }
}

/// What the configuration lets all caches together take.
pub fn memory_limit(bytes: u64) {
    gauge!("playhouse_memory_limit_bytes").set(bytes as f64);
}

fn describe() {
    process::describe();
    threads::describe();
    busy::describe();
    playhouse_federation::metrics::describe();
    describe_gauge!("playhouse_memory_limit_bytes", "What the configuration lets all caches together take");
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
    describe_gauge!(
        "playhouse_tls_certificate_not_after_seconds",
        "When the first of the listeners' certificates ends, in seconds since the epoch"
    );
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
pub fn connection_refused(reason: Refusal) {
    counter!("playhouse_http_connections_refused_total", "reason" => reason.name()).increment(1);
}

/// When the first of the listeners' certificates ends, in seconds since the epoch.
pub fn certificate_ends(not_after: i64) {
    gauge!("playhouse_tls_certificate_not_after_seconds").set(not_after as f64);
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
