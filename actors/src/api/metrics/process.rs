//! What the system says about this process, under the names that stock dashboards know.

use std::fs;

use super::text::{Family, Text, count, counter, gauge, units};
use crate::telemetry::{self, LogCounts};

const CPU: Family<0> =
    counter("process_cpu_seconds_total", [], "Total user and system CPU time spent in seconds.");
const RESIDENT: Family<0> =
    gauge("process_resident_memory_bytes", [], "Resident memory size in bytes.");
const VIRTUAL: Family<0> =
    gauge("process_virtual_memory_bytes", [], "Virtual memory size in bytes.");
const FDS: Family<0> = gauge("process_open_fds", [], "Number of open file descriptors.");
const FDS_MAX: Family<0> = gauge("process_max_fds", [], "Maximum number of open file descriptors.");
const START: Family<0> = gauge(
    "process_start_time_seconds",
    [],
    "Start time of the process since unix epoch in seconds.",
);
const THREADS: Family<0> = gauge("process_threads", [], "Number of OS threads in the process.");
const TASKS: Family<0> =
    gauge("ploy_runtime_tasks", [], "Async tasks of the process that are alive.");
const LOG_EVENTS: Family<1> =
    counter("ploy_log_events_total", ["level"], "Log events that passed the filter, by level.");
const LOG_LOST: Family<0> = counter(
    "ploy_log_lines_lost_total",
    [],
    "Log lines lost because the output was closed or too slow.",
);

/// The kernel counts process time in hundredths of a second on every machine that we build for.
const TICK_MICROS: i64 = 10_000;

/// This process at an instant. What the system does not tell is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessInfo {
    /// CPU time used, in microseconds.
    pub cpu_micros: Option<i64>,
    /// Memory in use, in bytes.
    pub resident_bytes: Option<u64>,
    /// Address space in use, in bytes.
    pub virtual_bytes: Option<u64>,
    /// Open files and sockets.
    pub open_fds: Option<u64>,
    /// How many may be open; absent when unlimited.
    pub max_fds: Option<u64>,
    /// When it began, in microseconds since 1970.
    pub start_micros: Option<i64>,
    /// Its threads.
    pub threads: Option<u64>,
    /// Its async tasks that are alive.
    pub tasks: Option<u64>,
    /// What it has logged.
    pub log: LogCounts,
}

impl ProcessInfo {
    /// Reads what Linux tells about this process; elsewhere only the log's counts are there.
    #[must_use]
    pub fn read() -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let mut info = Self::parse(
            &text("/proc/self/stat"),
            &text("/proc/self/status"),
            &text("/proc/self/limits"),
            &text("/proc/stat"),
        );
        info.open_fds = fs::read_dir("/proc/self/fd")
            .ok()
            // One of them is the folder that is being read.
            .and_then(|files| u64::try_from(files.count().saturating_sub(1)).ok());
        (info.log, info.tasks) = (telemetry::counts(), telemetry::tasks());
        info
    }

    fn parse(stat: &str, status: &str, limits: &str, machine: &str) -> Self {
        // The name in parentheses may hold anything; the 3rd field follows the last parenthesis.
        let fields: Vec<&str> =
            stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
        let ticks = |field: usize| fields.get(field - 3)?.parse::<i64>().ok();
        let kilobytes = |key| after(status, key)?.checked_mul(1024);
        let boot = after(machine, "btime").and_then(|seconds| i64::try_from(seconds).ok());
        let start = |boot: i64| {
            let since_boot = ticks(22)?.checked_mul(TICK_MICROS)?;
            boot.checked_mul(1_000_000)?.checked_add(since_boot)
        };
        Self {
            cpu_micros: ticks(14)
                .zip(ticks(15))
                .and_then(|(user, system)| user.checked_add(system)?.checked_mul(TICK_MICROS)),
            resident_bytes: kilobytes("VmRSS:"),
            virtual_bytes: kilobytes("VmSize:"),
            open_fds: None,
            max_fds: after(limits, "Max open files"),
            start_micros: boot.and_then(start),
            threads: after(status, "Threads:"),
            tasks: None,
            log: LogCounts::default(),
        }
    }

    pub(super) fn render(&self, text: &mut Text) {
        let mut set = |family: &Family<0>, value: Option<f64>| {
            if let Some(value) = value {
                text.set(family, [], value);
            }
        };
        set(&CPU, self.cpu_micros.map(units));
        set(&RESIDENT, self.resident_bytes.map(count));
        set(&VIRTUAL, self.virtual_bytes.map(count));
        set(&FDS, self.open_fds.map(count));
        set(&FDS_MAX, self.max_fds.map(count));
        set(&START, self.start_micros.map(units));
        set(&THREADS, self.threads.map(count));
        set(&TASKS, self.tasks.map(count));
        set(&LOG_LOST, Some(count(self.log.lost)));
        for (level, events) in [
            ("error", self.log.error),
            ("warn", self.log.warn),
            ("info", self.log.info),
            ("debug", self.log.debug),
            ("trace", self.log.trace),
        ] {
            text.set(&LOG_EVENTS, [level], count(events));
        }
    }
}

/// Returns the first number after a line's beginning.
fn after(text: &str, key: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_s_files_are_read_as_they_are_written() {
        let stat = "71 (a) b) S 1 71 71 0 -1 4194560 900 0 3 0 250 50 0 0 20 0 9 0 12345 1 2";
        let status = "Name:\ta\nVmSize:\t  2048 kB\nVmRSS:\t  1024 kB\nThreads:\t9\n";
        let limits = "Limit   Soft Limit  Hard Limit  Units\nMax open files   1024   4096  files\n";
        let machine = "cpu  1 2\nbtime 1790000000\n";
        let info = ProcessInfo {
            cpu_micros: Some(3_000_000),
            resident_bytes: Some(1_048_576),
            virtual_bytes: Some(2_097_152),
            open_fds: None,
            max_fds: Some(1024),
            start_micros: Some(1_790_000_123_450_000),
            threads: Some(9),
            tasks: None,
            log: LogCounts::default(),
        };
        assert_eq!(ProcessInfo::parse(stat, status, limits, machine), info);
        assert_eq!(
            ProcessInfo::parse("", "", "Max open files unlimited", ""),
            ProcessInfo::default()
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_tells_all_about_this_process() {
        let info = ProcessInfo::read();
        assert!(info.resident_bytes.is_some_and(|bytes| 100_000 < bytes));
        assert!(info.threads.is_some_and(|threads| 1 <= threads));
        assert!(info.open_fds.is_some_and(|files| 3 <= files));
        assert!(info.cpu_micros.is_some() && info.start_micros.is_some());
    }
}
