//! The spool against a model of what may happen to it: a disk that fails, processes that are killed, power that is cut,
//! a host that sends again what it does not know to be taken.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use super::fake_disk::{FakeDisk, Fault};
use super::*;
use crate::lane::{Lane, Lanes};
use bytes::Bytes;
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use steps::{Step, step};

#[path = "model_steps.rs"]
mod steps;

const FSYNC: usize = 0;
const FLUSH: usize = 1;
const MEMORY: usize = 2;

/// The lanes that the model uses, one of each durability, and the second one again.
fn durability() -> Vec<Durability> {
    let mut durability = Lanes::default().each(|| Durability::Flush);
    durability[FSYNC] = Durability::Fsync;
    durability[MEMORY] = Durability::Memory;
    durability
}

/// A chunk of the host: its number, and the lanes it has a record of.
#[derive(Debug, Clone)]
struct Sent {
    number: u32,
    lanes: Vec<usize>,
}

impl Sent {
    fn bytes(&self) -> Vec<u8> {
        format!("chunk {} {:?}", self.number, self.lanes).into_bytes()
    }

    fn blocks(&self) -> ChunkBlocks {
        let mut blocks = Lanes::default().each(|| None);
        for lane in &self.lanes {
            let events = Bytes::copy_from_slice(&self.number.to_be_bytes());
            blocks[*lane] = Some(Block { tag: "t".into(), events, records: 1, places: None });
        }
        blocks
    }
}

/// Objects of the lake: what a segment's were written with.
type Lake = BTreeMap<(Arc<str>, u64), (usize, Vec<u32>)>;

struct Model {
    disk: FakeDisk,
    spool: Option<Spool>,
    now: Duration,
    runs: u64,
    next: u32,
    /// Sent and not answered.
    open: Vec<Sent>,
    /// Answered RETRY.
    refused: Vec<Sent>,
    /// Answered OK, but the host may not have noted it when it is killed.
    fresh: Vec<Sent>,
    /// Lanes of chunks that were answered OK, each as often as it was.
    accepted: HashMap<(usize, u32), usize>,
    sealed: Vec<SealedSegment>,
    stored: Vec<SegmentId>,
    lake: Lake,
    /// What may have been lost: answered OK, of a lane that was in memory or only with the system.
    has_cut_power: bool,
}

impl Model {
    fn new() -> Self {
        let mut model = Self {
            disk: FakeDisk::default(),
            spool: None,
            now: Duration::ZERO,
            runs: 0,
            next: 0,
            open: Vec::new(),
            refused: Vec::new(),
            fresh: Vec::new(),
            accepted: HashMap::new(),
            sealed: Vec::new(),
            stored: Vec::new(),
            lake: Lake::new(),
            has_cut_power: false,
        };
        model.start();
        model
    }

    fn start(&mut self) {
        let disk = self.disk.clone();
        let open = move || Ok(OpenedDisk { disk: Arc::new(disk.clone()), seed: 5 });
        let settings = SpoolSettings {
            stream: format!("{:028x}", self.runs).into(),
            lanes: Lanes::default(),
            durability: durability(),
            sorting: 1,
            memory: MemoryShare::join(&Arc::default(), 100_000_000, 0),
            disk_limit_bytes: 1_000_000,
            folder: Some(("fake".into(), Box::new(open))),
            is_stopping: Arc::default(),
            is_abandoned: Arc::default(),
        };
        self.runs += 1;
        self.spool = Some(Spool::new(settings));
        self.spool();
    }

    /// The spool at a later time, when it has tried once more to use its folder.
    fn spool(&mut self) -> &mut Spool {
        self.now += Duration::from_secs(10);
        let spool = self.spool.as_mut().unwrap();
        spool.open(self.now);
        self.sealed.extend(spool.take_recovered());
        spool
    }

    fn send(&mut self, chunk: Sent) {
        let id = self.spool().identify(&chunk.bytes(), "t");
        let now = self.now;
        match self.spool().append(id, chunk.blocks(), now) {
            Ok(_) => self.open.push(chunk),
            Err(_) => self.refused.push(chunk),
        }
    }

    fn answer(&mut self) {
        match self.spool().sync() {
            Ok(()) => {
                for chunk in self.open.drain(..) {
                    for lane in &chunk.lanes {
                        *self.accepted.entry((*lane, chunk.number)).or_default() = 1;
                    }
                    self.fresh.push(chunk);
                }
            }
            Err(_) => self.refused.append(&mut self.open),
        }
        for lane in Lane::BY_WORTH {
            let spool = self.spool.as_mut().unwrap();
            if spool.open_segment(lane).is_some_and(|open| open.must_be_sealed) {
                self.sealed.extend(spool.seal(lane));
            }
        }
    }

    fn deliver(&mut self) {
        if self.sealed.is_empty() {
            return;
        }
        let segment = self.sealed.remove(0);
        let loaded = match segment.make_safe().and_then(|()| segment.load()) {
            Ok(loaded) => loaded,
            Err(LoadError::Read { .. }) => return self.sealed.push(segment),
            // Kept as it is. After a power cut a seal may be there without the blocks before it, but not where each block
            // was made safe before.
            Err(error) => {
                assert!(self.has_cut_power && Lanes::default().index(segment.id.lane) != FSYNC, "{error}");
                return self.stored.push(segment.id);
            }
        };
        let numbers: Vec<u32> =
            loaded.blocks.iter().map(|b| u32::from_be_bytes(b.events[..].try_into().unwrap())).collect();
        let key = (Arc::clone(&segment.id.stream), segment.id.number);
        let object = (Lanes::default().index(segment.id.lane), numbers);
        // Written again it is the same.
        if let Some(before) = self.lake.insert(key, object.clone()) {
            assert_eq!(before, object, "segment {:?}", segment.id);
        }
        self.stored.push(segment.id);
    }

    fn commit(&mut self) {
        if !self.stored.is_empty() {
            let id = self.stored.remove(0);
            let _ = self.spool().commit(&id);
        }
    }

    /// The process is gone. A host sends again what it does not know to be taken.
    fn restart(&mut self, notes_are_lost: bool) {
        self.spool = None;
        self.sealed.clear();
        self.stored.clear();
        self.refused.append(&mut self.open);
        let mut fresh = std::mem::take(&mut self.fresh);
        if notes_are_lost {
            self.refused.append(&mut fresh);
        }
        self.start();
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Send(lanes) => {
                let number = self.next;
                self.next += 1;
                self.send(Sent { number, lanes });
            }
            Step::SendAgain => std::mem::take(&mut self.refused).into_iter().for_each(|chunk| self.send(chunk)),
            Step::Answer => self.answer(),
            Step::Seal(lane) => {
                self.answer();
                let sealed = self.spool().seal(Lane::BY_WORTH[lane]);
                self.sealed.extend(sealed);
            }
            Step::Deliver => self.deliver(),
            Step::Commit => self.commit(),
            Step::Fail(fault) => self.disk.fail(fault),
            Step::Kill { notes_are_lost } => {
                self.disk.kill();
                self.restart(notes_are_lost);
            }
            Step::CutPower { chance, notes_are_lost } => {
                self.has_cut_power = true;
                self.disk.cut_power(chance);
                self.restart(notes_are_lost);
            }
        }
    }

    /// All that is left comes to its end, without a fault, and the sums must be right.
    fn finish(mut self) {
        self.disk.heal();
        self.answer();
        for _ in 0..3 {
            self.run(Step::SendAgain);
            self.answer();
        }
        assert!(self.refused.is_empty() && self.open.is_empty());
        for lane in 0..Lane::BY_WORTH.len() {
            self.run(Step::Seal(lane));
        }
        for _ in 0..10_000 {
            self.deliver();
            self.commit();
        }
        assert!(self.sealed.is_empty() && self.stored.is_empty(), "{} segments are left", self.sealed.len());
        let spool = self.spool();
        spool.finish_commits().unwrap();
        assert_eq!((spool.disk_bytes(), spool.memory_bytes()), (0, 0));
        let mut found: HashMap<(usize, u32), usize> = HashMap::new();
        for (lane, numbers) in self.lake.values() {
            numbers.iter().for_each(|number| *found.entry((*lane, *number)).or_default() += 1);
        }
        for ((lane, number), times) in &found {
            assert!(self.accepted.contains_key(&(*lane, *number)), "chunk {number} of lane {lane} was never taken");
            if *lane != MEMORY {
                assert_eq!(*times, 1, "chunk {number} of lane {lane} is there {times} times");
            }
        }
        for (lane, number) in self.accepted.keys() {
            let may_be_lost = *lane == MEMORY || (*lane != FSYNC && self.has_cut_power);
            assert!(may_be_lost || found.contains_key(&(*lane, *number)), "chunk {number} of lane {lane} is lost");
        }
    }
}

/// Cases to try; more by `PROPTEST_CASES`.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2_000)
}

fn run(steps: Vec<Step>) {
    let mut model = Model::new();
    steps.into_iter().for_each(|step| model.run(step));
    model.finish();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn killed_processes_lose_and_double_nothing(steps in proptest::collection::vec(step(false), 1..80)) {
        run(steps);
    }

    #[test]
    fn a_power_cut_loses_nothing_that_was_to_be_on_the_disk(steps in proptest::collection::vec(step(true), 1..80)) {
        run(steps);
    }
}

/// Time goes by until the folder is looked at again for what others have left.
fn wait() -> impl Iterator<Item = Step> {
    std::iter::repeat_n(Step::Answer, 40)
}

#[test]
fn what_a_log_says_counts_once_however_long_it_lies_there() {
    let kill = Step::Kill { notes_are_lost: false };
    // The next run cannot make a log of its own, or cannot remove the one before.
    for fault in [Fault::Create, Fault::Remove] {
        let mut steps = vec![Step::Send(vec![0, 1]), kill.clone(), Step::Deliver, Step::Commit];
        steps.extend([
            Step::Fail(fault),
            kill.clone(),
            Step::Send(vec![1]),
            Step::Seal(1),
            Step::Deliver,
            Step::Commit,
        ]);
        steps.extend(wait());
        run(steps);
    }
}

#[test]
fn a_delivered_file_that_could_not_be_removed_is_not_taken_over_again() {
    let kill = Step::Kill { notes_are_lost: false };
    let mut steps = vec![Step::Send(vec![0, 1]), kill.clone(), Step::Deliver];
    // It stays when it is committed, and when the next run finds it; the first two tries are at what stands beside it.
    steps.extend([Step::Fail(Fault::Remove), Step::Fail(Fault::Remove), Step::Fail(Fault::Remove), Step::Commit]);
    steps.extend([Step::Fail(Fault::Remove), kill, Step::Deliver, Step::Commit]);
    steps.extend(wait());
    run(steps);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases() / 4, ..ProptestConfig::default() })]

    /// Whatever is in the folder: the start goes on, and what comes then is taken, delivered and let go of.
    #[test]
    fn any_files_in_the_folder_are_survived(
        files in proptest::collection::vec(
            ("[0-9a-f]{28}(-0000000001\\.(audit|app|moods)\\.segment(\\.tries|\\.aside)?|\\.commits|\\.lock|\\.x)|seed|[a-z-]{0,9}",
             prop_oneof![
                 proptest::collection::vec(any::<u8>(), 0..200),
                 proptest::collection::vec(any::<u8>(), 0..200).prop_map(|rest| [&b"SHIWAKE\x01"[..], &rest].concat()),
             ]),
            0..6,
        ),
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut model = left_behind(3, true);
        let names = segments(&model.disk);
        for (place, byte) in cuts {
            let name = &names[place.index(names.len())];
            model.disk.edit(name, |file| {
                let at = place.index(file.len());
                file[at] = byte;
                file.truncate(file.len() - usize::from(byte) % file.len() / 2);
            });
        }
        for (name, content) in files {
            if let Ok(mut file) = model.disk.create(&name) {
                file.append(&[&content]).unwrap();
            }
        }
        model.restart(true);
        model.sealed.retain(|segment| segment.load().is_ok());
        model.run(Step::Send(vec![FSYNC, FLUSH]));
        model.answer();
        prop_assert!(model.refused.iter().all(|chunk| chunk.number != 3), "a new chunk was refused");
        for lane in 0..Lane::BY_WORTH.len() {
            model.run(Step::Seal(lane));
        }
        for _ in 0..100 {
            model.deliver();
            model.commit();
        }
        prop_assert!(model.sealed.is_empty() && model.stored.is_empty());
    }
}

/// The files of a spool that was given `chunks` of the first two lanes and killed.
fn left_behind(chunks: u32, seals: bool) -> Model {
    let mut model = Model::new();
    for number in 0..chunks {
        model.send(Sent { number, lanes: vec![FSYNC, FLUSH] });
    }
    model.answer();
    if seals {
        model.run(Step::Seal(FSYNC));
        model.run(Step::Seal(FLUSH));
    }
    model.disk.kill();
    model
}

fn segments(disk: &FakeDisk) -> Vec<String> {
    disk.names().unwrap().into_iter().filter(|name| name.ends_with(".segment")).collect()
}

#[test]
fn a_write_that_was_torn_at_any_byte_costs_nothing_that_was_answered() {
    let whole = left_behind(3, false).disk;
    let name = segments(&whole).remove(0);
    let content = whole.content(&name);
    let two = left_behind(2, false).disk.content(&name).len();
    assert!(two < content.len());
    for cut in two..content.len() {
        let mut model = left_behind(3, false);
        model.disk.edit(&name, |file| file.truncate(cut));
        model.restart(true);
        model.finish();
        let mut model = left_behind(3, false);
        model.disk.edit(&name, |file| file[cut..].fill(0));
        model.restart(true);
        model.finish();
    }
}

#[test]
fn any_damage_to_the_files_stops_neither_the_start_nor_the_other_lanes() {
    for seals in [false, true] {
        let name = segments(&left_behind(3, seals).disk).remove(0);
        for place in 0..left_behind(3, seals).disk.content(&name).len() {
            let mut model = left_behind(3, seals);
            model.disk.edit(&name, |file| file[place] ^= 0x55);
            model.restart(false);
            let lanes: Vec<usize> =
                model.sealed.iter().map(|segment| Lanes::default().index(segment.id.lane)).collect();
            assert!(lanes.contains(&FLUSH), "{place}");
            model.run(Step::Send(vec![FSYNC]));
            model.answer();
            assert!(model.refused.is_empty(), "{place}");
        }
    }
}

#[test]
fn a_segment_of_which_the_process_dies_is_suspected_and_one_that_it_survives_is_not() {
    let mut model = left_behind(1, true);
    for death in 0..3 {
        model.restart(false);
        assert_eq!(model.sealed[0].tries(), death);
        model.sealed[0].begin_try().unwrap();
        model.disk.kill();
    }
    model.restart(false);
    model.sealed[0].end_try();
    model.disk.kill();
    model.restart(false);
    assert_eq!(model.sealed[0].tries(), 0);
}

#[test]
fn a_stream_that_somebody_else_uses_is_left_alone() {
    let mut model = Model::new();
    model.run(Step::Send(vec![FSYNC]));
    model.answer();
    let first = model.spool.take();
    model.start();
    assert!(model.sealed.is_empty());
    drop(first);
    model.start();
    assert_eq!(model.sealed.len(), 1);
}

#[test]
fn a_chunk_that_was_sorted_in_another_way_is_taken_again_unless_all_of_it_is_there() {
    let mut model = left_behind(1, false);
    model.start();
    let chunk = Sent { number: 0, lanes: vec![FSYNC, FLUSH] };
    let spool = model.spool();
    spool.take_recovered();
    let id = spool.identify(&chunk.bytes(), "t");
    let mut sorted_otherwise = Lanes::default().each(|| None);
    sorted_otherwise[3] = chunk.blocks()[FSYNC].clone();
    // This way of sorting is the same, so only what is missing is taken.
    let appended = spool.append(id, sorted_otherwise, Duration::ZERO).unwrap();
    assert_eq!((appended.records[3], appended.recognised_records), (1, 0));
}

#[test]
fn a_chunk_whose_answer_nobody_heard_is_recognised_once_when_it_comes_again() {
    let mut model = Model::new();
    let chunk = Sent { number: 0, lanes: vec![FSYNC, FLUSH, MEMORY] };
    model.send(chunk.clone());
    model.answer();
    let now = model.now;
    let spool = model.spool();
    let id = spool.identify(&chunk.bytes(), "t");
    spool.note_unanswered(id.unwrap(), [FSYNC, FLUSH, MEMORY].map(|lane| Lane::BY_WORTH[lane]).into_iter());
    for (taken, recognised) in [(0, 3), (3, 0)] {
        let appended = spool.append(id, chunk.blocks(), now).unwrap();
        assert_eq!((appended.records.iter().sum::<u64>(), appended.recognised_records), (taken, recognised));
        spool.sync().unwrap();
    }
}
