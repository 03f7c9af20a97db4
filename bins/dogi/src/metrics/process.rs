//! What every program tells of itself, by the names that Prometheus' own libraries use.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

pub(super) fn register(registry: &mut Registry) {
    registry.register_collector(Box::new(Process {
        started: start_time(),
    }));
}

#[derive(Debug)]
struct Process {
    /// Unix time in seconds.
    started: Option<f64>,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let values = [
            (
                "process_start_time_seconds",
                "When the process started, in Unix time",
                self.started,
            ),
            (
                "process_resident_memory_bytes",
                "Memory that the process has in RAM",
                resident(),
            ),
            (
                "process_open_fds",
                "Files and connections that are open",
                open_files(),
            ),
            (
                "process_max_fds",
                "How many may be",
                rustix::process::getrlimit(rustix::process::Resource::Nofile)
                    .current
                    .map(|limit| limit as f64),
            ),
        ];
        for (name, help, value) in values {
            // What this machine does not tell is left out.
            let Some(value) = value else { continue };
            let gauge = ConstGauge::new(value);
            let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(metric)?;
        }
        Ok(())
    }
}

/// A field of `/proc/self/stat`, by its number in proc(5).
fn stat(number: usize) -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is a name in parentheses that may hold spaces.
    let (_, rest) = text.rsplit_once(')')?;
    rest.split_whitespace().nth(number - 3)?.parse().ok()
}

fn start_time() -> Option<f64> {
    let after_boot = stat(22)? / rustix::param::clock_ticks_per_second() as f64;
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    let boot = text.lines().find_map(|line| line.strip_prefix("btime "))?;
    Some(boot.trim().parse::<f64>().ok()? + after_boot)
}

fn resident() -> Option<f64> {
    Some(stat(24)? * rustix::param::page_size() as f64)
}

fn open_files() -> Option<f64> {
    let entries = std::fs::read_dir("/proc/self/fd").ok()?;
    // Less the one that reads the list.
    Some(entries.count().saturating_sub(1) as f64)
}
