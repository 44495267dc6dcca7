//! The tables that are printed, in Markdown.

use std::fmt::Write;
use std::time::Duration;

use crate::Size;
use crate::machine::Limits;
use crate::measure::Measurement;

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn number<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), show)
}

/// The machine's limits.
pub fn of_machine(limits: &Limits) -> String {
    let p50 = limits.sync.percentile(50.0);
    let mut text = String::from("\n| the machine | |\n|---|---|\n");
    let mut line = |what: &str, value: String| {
        let _ = writeln!(text, "| {what} | {value} |");
    };
    line("cores", limits.cores.to_string());
    let append = limits.append.percentile(50.0);
    line(
        "write of 1 KiB into reserved room and fdatasync, p50",
        format!("{:.3} ms, {:.0} /s", millis(p50), rate(p50)),
    );
    line("append of 1 KiB and fdatasync, p50", format!("{:.3} ms, {:.0} /s", millis(append), rate(append)));
    line("ed25519 signatures on one core", format!("{:.0} /s", limits.signatures));
    line("hyper hello world, ten connections, with this generator", format!("{:.0} /s", limits.hello_worlds));
    text
}

fn rate(each: Duration) -> f64 {
    1.0 / each.as_secs_f64().max(1e-9)
}

/// All measurements; where another server did the same, how many times faster than that.
pub fn of_measurements(ours: &[Measurement], theirs: &[Measurement]) -> String {
    let mut text = String::from(
        "\n| what | | /s | p50 ms | p99 ms | server CPU ms | generator CPU ms | RSS MiB | CQL trips | statements | peer /s | ratio |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for m in if ours.is_empty() { theirs } else { ours } {
        let peer = theirs.iter().find(|t| t.what == m.what);
        let _ = writeln!(
            text,
            "| {} | {} | {:.0} | {:.2} | {:.2} | {} | {} | {} | {} | {} | {} | {} |",
            m.what,
            m.detail,
            m.rate,
            millis(m.latencies.percentile(50.0)),
            millis(m.latencies.percentile(99.0)),
            number(m.server_cpu, |d| format!("{:.3}", millis(d))),
            number(m.own_cpu, |d| format!("{:.3}", millis(d))),
            number(m.memory_mib, |v| format!("{v:.0}")),
            number(m.trips, |trips| format!("{:.2}", trips.requests)),
            number(m.trips, |trips| format!("{:.2}", trips.statements)),
            number(peer, |p| format!("{:.1}", p.rate)),
            number(peer, |p| format!("{:.1}", m.ratio(p))),
        );
    }
    text
}

/// What the project aims at, and whether these numbers reach it.
pub fn of_aims(ours: &[Measurement], limits: &Limits, size: Size) -> String {
    let find = |what: &str| ours.iter().find(|m| m.what.starts_with(what));
    let one_sender = 0.7 / (limits.sync.percentile(50.0).as_secs_f64() + 0.000_15);
    let mut text = String::from("\n| aim | wanted | measured | |\n|---|--:|--:|---|\n");
    let mut line = |aim: &str,
                    wanted: String,
                    measured: Option<f64>,
                    met: fn(f64, f64) -> bool,
                    bound: f64| {
        let verdict = number(measured, |m| if met(m, bound) { "met" } else { "short" }.to_owned());
        let _ =
            writeln!(text, "| {aim} | {wanted} | {} | {verdict} |", number(measured, |m| format!("{m:.2}")));
    };
    let at_least: fn(f64, f64) -> bool = |m, b| m >= b;
    let at_most: fn(f64, f64) -> bool = |m, b| m <= b;
    let rate_of = |what: &str| find(what).map(|m| m.rate);
    let p = |what: &str, percent: f64| find(what).map(|m| millis(m.latencies.percentile(percent)));
    line("sends/s, 10 senders, one room", ">= 2600".into(), rate_of("send, 10 senders"), at_least, 2600.0);
    let last = rate_of("send, 10 senders, last tenth");
    line("... its last tenth", ">= 2600".into(), last, at_least, 2600.0);
    line("sends/s, 1 sender", ">= 1200".into(), rate_of("send, 1 sender"), at_least, 1200.0);
    let share = format!(">= {one_sender:.0}");
    line("... 70 % of the disk's pace", share, rate_of("send, 1 sender"), at_least, one_sender);
    let cpu = find("send, 10 senders").and_then(|m| m.server_cpu).map(millis);
    line("server CPU a message, ms", "<= 0.25".into(), cpu, at_most, 0.25);
    line("last of 500 members has it, p50 ms", "<= 25".into(), p("audience", 50.0), at_most, 25.0);
    line("delivery with 1,000 readers, p99 ms", "<= 20".into(), p("chatter", 99.0), at_most, 20.0);
    let idle = find("idle").and_then(|m| m.memory_mib);
    line("idle RSS, MiB", "< 64".into(), idle, at_most, 64.0);
    if size != Size::Full {
        text.push_str("\nThe aims speak of the full size; this run was smaller.\n");
    }
    text
}
