//! A test in a process of its own, where it may have a small disk or a limit on its files: it starts itself again.

use std::io::{Write as _, stderr};
use std::path::Path;
use std::process::{Command, id};

use tempfile::TempDir;

/// Says to the started process that it is the one.
const INSIDE: &str = "PLOY_TEST_INSIDE";
/// Root gets mounts of its own so.
const OWN: [&str; 2] = ["--mount", "--propagation=private"];
/// And this is how anybody becomes root of a small world, where the system allows it.
const AS_ROOT: [&str; 4] = ["--user", "--map-root-user", "--mount", "--propagation=private"];

/// Runs the test of this name once more where it may mount a disk of so many KiB in a folder. Returns the folder in that
/// process; in the first one nothing, and then the test is over. Where mounting is not allowed that is said.
pub(crate) fn small_disk(test: &str, kib: u32) -> Option<TempDir> {
    disk(test, kib, &[&OWN, &AS_ROOT])
}

/// Does the same for a test that starts programs of another user: only root may.
pub(crate) fn small_disk_of_root(test: &str, kib: u32) -> Option<TempDir> {
    disk(test, kib, &[&OWN])
}

fn disk(test: &str, kib: u32, ways: &[&[&str]]) -> Option<TempDir> {
    if is_inside(test) {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={kib}k,mode=0777");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path());
        let mounted = mount.status().unwrap();
        assert!(mounted.success(), "a disk of its own");
        return Some(folder);
    }
    let allowed = ways.iter().find(|ways| {
        let mut tried = Command::new("unshare");
        let mount = ["mount", "-t", "tmpfs", "tmpfs", "/mnt"];
        tried.args(**ways).args(mount).output().is_ok_and(|output| output.status.success())
    });
    match allowed {
        Some(ways) => again(Command::new("unshare").args(*ways), test),
        None => stderr().write_all(b"SKIPPED: no disk can be mounted\n").unwrap(),
    }
    None
}

/// Runs the test of this name once more where a file that grows too large is an error and no signal. Tells whether this is
/// that process; in the first one the test is then over.
pub(crate) fn limited_files(test: &str) -> bool {
    if !is_inside(test) {
        again(Command::new("env").arg("--ignore-signal=XFSZ"), test);
        return false;
    }
    true
}

/// Lets no file of this process grow beyond so many bytes; `unlimited` ends that.
pub(crate) fn limit(bytes: &str) {
    let own = id().to_string();
    let limit = format!("--fsize={bytes}:unlimited");
    let done = Command::new("prlimit").args(["--pid", &own, &limit]).status().unwrap();
    assert!(done.success());
}

/// Fills what is left of a disk. The file that does it is the ballast to throw out.
pub(crate) fn fill(folder: &Path) -> std::path::PathBuf {
    let ballast = folder.join("ballast");
    let mut file = std::fs::File::create(&ballast).unwrap();
    for piece in [64 * 1024, 4096, 1] {
        let bytes = vec![0; piece];
        while file.write_all(&bytes).is_ok() {}
    }
    ballast
}

fn is_inside(test: &str) -> bool {
    std::env::var_os(INSIDE).is_some_and(|inside| inside == *test)
}

fn again(with: &mut Command, test: &str) {
    let name = format!("database::{test}");
    let own = std::env::current_exe().unwrap();
    let run = with.arg(own).args(["--exact", &name, "--nocapture"]).env(INSIDE, test);
    let output = run.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
