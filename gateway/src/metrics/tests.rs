//! What a scrape shows.

use metrics::with_local_recorder;

use super::*;

#[test]
fn requests_are_counted_by_template_and_the_process_looks_at_itself() {
    let recorder = builder().unwrap().build_recorder();
    let handle = recorder.handle();

    with_local_recorder(&recorder, || {
        describe();
        answered("GET", "/_matrix/client/versions", StatusCode::OK, Duration::from_millis(3));
        answered("GET", "/_matrix/client/versions", StatusCode::IM_A_TEAPOT, Duration::from_millis(3));
        limited(Class::FailedLogins);
        drop(connection(Transport::Tls));
        process::observe();
        process::observe_disk(Path::new("/"));
    });

    let text = render(&handle);
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
        "playhouse_disk_free_bytes",
    ] {
        has(&format!("\n{name} "));
    }
}

#[test]
fn methods_that_clients_make_up_are_one_series() {
    assert_eq!(method(&Method::GET), "GET");
    assert_eq!(method(&Method::from_bytes(b"BREW").unwrap()), "other");
}

#[test]
fn seconds_that_only_grow_are_counters_to_whoever_scrapes() {
    let recorder = builder().unwrap().build_recorder();
    let handle = recorder.handle();

    with_local_recorder(&recorder, process::observe);

    assert!(render(&handle).contains("# TYPE process_cpu_seconds_total counter\n"));
}

#[test]
fn what_seldom_happens_is_there_before_it_happens() {
    let recorder = builder().unwrap().build_recorder();
    let handle = recorder.handle();

    with_local_recorder(&recorder, begin_at_zero);

    let text = render(&handle);
    for class in Class::ALL {
        let series = format!("playhouse_limited_total{{rule=\"{}\"}} 0\n", class.name());
        assert!(text.contains(&series), "no {series} in\n{text}");
    }
    assert!(text.contains("playhouse_http_connections_refused_total{reason=\"full\"} 0\n"), "{text}");
}

#[test]
fn every_histogram_has_buckets_of_its_own_size() {
    let recorder = builder().unwrap().build_recorder();
    let handle = recorder.handle();

    with_local_recorder(&recorder, || {
        histogram!("playhouse_store_batch_requests").record(3.0);
        histogram!("playhouse_store_batch_bytes").record(300.0);
        histogram!("playhouse_room_commit_events").record(3.0);
        histogram!("playhouse_store_fsync_seconds").record(0.000_2);
    });

    let text = render(&handle);
    assert!(!text.contains("quantile="), "a summary, which cannot be added up: {text}");
    assert!(text.contains("playhouse_store_batch_bytes_bucket{le=\"1024\"} 1\n"), "{text}");
    assert!(text.contains("playhouse_store_fsync_seconds_bucket{le=\"0.00025\"} 1\n"), "{text}");
}

#[tokio::test]
async fn waiting_keeps_no_thread_busy_and_the_end_of_a_request_is_counted_however_it_ends() {
    let recorder = builder().unwrap().build_recorder();
    let handle = recorder.handle();
    let _guard = metrics::set_default_local_recorder(&recorder);

    busy("/sync", tokio::time::sleep(Duration::from_millis(20))).await;
    let given_up =
        tokio::time::timeout(Duration::from_millis(1), busy("/sync", std::future::pending::<()>()));
    assert!(given_up.await.is_err());

    let text = render(&handle);
    assert!(text.contains("playhouse_http_requests_in_flight 0\n"), "{text}");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("playhouse_http_busy_seconds_total{route=\"/sync\"} "));
    let busy: f64 = line.unwrap().parse().unwrap();
    assert!(busy > 0.0 && busy < 0.02, "{busy}");
}
