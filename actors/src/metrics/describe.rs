//! What a scrape says of each metric of the actors.

use metrics::{describe_counter, describe_gauge, describe_histogram};

/// Tells the installed recorder.
pub(super) fn all() {
    describe_gauge!("playhouse_actors", "Actors alive, by kind");
    describe_gauge!("playhouse_actor_mailbox_messages", "Messages admitted and not answered yet, by kind");
    describe_gauge!(
        "playhouse_destinations",
        "Other servers by state: those that have something to get, and those that do not take it"
    );
    describe_gauge!("playhouse_actors_quarantined", "Ids whose actor failed too often and rests, by kind");
    describe_counter!(
        "playhouse_actor_failures_total",
        "Actors that panicked or failed and were let go, by kind"
    );
    describe_counter!(
        "playhouse_reports_total",
        "Reports of events, rooms and users, by what they are about"
    );
    describe_counter!("playhouse_actor_reloads_total", "Actors that start anew after a lost commit, by kind");
    describe_counter!("playhouse_actor_quarantines_total", "Times that an id was quarantined, by kind");
    describe_counter!(
        "playhouse_actor_admission_refused_total",
        "Requests refused because as many wait as may, by kind"
    );
    describe_histogram!(
        "playhouse_actor_handle_seconds",
        "Time in an actor's handler, by kind; that of users and ingests waits for the store"
    );
    describe_histogram!("playhouse_room_commit_seconds", "Time from the start of a room's commit to its end");
    describe_histogram!("playhouse_room_commit_events", "Events in one commit of a room");
    describe_histogram!("playhouse_send_seconds", "Time from an admitted send to its answer, durable");
    describe_histogram!(
        "playhouse_sync_seconds",
        "Time to compute a sync response, without the wait for news"
    );
    describe_gauge!("playhouse_sync_waiting", "Syncs that wait for something to happen");
    describe_counter!("playhouse_sync_wakeups_total", "Times that a waiting sync was woken");
    describe_counter!(
        "playhouse_sync_rooms_left_out_total",
        "Rooms left out of a sync because they could not be loaded"
    );
    describe_counter!(
        "playhouse_to_device_left_out_total",
        "To-device messages left out because the device's inbox was full"
    );
    describe_gauge!(
        "playhouse_oldest_open_position_seconds",
        "How long the oldest position has been in flight; no sync sees beyond it"
    );
    describe_counter!("playhouse_events_persisted_total", "Events committed, by class of type");
    describe_histogram!("playhouse_state_resolution_seconds", "CPU time of one resolution of forked state");
    describe_histogram!("playhouse_password_hash_seconds", "CPU time of one password hash");
    describe_counter!("playhouse_cache_hits_total", "What was found in memory, by cache");
    describe_counter!("playhouse_cache_misses_total", "What had to be loaded from the store, by cache");
    describe_gauge!("playhouse_cache_bytes", "Memory that a cache holds, estimated, by cache");
    describe_gauge!(
        "playhouse_rooms_by_extremities",
        "Active rooms, by how many forward extremities they have"
    );
    describe_gauge!("playhouse_room_extremities_max", "The most forward extremities of an active room");
    describe_gauge!("playhouse_room_state_events_max", "The most state events of an active room");
    describe_gauge!("playhouse_room_log_events_max", "The most events in the log of an active room");
}
