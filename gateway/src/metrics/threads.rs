//! The CPU time of this process's threads, by what they are for: who burns it?

use std::{collections::HashMap, fs};

use metrics::{describe_gauge, gauge};

use super::process::Times;

/// How names of threads begin, and what these threads do.
const WORK: [(&str, &str); 4] = [
    // Password hashes and state resolution run on threads of the same name.
    ("tokio-rt-worker", "requests and actors"),
    ("store-committer", "store commits"),
    ("store-sweeper", "store sweeps"),
    ("fjall", "store flushes and compaction"),
];
const OTHER: &str = "other";

pub(super) fn describe() {
    describe_gauge!("playhouse_cpu_seconds_total", "CPU time, by the work of the threads that used it");
}

/// What each thread had used when it was last looked at: threads come and go, their sums must only grow.
#[derive(Debug, Default)]
pub(super) struct Threads {
    used: HashMap<String, f64>,
}

impl Threads {
    /// Adds what the threads have used since the last look. The last moments of a thread that ended are missed.
    pub fn observe(&mut self) {
        let Ok(threads) = fs::read_dir("/proc/self/task") else { return };
        let stats = threads.flatten().filter_map(|thread| {
            let stat = fs::read_to_string(thread.path().join("stat")).ok()?;
            Some((thread.file_name().to_string_lossy().into_owned(), stat))
        });
        self.take(stats);
    }

    fn take(&mut self, stats: impl Iterator<Item = (String, String)>) {
        let before = std::mem::take(&mut self.used);
        for (id, stat) in stats {
            let Some(times) = Times::of(&stat) else { continue };
            let known = before.get(&id).copied().unwrap_or_default();
            // A smaller number is another thread with the id of one that ended.
            let used = if known <= times.cpu_seconds { times.cpu_seconds - known } else { times.cpu_seconds };
            gauge!("playhouse_cpu_seconds_total", "work" => work_of(times.name)).increment(used);
            self.used.insert(id, times.cpu_seconds);
        }
    }
}

fn work_of(thread: &str) -> &'static str {
    WORK.iter().find(|(name, _)| thread.starts_with(name)).map_or(OTHER, |(_, work)| work)
}

#[cfg(test)]
mod tests {
    use metrics::with_local_recorder;
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    fn thread(id: &str, name: &str, user_ticks: u32) -> (String, String) {
        let stat = format!("{id} ({name}) S 1 1 1 0 -1 0 0 0 0 0 {user_ticks} 50 0 0 20 0 1 0 100");
        (id.to_owned(), stat)
    }

    #[test]
    fn the_sum_of_a_kind_of_work_grows_while_its_threads_come_and_go() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();

        with_local_recorder(&recorder, || {
            let mut threads = Threads::default();
            threads
                .take([thread("1", "tokio-rt-worker", 150), thread("2", "tokio-rt-worker", 50)].into_iter());
            threads.take([thread("1", "tokio-rt-worker", 250)].into_iter());
            threads.take([thread("1", "odd (name) of a", 50)].into_iter());
        });

        let text = handle.render();
        assert!(text.contains("{work=\"requests and actors\"} 4\n"), "{text}");
        assert!(text.contains("{work=\"other\"} 1\n"), "{text}");
    }
}
