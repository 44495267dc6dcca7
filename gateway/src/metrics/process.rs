//! What the operating system says of this process, in the names that Prometheus uses for every process.

use std::fs;

use metrics::{describe_gauge, gauge};

/// Ticks a second in `/proc`: fixed by the kernel's interface, whatever its own clock does.
const TICKS_PER_SECOND: f64 = 100.0;

pub(super) fn describe() {
    describe_gauge!("process_resident_memory_bytes", "Memory in RAM");
    describe_gauge!("process_virtual_memory_bytes", "Address space");
    describe_gauge!("process_cpu_seconds_total", "CPU time used, user and system");
    describe_gauge!("process_open_fds", "Open files and sockets");
    describe_gauge!("process_max_fds", "The most files and sockets that may be open");
    describe_gauge!("process_start_time_seconds", "When the process started, in seconds since the epoch");
    describe_gauge!("process_threads", "Threads");
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

/// Times stand at fixed places after the command, which is in brackets and may hold anything.
fn of_stat(stat: &str) {
    let Some((_, fields)) = stat.rsplit_once(") ") else { return };
    let fields: Vec<f64> = fields.split(' ').map(|field| field.trim().parse().unwrap_or(0.0)).collect();
    let (Some(user), Some(system), Some(started)) = (fields.get(11), fields.get(12), fields.get(19)) else {
        return;
    };
    gauge!("process_cpu_seconds_total").set((user + system) / TICKS_PER_SECOND);
    if let Some(boot) = boot_time() {
        gauge!("process_start_time_seconds").set(boot + started / TICKS_PER_SECOND);
    }
}

fn boot_time() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

fn max_fds() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}
