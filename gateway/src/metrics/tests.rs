//! What a scrape shows.

use metrics::with_local_recorder;

use super::*;

#[test]
fn requests_are_counted_by_template_and_the_process_looks_at_itself() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();

    with_local_recorder(&recorder, || {
        answered("GET", "/_matrix/client/versions", StatusCode::OK, Duration::from_millis(3));
        answered("GET", "/_matrix/client/versions", StatusCode::IM_A_TEAPOT, Duration::from_millis(3));
        limited(Class::FailedLogins);
        drop(connection(Transport::Tls));
        process::observe();
    });

    let text = handle.render();
    let has = |line: &str| assert!(text.contains(line), "no {line} in\n{text}");
    has("playhouse_http_requests_total{method=\"GET\",route=\"/_matrix/client/versions\",code=\"200\"} 1");
    has("playhouse_http_requests_total{method=\"GET\",route=\"/_matrix/client/versions\",code=\"other\"} 1");
    has("playhouse_limited_total{rule=\"failed_logins\"} 1");
    has("playhouse_http_connections{transport=\"tls\"} 0");
    for name in [
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
        "process_open_fds",
        "process_start_time_seconds",
    ] {
        has(&format!("\n{name} "));
    }
}

#[test]
fn methods_that_clients_make_up_are_one_series() {
    assert_eq!(method(&Method::GET), "GET");
    assert_eq!(method(&Method::from_bytes(b"BREW").unwrap()), "other");
}
