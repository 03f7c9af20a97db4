//! A look into the process table.

use dogi_testkit::wait;

/// The ids of the processes whose command line contains `text`, those in containers too.
pub(crate) fn processes(text: &str) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").expect("Linux has it");
    let ids = entries.flatten().filter_map(|entry| {
        let id = entry.file_name().to_str()?.parse::<u32>().ok()?;
        // One that ends meanwhile is none.
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        String::from_utf8_lossy(&line).contains(text).then_some(id)
    });
    ids.collect()
}

/// Waits until there is such a process.
pub(crate) async fn wait_for_process(text: &str) {
    let what = format!("a process with {text:?}");
    wait::until(&what, || async {
        (!processes(text).is_empty()).then_some(())
    })
    .await
    .expect("it starts");
}

/// Waits until there is no such process any more.
pub(crate) async fn wait_until_no_process(text: &str) {
    let what = format!("the processes with {text:?} to be gone");
    wait::until(&what, || async { processes(text).is_empty().then_some(()) })
        .await
        .expect("nothing is left");
}

/// Resident memory of a process, in KiB.
pub(crate) fn resident(process: u32) -> u64 {
    kib(process, "VmRSS:")
}

/// The most memory that a process had resident so far, in KiB.
pub(crate) fn most_resident(process: u32) -> u64 {
    kib(process, "VmHWM:")
}

fn kib(process: u32, what: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(what))
        .expect("Linux has it");
    line.trim()
        .trim_end_matches(" kB")
        .parse()
        .expect("a number")
}

/// How many files a process has open.
pub(crate) fn open_files(process: u32) -> usize {
    let files = std::fs::read_dir(format!("/proc/{process}/fd"));
    files.expect("it runs").count()
}
