//! What the system knows of a process, and tests that have one to themselves.

pub mod load;

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// Tells a process that it was started for one test.
const ALONE: &str = "SHIWAKE_TEST_IN_ITS_OWN_PROCESS";

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Runs a test, which is called `name`, in a process that nothing else has run in: numbers of a process are those of all
/// its tests. One at a time, so that each has the machine.
pub fn alone(name: &str, test: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        return test();
    }
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command.args(["--exact", name, "--nocapture"]).env(ALONE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name}: {}", output.status);
    assert!(said.contains("1 passed"), "there is no test {name}");
}

/// Bytes of memory that this process has in use now.
pub fn resident_bytes() -> u64 {
    status_bytes("VmRSS:")
}

/// The most it has had in use since [`forget_peak`].
pub fn peak_resident_bytes() -> u64 {
    status_bytes("VmHWM:")
}

/// Begins a new peak at what is in use now.
pub fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

fn status_bytes(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

/// Entries of a folder.
pub fn entries(folder: impl AsRef<Path>) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}
