#!/usr/bin/env python3
"""The dashboard of Playhouse as a list of questions; prints it as Grafana's JSON.

    ops/grafana/dashboard.py > ops/grafana/dashboards/playhouse.json

In a query `{$}` stands for the chosen servers, `{$, ...}` for these and more, `[$]` for Grafana's interval of rates.
The tests check that the JSON is what this file prints, and that every query brings data from a server under load.
"""

import json

WIDTH, HEIGHT, STAT_HEIGHT = 8, 8, 4
SCREEN = 24


def rate(metric, by="", more=""):
    """The rate of a counter, added up over the chosen servers."""
    return f"sum{f' by ({by}) ' if by else ''}(rate({metric}{{${more}}}[$]))"


def quantile(q, metric, by="", more=""):
    """A quantile of a histogram."""
    labels = ", ".join(filter(None, ["le", by]))
    return f"histogram_quantile({q}, sum by ({labels}) (rate({metric}_bucket{{${more}}}[$])))"


def quantiles(metric):
    """The usual three quantiles of a histogram, as queries."""
    return [(quantile(q, metric), name) for q, name in [(0.5, "half within"), (0.95, "95 %"), (0.99, "99 %")]]


def mean(metric):
    """The mean of a histogram's values."""
    return f"{rate(metric + '_sum')} / {rate(metric + '_count')}"


NOT_SYNC = ', route!~".*/sync"'
ERRORS = ', code=~"5.."'
OURS = ', job="playhouse"'

# Each row: its question, and its panels: (kind, title, unit, what it says, queries as (expression, legend)).
ROWS = [
    ("At a glance", [
        ("stat", "Servers up", "short", "Servers that Prometheus reaches.",
         [('sum(up{job="playhouse", $})', "")]),
        ("stat", "Version", "short", "What runs; more than one while an update is under way.",
         [("count by (version) (playhouse_build_info{$})", "{{version}}")]),
        ("stat", "Acknowledges", "bool_yes_no", "No: the store stopped after a failed sync or on a full disk.",
         [("1 - max(playhouse_store_poisoned{$})", "")]),
        ("stat", "Sends", "cps", "Messages and state events sent by clients.",
         [(rate("playhouse_send_seconds_count"), "")]),
        ("stat", "Send, 99 %", "s", "From an admitted send to its durable answer.",
         [(quantile(0.99, "playhouse_send_seconds"), "")]),
        ("stat", "Server errors", "percentunit", "Answers with a code of 500 or more.",
         [(f"({rate('playhouse_http_requests_total', more=ERRORS)} or vector(0)) / "
           + rate("playhouse_http_requests_total"), "")]),
        ("stat", "Waiting syncs", "short", "About one for each client that is online.",
         [("sum(playhouse_sync_waiting{$})", "")]),
        ("stat", "In quarantine", "short", "Rooms and users whose actor failed too often.",
         [("sum(playhouse_actors_quarantined{$})", "")]),
        ("stat", "Memory of its limit", "percentunit",
         "Memory in RAM over `memory_limit`, which bounds the caches; a little more than that is normal.",
         [("max(process_resident_memory_bytes{$, job=\"playhouse\"} / playhouse_memory_limit_bytes{$})", "")]),
        ("stat", "Room on disk", "percentunit", "Of the disk that holds the data folder.",
         [("min(playhouse_disk_free_bytes{$} / playhouse_disk_size_bytes{$})", "")]),
        ("stat", "Up for", "s", "Of the server that started last.",
         [('time() - max(process_start_time_seconds{$, job="playhouse"})', "")]),
        ("stat", "Accounts' password checks", "cps", "A storm of logins is seen here first.",
         [(rate("playhouse_password_hash_seconds_count"), "")]),
    ]),
    ("Can users send?", [
        ("lines", "Time of a send", "s", "From an admitted send to its durable answer.",
         quantiles("playhouse_send_seconds")),
        ("heat", "Sends by time", "s", "How many sends took how long.",
         [("sum by (le) (increase(playhouse_send_seconds_bucket{$}[$]))", "{{le}}")]),
        ("stack", "Events committed", "cps", "By class of type.",
         [(rate("playhouse_events_persisted_total", "class"), "{{class}}")]),
        ("stack", "Requests", "reqps", "By code of the answer.",
         [(rate("playhouse_http_requests_total", "code"), "{{code}}")]),
        ("lines", "Slowest routes, 99 %", "s", "Without sync, which waits for news.",
         [(f"topk(8, {quantile(0.99, 'playhouse_http_request_seconds', 'route', NOT_SYNC)})", "{{route}}")]),
        ("lines", "Server errors by route", "cps", "Codes of 500 and more; nothing is good.",
         [(f"topk(8, {rate('playhouse_http_requests_total', 'route', ERRORS)}) or vector(0)", "{{route}}")]),
        ("lines", "Refused by rate limits", "cps", "By the rule that refused (429).",
         [(rate("playhouse_limited_total", "rule"), "{{rule}}")]),
        ("lines", "Refused because too many wait", "cps", "By the kind of actor whose mailbox was full (429).",
         [(rate("playhouse_actor_admission_refused_total", "kind"), "{{kind}}")]),
        ("lines", "Connections", "short", "Open by transport, and those closed at once by reason (a second).",
         [("sum by (transport) (playhouse_http_connections{$})", "{{transport}}"),
          (rate("playhouse_http_connections_refused_total", "reason"), "refused: {{reason}}")]),
    ]),
    ("Does everyone hear of it?", [
        ("lines", "Time of a sync", "s", "To compute a response, without the wait for news.",
         quantiles("playhouse_sync_seconds")),
        ("lines", "Waiting syncs", "short", "And all requests under way.",
         [("sum(playhouse_sync_waiting{$})", "syncs that wait"),
          ("sum(playhouse_http_requests_in_flight{$})", "requests under way")]),
        ("lines", "Wake-ups", "cps", "Of waiting syncs. Far more than members online for each event is waste.",
         [(rate("playhouse_sync_wakeups_total"), "wake-ups"),
          (f"{rate('playhouse_sync_wakeups_total')} / {rate('playhouse_events_persisted_total')}", "for each event")]),
        ("lines", "Oldest open position", "s",
         "How long the oldest commit has not been published; no sync sees beyond it. Milliseconds are normal.",
         [("max(playhouse_oldest_open_position_seconds{$})", "")]),
        ("lines", "Hub's mailbox", "short", "Batches that are committed and not yet handed to readers.",
         [('sum(playhouse_actor_mailbox_messages{$, kind="hub"})', "")]),
        ("lines", "Rooms left out of syncs", "cps", "Because they could not be loaded; nothing is good.",
         [(rate("playhouse_sync_rooms_left_out_total"), "")]),
    ]),
    ("Is the store the limit? Reads, and the embedded store", [
        ("lines", "Journal write and sync", "s", "What the disk takes to make a group of writes durable.",
         quantiles("playhouse_store_fsync_seconds")),
        ("lines", "Commit", "s", "Of the store's groups, and of a room from its start to its end.",
         [(quantile(0.5, "playhouse_store_commit_seconds"), "group, half within"),
          (quantile(0.99, "playhouse_store_commit_seconds"), "group, 99 %"),
          (quantile(0.99, "playhouse_room_commit_seconds"), "room, 99 %")]),
        ("lines", "Committer busy", "percentunit",
         "The share of time that the one thread that writes is at it. Near 100 % the store is the limit.",
         [("max(rate(playhouse_store_commit_seconds_sum{$}[$]))", "")]),
        ("lines", "Company", "short", "Means. A slow disk makes large groups.",
         [(mean("playhouse_store_batch_requests"), "requests in a group"),
          (mean("playhouse_room_commit_events"), "events in a room's commit")]),
        ("lines", "Bytes of a group", "bytes", "",
         [(quantile(0.5, "playhouse_store_batch_bytes"), "half within"),
          (quantile(0.99, "playhouse_store_batch_bytes"), "99 %")]),
        ("lines", "Write queue", "short", "Requests that wait for the committer, and refused ones (a second).",
         [("max(playhouse_store_queue_depth{$})", "waiting"),
          (rate("playhouse_store_queue_refused_total"), "refused")]),
        ("stack", "Reads", "ops", "By operation.", [(rate("playhouse_store_read_seconds_count", "op"), "{{op}}")]),
        ("lines", "Time of reads, 99 %", "s", "By operation.",
         [(quantile(0.99, "playhouse_store_read_seconds", "op"), "{{op}}")]),
        ("lines", "Store in memory", "bytes", "",
         [("sum(playhouse_store_memtable_bytes{$})", "rows not in tables yet"),
          ("sum(playhouse_store_cache_bytes{$})", "block cache")]),
        ("lines", "Store on disk", "bytes", "",
         [("sum(playhouse_store_disk_bytes{$})", "store"),
          ("min(playhouse_disk_free_bytes{$})", "room left")]),
        ("lines", "Expired rows removed", "cps", "Rows whose time is over.",
         [(rate("playhouse_store_expired_rows_total"), "")]),
    ]),
    ("Is the store the limit? ScyllaDB", [
        ("lines", "Time of appends", "s", "The one conditional batch that a room's commit waits for.",
         [(quantile(q, "playhouse_store_write_seconds", more=', op="append"'), name)
          for q, name in [(0.5, "half within"), (0.99, "99 %")]]),
        ("lines", "Time of writes, 99 %", "s", "By operation, with all that was tried again.",
         [(quantile(0.99, "playhouse_store_write_seconds", "op"), "{{op}}")]),
        ("stack", "Round trips", "reqps", "To the cluster, by operation.",
         [(rate("playhouse_store_requests_total", "op"), "{{op}}")]),
        ("lines", "Round trips without an answer", "cps", "Or with an error, by operation; nothing is good.",
         [(rate("playhouse_store_requests_total", "op", ', result="failed"'), "{{op}}")]),
        ("lines", "Round trips for an event", "short", "And statements; both stay the same as rooms grow.",
         [(f"{rate('playhouse_store_requests_total')} / {rate('playhouse_events_persisted_total')}", "round trips"),
          (f"{rate('playhouse_store_statements_total')} / {rate('playhouse_events_persisted_total')}", "statements")]),
        ("lines", "Under way", "short", "Requests to the cluster, and those refused because too many stayed so (a second).",
         [("sum(playhouse_store_requests_in_flight{$})", "under way"),
          (rate("playhouse_store_requests_refused_total"), "refused")]),
        ("lines", "Conditional batches", "cps", "What became of them. Refused appends mean a second writer.",
         [(rate("playhouse_store_outcomes_total", "op, outcome"), "{{op}}: {{outcome}}")]),
        ("lines", "Doubts", "cps", "Batches whose outcome had to be read back, and operations tried again.",
         [(rate("playhouse_store_doubts_total"), "doubts"),
          (rate("playhouse_store_retries_total"), "tried again")]),
    ]),
    ("Who burns CPU?", [
        ("stack", "CPU", "short", "Cores in use, by the work of their threads.",
         [(rate("playhouse_cpu_seconds_total", "work"), "{{work}}")]),
        ("lines", "Workers busy", "percentunit",
         "The share of time that the threads for requests and actors are at work. Near 100 % everything waits.",
         [("sum(rate(playhouse_runtime_busy_seconds_total{$}[$])) / sum(playhouse_runtime_workers{$})", "busy"),
          (f"{rate('process_cpu_seconds_total', more=OURS)} / sum(playhouse_runtime_workers{{$}})",
           "CPU of the whole process")]),
        ("lines", "Tasks", "short", "Alive, and those that wait for a worker.",
         [("sum(playhouse_runtime_tasks{$})", "alive"),
          ("sum(playhouse_runtime_queue_tasks{$})", "waiting")]),
        ("stack", "Dearest routes", "percentunit", "Time on a thread, 100 % is one core. Actors' work is beside it.",
         [(f"topk(10, {rate('playhouse_http_busy_seconds_total', 'route')})", "{{route}}")]),
        ("stack", "Actors' handlers", "percentunit",
         "Time in handlers, by kind: that of rooms and the hub is CPU, that of users and ingests waits for the store too.",
         [(rate("playhouse_actor_handle_seconds_sum", "kind"), "{{kind}}")]),
        ("lines", "Heavy work", "percentunit", "CPU of state resolution and of password hashes, 100 % is one core.",
         [(rate("playhouse_state_resolution_seconds_sum"), "state resolution"),
          (rate("playhouse_password_hash_seconds_sum"), "password hashes")]),
        ("lines", "Room handler", "s", "Time of one message to a room's actor.",
         [(quantile(q, "playhouse_actor_handle_seconds", more=', kind="room"'), name)
          for q, name in [(0.5, "half within"), (0.99, "99 %")]]),
        ("lines", "Messages waiting", "short", "Admitted and not answered yet, by kind of actor.",
         [("sum by (kind) (playhouse_actor_mailbox_messages{$})", "{{kind}}")]),
        ("lines", "Actors", "short", "Alive, by kind.",
         [("sum by (kind) (playhouse_actors{$})", "{{kind}}")]),
    ]),
    ("Which rooms rot?", [
        ("lines", "In quarantine", "short", "By kind; the log names them.",
         [("sum by (kind) (playhouse_actors_quarantined{$})", "{{kind}}")]),
        ("lines", "Failures", "cps", "Actors that failed, and those that start anew after a lost commit.",
         [(rate("playhouse_actor_failures_total"), "failures"),
          (rate("playhouse_actor_reloads_total"), "lost commits"),
          (rate("playhouse_actor_quarantines_total"), "quarantines")]),
        ("stack", "Active rooms", "short", "By how many forward extremities they have: more than one is a fork.",
         [("sum by (extremities) (playhouse_rooms_by_extremities{$})", "{{extremities}}")]),
        ("lines", "Most forward extremities", "short", "Of any active room. Above 20, act.",
         [("max(playhouse_room_extremities_max{$})", "")]),
        ("lines", "State resolutions", "cps", "And the CPU they take (cores).",
         [(rate("playhouse_state_resolution_seconds_count"), "resolutions"),
          (rate("playhouse_state_resolution_seconds_sum"), "CPU")]),
        ("lines", "Largest rooms", "short", "The most state events and the longest log of any active room.",
         [("max(playhouse_room_state_events_max{$})", "state events"),
          ("max(playhouse_room_log_events_max{$})", "events")]),
    ]),
    ("Memory, files, scrapes", [
        ("lines", "Memory", "bytes", "In RAM, and what the caches may take together.",
         [('max(process_resident_memory_bytes{$, job="playhouse"})', "in RAM"),
          ("max(playhouse_memory_limit_bytes{$})", "memory_limit")]),
        ("stack", "Caches", "bytes", "Estimated.",
         [("sum by (cache) (playhouse_cache_bytes{$})", "{{cache}}"),
          ("sum(playhouse_store_cache_bytes{$})", "store")]),
        ("lines", "Found in memory", "percentunit", "Hits of all look-ups, by cache.",
         [(f"{rate('playhouse_cache_hits_total', 'cache')} / ({rate('playhouse_cache_hits_total', 'cache')} + "
           f"{rate('playhouse_cache_misses_total', 'cache')})", "{{cache}}")]),
        ("lines", "Open files", "short", "Files and connections, and the most that may be open.",
         [('max(process_open_fds{$, job="playhouse"})', "open"),
          ('min(process_max_fds{$, job="playhouse"})', "most")]),
        ("lines", "Certificates read again", "short", "In an hour, by outcome.",
         [("sum by (outcome) (increase(playhouse_tls_reloads_total{$}[1h]))", "{{outcome}}")]),
        ("lines", "Scrapes", "short", "Seconds that Prometheus waits for the metrics, and how many there are (thousands).",
         [('max(scrape_duration_seconds{job="playhouse", $})', "seconds"),
          ('max(scrape_samples_scraped{job="playhouse", $}) / 1000', "thousand series")]),
    ]),
]

SOURCE = {"type": "prometheus", "uid": "${source}"}


def expression(text):
    """A query with its short forms spelled out."""
    chosen = 'instance=~"$instance"'
    text = text.replace("{$}", f"{{{chosen}}}").replace("{$, ", f"{{{chosen}, ").replace(", $}", f", {chosen}}}")
    return text.replace("[$]", "[$__rate_interval]")


def panel(number, place, kind, title, unit, says, queries):
    """One panel."""
    many = len(queries) > 1 or "{{" in queries[0][1]
    defaults = {"unit": unit, "min": 0}
    shown = {
        "id": number, "title": title, "description": says, "gridPos": place, "datasource": SOURCE,
        "type": {"lines": "timeseries", "stack": "timeseries", "stat": "stat", "heat": "heatmap"}[kind],
        "targets": [
            {"refId": chr(ord("A") + n), "datasource": SOURCE, "expr": expression(query),
             "legendFormat": legend or "__auto", "format": "heatmap" if kind == "heat" else "time_series"}
            for n, (query, legend) in enumerate(queries)
        ],
        "fieldConfig": {"defaults": defaults, "overrides": []},
    }
    if kind in ("lines", "stack"):
        defaults["custom"] = {"fillOpacity": 20 if kind == "stack" else 0, "showPoints": "never",
                              "stacking": {"mode": "normal" if kind == "stack" else "none"}}
        shown["options"] = {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": many},
                            "tooltip": {"mode": "multi", "sort": "desc"}}
    elif kind == "stat":
        names = "name" if title == "Version" else "value"
        shown["options"] = {"reduceOptions": {"calcs": ["lastNotNull"]}, "textMode": names, "graphMode": "none"}
    else:
        shown["options"] = {"calculate": False, "yAxis": {"unit": unit}, "tooltip": {"mode": "single"}}
    return shown


def panels():
    """Rows and panels, each in its place."""
    numbers, top = iter(range(1, 1000)), 0
    for title, row in ROWS:
        yield {"id": next(numbers), "type": "row", "title": title, "collapsed": False, "panels": [],
               "gridPos": {"x": 0, "y": top, "w": SCREEN, "h": 1}}
        top, left = top + 1, 0
        for kind, *rest in row:
            width, height = (WIDTH // 2, STAT_HEIGHT) if kind == "stat" else (WIDTH, HEIGHT)
            if left + width > SCREEN:
                top, left = top + height, 0
            yield panel(next(numbers), {"x": left, "y": top, "w": width, "h": height}, kind, *rest)
            left += width
        top += height


def dashboard():
    """Everything but the panels."""
    instances = "label_values(playhouse_build_info, instance)"
    return {
        "uid": "playhouse", "title": "Playhouse", "tags": ["matrix"], "timezone": "browser", "editable": True,
        "schemaVersion": 39, "version": 1, "refresh": "30s", "time": {"from": "now-3h", "to": "now"},
        "graphTooltip": 1, "annotations": {"list": []}, "links": [],
        "templating": {"list": [
            {"name": "source", "label": "Source", "type": "datasource", "query": "prometheus", "hide": 0},
            {"name": "instance", "label": "Server", "type": "query", "datasource": SOURCE,
             "definition": instances, "query": {"query": instances, "refId": "instances"},
             "refresh": 2, "multi": True, "includeAll": True, "allValue": ".*",
             "current": {"text": "All", "value": "$__all"}},
        ]},
    }


if __name__ == "__main__":
    # A panel a line, so that a change of one is a change of one line.
    print(json.dumps(dashboard())[:-1] + ', "panels": [')
    print(",\n".join(json.dumps(shown) for shown in panels()))
    print("]}")
