//! What the operating system says of this process, in the names that Prometheus uses for every process.

use std::{fs, path::Path, sync::OnceLock};

use metrics::{describe_gauge, gauge};
use tokio::runtime::RuntimeMetrics;

/// Ticks a second in `/proc`: fixed by the kernel's interface, whatever its own clock does.
const TICKS_PER_SECOND: f64 = 100.0;

/// When the process started: told once, since the kernel's time of boot moves with the machine's clock.
static START: OnceLock<f64> = OnceLock::new();

pub(super) fn describe() {
    describe_gauge!("process_resident_memory_bytes", "Memory in RAM");
    describe_gauge!("process_virtual_memory_bytes", "Address space");
    describe_gauge!("process_cpu_seconds_total", "CPU time used, user and system");
    describe_gauge!("process_open_fds", "Open files and sockets");
    describe_gauge!("process_max_fds", "The most files and sockets that may be open");
    describe_gauge!("process_start_time_seconds", "When the process started, in seconds since the epoch");
    describe_gauge!("process_threads", "Threads");
    describe_gauge!("playhouse_disk_free_bytes", "Room left on the disk of the data folder");
    describe_gauge!("playhouse_disk_size_bytes", "Size of the disk of the data folder");
    describe_gauge!("playhouse_runtime_workers", "Threads that run requests and actors");
    describe_gauge!("playhouse_runtime_busy_seconds_total", "Time that these threads were not idle");
    describe_gauge!("playhouse_runtime_queue_tasks", "Tasks that wait for one of these threads");
    describe_gauge!("playhouse_runtime_tasks", "Tasks alive: requests, connections, actors, chores");
}

pub(super) fn observe() {
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        for line in status.lines() {
            of_status(line);
        }
    }
    if let Ok(stat) = fs::read_to_string("/proc/self/stat") {
        of_stat(&stat);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        gauge!("process_open_fds").set(open.count() as f64);
    }
    if let Some(most) = max_fds() {
        gauge!("process_max_fds").set(most);
    }
}

/// Room on the disk of `folder`.
pub(super) fn observe_disk(folder: &Path) {
    if let Ok(disk) = rustix::fs::statvfs(folder) {
        gauge!("playhouse_disk_free_bytes").set((disk.f_bavail * disk.f_frsize) as f64);
        gauge!("playhouse_disk_size_bytes").set((disk.f_blocks * disk.f_frsize) as f64);
    }
}

/// The threads that run everything that is asynchronous.
pub(super) fn observe_runtime(runtime: &RuntimeMetrics) {
    let workers = runtime.num_workers();
    let busy =
        (0..workers).map(|worker| runtime.worker_total_busy_duration(worker).as_secs_f64()).sum::<f64>();
    gauge!("playhouse_runtime_workers").set(workers as f64);
    gauge!("playhouse_runtime_busy_seconds_total").set(busy);
    gauge!("playhouse_runtime_queue_tasks").set(runtime.global_queue_depth() as f64);
    gauge!("playhouse_runtime_tasks").set(runtime.num_alive_tasks() as f64);
}

fn of_status(line: &str) {
    let Some((name, value)) = line.split_once(':') else { return };
    let Some(number) = value.split_whitespace().next().and_then(|number| number.parse::<f64>().ok()) else {
        return;
    };
    match name {
        "VmRSS" => gauge!("process_resident_memory_bytes").set(number * 1_024.0),
        "VmSize" => gauge!("process_virtual_memory_bytes").set(number * 1_024.0),
        "Threads" => gauge!("process_threads").set(number),
        _ => {}
    }
}

fn of_stat(stat: &str) {
    let Some(times) = Times::of(stat) else { return };
    gauge!("process_cpu_seconds_total").set(times.cpu_seconds);
    gauge!("process_start_time_seconds").set(*START.get_or_init(|| boot_time() + times.started_seconds));
}

/// What a `stat` file of the kernel says of a process or a thread.
pub(super) struct Times<'s> {
    /// Its name.
    pub name: &'s str,
    /// CPU time used, user and system.
    pub cpu_seconds: f64,
    /// When it started, after the machine.
    pub started_seconds: f64,
}

impl<'s> Times<'s> {
    /// Numbers stand at fixed places after the name, which is in brackets and may hold anything.
    pub fn of(stat: &'s str) -> Option<Self> {
        let (before, after) = stat.rsplit_once(") ")?;
        let (_, name) = before.split_once('(')?;
        let fields: Vec<f64> = after.split(' ').map(|field| field.trim().parse().unwrap_or(0.0)).collect();
        let (user, system, started) = (fields.get(11)?, fields.get(12)?, fields.get(19)?);
        let cpu_seconds = (user + system) / TICKS_PER_SECOND;
        Some(Self { name, cpu_seconds, started_seconds: started / TICKS_PER_SECOND })
    }
}

/// Seconds since the epoch at which the machine started; 0 where the kernel does not say.
fn boot_time() -> f64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = stat.lines().find_map(|line| line.strip_prefix("btime "));
    line.and_then(|seconds| seconds.trim().parse().ok()).unwrap_or_default()
}

fn max_fds() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}
