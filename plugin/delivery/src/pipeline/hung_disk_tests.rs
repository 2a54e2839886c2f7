//! Instances whose disk hangs, until it is told to go on.

use super::*;
use crate::spool::{Disk, DiskFile, DiskLock, OpenedDisk};
use std::io;
use std::thread::yield_now;
use std::time::Instant;
use tempfile::TempDir;

/// What of a disk hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Append,
    Sync,
    Read,
}

/// Holds up whoever asks for an operation.
#[derive(Debug, Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct GateState {
    hanging: Option<Operation>,
    held_up: usize,
}

impl Gate {
    fn close(&self, operation: Operation) {
        self.state.lock().unwrap().hanging = Some(operation);
    }

    fn open(&self) {
        self.state.lock().unwrap().hanging = None;
        self.changed.notify_all();
    }

    fn pass(&self, operation: Operation) {
        let mut state = self.state.lock().unwrap();
        if state.hanging != Some(operation) {
            return;
        }
        state.held_up += 1;
        self.changed.notify_all();
        while state.hanging == Some(operation) {
            state = self.changed.wait(state).unwrap();
        }
        state.held_up -= 1;
    }

    fn wait_until_it_holds_somebody_up(&self) {
        let mut state = self.state.lock().unwrap();
        while state.held_up == 0 {
            state = self.changed.wait(state).unwrap();
        }
    }
}

/// A disk of the machine behind a gate.
#[derive(Debug)]
struct GatedDisk {
    disk: Arc<dyn Disk>,
    gate: Arc<Gate>,
}

#[derive(Debug)]
struct GatedFile {
    file: Box<dyn DiskFile>,
    gate: Arc<Gate>,
}

impl GatedDisk {
    fn gated(&self, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(GatedFile { file, gate: Arc::clone(&self.gate) })
    }
}

impl Disk for GatedDisk {
    fn names(&self) -> io::Result<Vec<String>> {
        self.disk.names()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.disk.create(name).map(|file| self.gated(file))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.disk.open(name).map(|file| self.gated(file))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn sync_names(&self) -> io::Result<()> {
        self.gate.pass(Operation::Sync);
        self.disk.sync_names()
    }

    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn DiskLock>>> {
        self.disk.lock(name)
    }
}

impl DiskFile for GatedFile {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn append(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        self.gate.pass(Operation::Append);
        self.file.append(parts)
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.gate.pass(Operation::Read);
        self.file.read_at(offset, bytes)
    }

    fn truncate(&mut self, size: u64) -> io::Result<()> {
        self.file.truncate(size)
    }

    fn sync(&self) -> io::Result<()> {
        self.gate.pass(Operation::Sync);
        self.file.sync()
    }
}

/// An instance behind a gate.
fn start_gated(memory: &Arc<MemoryBudget>, folder: &TempDir, gate: &Arc<Gate>, set: &[(&str, &str)]) -> Bench {
    let gate = Arc::clone(gate);
    let open = move |folder: &FilePath| -> OpenDisk {
        let open = open_folder(folder.to_owned(), "memory".into());
        Box::new(move || {
            let OpenedDisk { disk, seed } = open()?;
            Ok(OpenedDisk { disk: Arc::new(GatedDisk { disk, gate: Arc::clone(&gate) }), seed })
        })
    };
    let own = [("store_dir", folder.path().to_str().unwrap()), ("durability", "fsync")];
    start_beside(memory, &[&own, set].concat(), "", open)
}

/// Waits until nobody has the gate but the test: every thread of its instance has ended.
fn wait_for_the_end(gate: &Arc<Gate>) {
    while Arc::strong_count(gate) > 1 {
        yield_now();
    }
}

/// Takes and writes a chunk with an instance that has nothing to do with the disk that hangs.
fn works(bench: &Bench) {
    let written = bench.pipeline.ledger().totals().written;
    let long = "x".repeat(150_000);
    assert_eq!(bench.pipeline.accept(&chunk(&[long.as_str()]), "app"), Answer::Accepted);
    while bench.pipeline.ledger().totals().written == written {
        yield_now();
    }
}

fn a_disk_hangs_and_comes_back(operation: Operation) {
    let (folder, other_folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (memory, gate) = (Arc::default(), Arc::<Gate>::default());
    let bench = start_gated(&memory, &folder, &gate, &[("shutdown_timeout", "60s")]);
    let others = [
        start_beside(&memory, &[("total_file_size", "100k")], "", |_| unreachable!()),
        start_gated(&memory, &other_folder, &Arc::default(), &[("total_file_size", "100k")]),
    ];
    assert_eq!(bench.pipeline.accept(&chunk(&["before"]), "app"), Answer::Accepted);

    gate.close(operation);
    let begun = Instant::now();
    let hanging = chunk(&["hanging", "ERROR hanging"]);
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| bench.pipeline.accept(&hanging, "app"));
        gate.wait_until_it_holds_somebody_up();
        others.iter().for_each(works);
        assert!(!answer.is_finished(), "nothing hangs");
        assert_eq!(answer.join().unwrap(), Answer::Retry);
    });
    let waited = begun.elapsed();
    assert!(waited >= PATIENCE && waited < 2 * PATIENCE + Duration::from_secs(4), "{waited:?}");
    let begun = Instant::now();
    assert_eq!(bench.pipeline.accept(&chunk(&["at once"]), "app"), Answer::Retry);
    assert!(begun.elapsed() < PATIENCE);
    others.iter().for_each(works);

    gate.open();
    // The host sends again what it was told to keep.
    for kept in [&hanging, &chunk(&["at once"])] {
        while bench.pipeline.accept(kept, "app") == Answer::Retry {
            yield_now();
        }
    }
    bench.pipeline.stop();
    let ledger = bench.pipeline.ledger();
    assert_eq!((ledger.totals().accepted, ledger.totals().written, ledger.recognised()), (4, 4, 2));
}

#[test]
fn a_disk_that_hangs_in_writing_holds_the_host_once_and_nothing_is_lost_or_doubled() {
    a_disk_hangs_and_comes_back(Operation::Append);
}

#[test]
fn a_disk_that_hangs_in_syncing_holds_the_host_once_and_nothing_is_lost_or_doubled() {
    a_disk_hangs_and_comes_back(Operation::Sync);
}

fn the_exit_comes_while_a_disk_hangs(operation: Operation) {
    let folder = tempfile::tempdir().unwrap();
    let (memory, gate) = (Arc::default(), Arc::<Gate>::default());
    let bench = start_gated(&memory, &folder, &gate, &[]);
    assert_eq!(bench.pipeline.accept(&chunk(&["before"]), "app"), Answer::Accepted);
    gate.close(operation);
    let hanging = chunk(&["hanging", "ERROR hanging"]);
    let time = Duration::from_secs(1);
    let lines_at_exit = std::thread::scope(|scope| {
        let answer = scope.spawn(|| bench.pipeline.accept(&hanging, "app"));
        gate.wait_until_it_holds_somebody_up();
        let begun = Instant::now();
        bench.pipeline.stop_within(time);
        let stopped = begun.elapsed();
        assert!(stopped >= time + END_MARGIN && stopped < time + 2 * END_MARGIN, "{stopped:?}");
        let lines_at_exit = bench.lines.0.lock().unwrap().len();
        assert_eq!(answer.join().unwrap(), Answer::Retry);
        lines_at_exit
    });
    assert!(bench.lines.has(Level::Error, "1 threads have not ended 5s behind their time"), "{:?}", bench.lines);
    assert!(bench.lines.has(Level::Warn, "1 records (app 1) could not be written within 1s; they stay in '"));

    // A host that has read its configuration anew sends again what it was told to keep, while the old thread still hangs.
    let next = start_gated(&memory, &folder, &Arc::default(), &[("shutdown_timeout", "60s")]);
    assert_eq!(next.pipeline.accept(&hanging, "app"), Answer::Accepted);
    gate.open();
    wait_for_the_end(&gate);
    assert_eq!(bench.lines.0.lock().unwrap().len(), lines_at_exit, "a line after the exit");
    // What the old one has answered is there, and no more: it is found by looking every few minutes.
    let mut late = 0;
    while next.pipeline.ledger().recovered() == 0 {
        next.clock.seconds.fetch_add(1_000, Ordering::Relaxed);
        assert_eq!(next.pipeline.accept(&chunk(&["late"]), "app"), Answer::Accepted);
        late += 1;
    }
    next.pipeline.stop();
    let ledger = next.pipeline.ledger();
    assert_eq!((ledger.recovered(), ledger.recognised(), ledger.totals().pending()), (1, 0, 0));
    assert_eq!((bench.pipeline.ledger().totals().written, ledger.totals().written), (0, 3 + late), "{:?}", next.lines);
}

#[test]
fn an_exit_while_a_write_hangs_ends_and_the_next_instance_writes_all_of_it_once() {
    the_exit_comes_while_a_disk_hangs(Operation::Append);
}

#[test]
fn an_exit_while_a_sync_hangs_ends_and_the_next_instance_writes_all_of_it_once() {
    the_exit_comes_while_a_disk_hangs(Operation::Sync);
}

#[test]
fn a_disk_that_hangs_while_a_segment_is_read_holds_up_no_other_instance() {
    let folder = tempfile::tempdir().unwrap();
    let (memory, gate) = (Arc::default(), Arc::<Gate>::default());
    let bench = start_gated(&memory, &folder, &gate, &[("total_file_size", "100k"), ("shutdown_timeout", "60s")]);
    let other = start_beside(&memory, &[("total_file_size", "100k")], "", |_| unreachable!());
    // Nothing is read before a segment is delivered.
    gate.close(Operation::Read);
    let long = "x".repeat(150_000);
    assert_eq!(bench.pipeline.accept(&chunk(&[long.as_str()]), "app"), Answer::Accepted);
    gate.wait_until_it_holds_somebody_up();
    works(&other);
    // What is taken goes on being taken.
    assert_eq!(bench.pipeline.accept(&chunk(&["more"]), "app"), Answer::Accepted);
    gate.open();
    bench.pipeline.stop();
    assert_eq!(bench.pipeline.ledger().totals().written, 2);
}
