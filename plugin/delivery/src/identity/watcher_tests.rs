#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;
use shiwake_records::event::Timestamp;
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Instant as Moment;

const FARGATE: &str = include_str!("../../../../tests/data/ecs/fargate_task.json");
const FARGATE_CONTAINER: &str = include_str!("../../../../tests/data/ecs/fargate_container.json");
const EC2: &str = include_str!("../../../../tests/data/ecs/ec2_task.json");
const EC2_CONTAINER: &str = include_str!("../../../../tests/data/ecs/ec2_container.json");
const CURL: &str = "e9028f8d5d8e4f258373e7b93ce9a3c3-2495160603";
const NEW: &str = "e9028f8d5d8e4f258373e7b93ce9a3c3-7777777777";
const FARGATE_ARN: &str = "arn:aws:ecs:us-west-2:111122223333:task/default/e9028f8d5d8e4f258373e7b93ce9a3c3";
const FAST: Pace = Pace {
    first_pause: Duration::from_millis(5),
    longest_pause: Duration::from_millis(20),
    refresh: Duration::from_millis(50),
};

/// What the endpoint answers to a request.
#[derive(Debug, Clone)]
enum Reply {
    Document(String),
    Status(u16),
    /// The connection is taken, and nothing comes.
    Hang,
}

#[derive(Debug, Default)]
struct State {
    replies: HashMap<&'static str, Reply>,
    requests: Vec<String>,
    hanging: Vec<TcpStream>,
}

/// A metadata endpoint over real HTTP.
struct FakeEcs {
    state: Arc<Mutex<State>>,
    endpoint: Endpoint,
}

impl FakeEcs {
    fn start(task: Reply, container: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = Endpoint::parse(&format!("http://{}/v4/0a1b", listener.local_addr().unwrap())).unwrap();
        let replies = HashMap::from([("/v4/0a1b/task", task), ("/v4/0a1b", container)]);
        let state = Arc::new(Mutex::new(State { replies, ..State::default() }));
        let shared = Arc::clone(&state);
        // Ends with the process of the test.
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| serve(stream, &shared)));
        Self { state, endpoint }
    }

    fn reply(&self, path: &'static str, reply: Reply) {
        self.state.lock().unwrap().replies.insert(path, reply);
    }

    fn requests_for(&self, path: &str) -> usize {
        self.state.lock().unwrap().requests.iter().filter(|asked| *asked == path).count()
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let Some(Ok(first)) = lines.next() else { return };
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
    let mut state = state.lock().unwrap();
    let reply = state.replies.get(path.as_str()).cloned().unwrap_or(Reply::Status(404));
    state.requests.push(path);
    let _ = match reply {
        Reply::Document(text) => write!(stream, "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len()),
        Reply::Status(status) => write!(stream, "HTTP/1.0 {status} No\r\n\r\n{FARGATE}"),
        Reply::Hang => {
            state.hanging.push(stream);
            Ok(())
        }
    };
}

#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl Log for Lines {
    fn line(&self, level: Level, text: &str) {
        if level <= Level::Warn {
            self.0.lock().unwrap().push(text.to_owned());
        }
    }
}

/// A sorter beside a watcher.
struct Bench {
    sorter: Sorter,
    reader: TaskReader,
    lines: Arc<Lines>,
    watcher: TaskWatcher,
}

impl Bench {
    fn start(ecs: &FakeEcs, pace: Pace) -> Self {
        let lines: Arc<Lines> = Arc::default();
        let watcher = TaskWatcher::start(ecs.endpoint.clone(), pace, Arc::clone(&lines) as _).unwrap();
        Self { sorter: Sorter::default(), reader: watcher.reader(), lines, watcher }
    }

    /// The fields of a sorted record of that container of the task on Fargate.
    fn sort(&mut self, container: &str) -> HashMap<String, String> {
        self.sort_record(&[("log", "hello"), ("ecs_task_arn", FARGATE_ARN), ("container_id", container)])
    }

    fn sort_record(&mut self, record: &[(&str, &str)]) -> HashMap<String, String> {
        let map = record.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let event = rmpv::Value::Array(vec![1_700_000_000_u32.into(), rmpv::Value::Map(map)]);
        let (mut chunk, mut out) = (Vec::new(), Vec::new());
        rmpv::encode::write_value(&mut chunk, &event).unwrap();
        self.reader.tell(&mut self.sorter);
        self.sorter.sort_chunk(&chunk, Timestamp::default(), &mut out);
        self.reader.ask(&mut self.sorter);
        let event = rmpv::decode::read_value(&mut out.as_slice()).unwrap();
        let fields = event.as_array().unwrap()[1].as_map().unwrap();
        let text = |value: &rmpv::Value| value.as_str().unwrap_or_default().to_owned();
        fields.iter().map(|(key, value)| (text(key), text(value))).collect()
    }

    /// Sorts records of the container until they have the field.
    fn sort_until(&mut self, container: &str, field: &str) -> HashMap<String, String> {
        let begun = Moment::now();
        loop {
            let fields = self.sort(container);
            if fields.contains_key(field) {
                return fields;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain for {field}: {fields:?}");
            std::thread::yield_now();
        }
    }
}

fn document(text: &str) -> Reply {
    Reply::Document(text.to_owned())
}

#[test]
fn the_first_record_after_the_start_has_its_origin() {
    let ecs = FakeEcs::start(document(FARGATE), document(FARGATE_CONTAINER));
    let mut bench = Bench::start(&ecs, Pace::default());
    let fields = bench.sort_until(CURL, "availability_zone");
    assert_eq!((fields["availability_zone"].as_str(), fields["ecs_container_name"].as_str()), ("us-west-2a", "curl"));
    assert!(fields["ddtags"].contains("short_image:curltest"));

    let ecs = FakeEcs::start(document(EC2), document(EC2_CONTAINER));
    let mut bench = Bench::start(&ecs, Pace::default());
    let fields = bench.sort_record(&[("log", "x")]);
    assert_eq!((fields["ecs_service"].as_str(), fields["launch_type"].as_str()), ("MyService", "EC2"));
    assert!(bench.lines.0.lock().unwrap().is_empty());
}

#[test]
fn what_the_task_lacks_is_taken_from_the_container() {
    let task = format!(r#"{{"TaskARN":"{FARGATE_ARN}"}}"#);
    let ecs = FakeEcs::start(document(&task), document(FARGATE_CONTAINER));
    let fields = Bench::start(&ecs, FAST).sort_until("e9028f8d5d8e4f258373e7b93ce9a3c3-1547240241", "task_family");
    assert_eq!((fields["task_family"].as_str(), fields["ecs_container_name"].as_str()), ("curltest", "log_router"));
    assert!(!fields.contains_key("availability_zone"));
}

#[test]
fn an_endpoint_that_fails_is_asked_again_and_spoken_of_once() {
    for (broken, said) in [
        (Reply::Status(500), "status 500"),
        (document("<html>"), "not JSON"),
        (document("{}"), "has no 'TaskARN'"),
        (document(&"x".repeat(2_000_000)), "longer than"),
    ] {
        let ecs = FakeEcs::start(broken.clone(), Reply::Status(500));
        let mut bench = Bench::start(&ecs, FAST);
        let begun = Moment::now();
        while ecs.requests_for("/v4/0a1b/task") < 4 {
            assert!(!bench.sort(CURL).contains_key("availability_zone"));
            assert!(begun.elapsed() < Duration::from_secs(60));
        }
        // The container's document alone says something already.
        ecs.reply("/v4/0a1b", document(FARGATE_CONTAINER));
        assert!(!bench.sort_until(CURL, "task_family").contains_key("availability_zone"));
        ecs.reply("/v4/0a1b/task", document(FARGATE));
        bench.sort_until(CURL, "availability_zone");
        drop(bench.watcher);
        let lines = bench.lines.0.lock().unwrap();
        assert!(lines.len() == 1 && lines[0].contains(said), "{broken:?}: {lines:?}");
    }
}

#[test]
fn an_endpoint_that_hangs_holds_up_neither_records_nor_the_exit() {
    let ecs = FakeEcs::start(Reply::Hang, Reply::Hang);
    let begun = Moment::now();
    let mut bench = Bench::start(&ecs, Pace::default());
    assert!(begun.elapsed() < Duration::from_millis(1_500), "{:?}", begun.elapsed());
    let begun = Moment::now();
    assert!(!bench.sort(CURL).contains_key("availability_zone"));
    drop(bench.watcher);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(ecs.requests_for("/v4/0a1b/task"), 1);
}

#[test]
fn nobody_at_the_address_is_said_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v4", listener.local_addr().unwrap());
    drop(listener);
    let lines: Arc<Lines> = Arc::default();
    drop(TaskWatcher::start(Endpoint::parse(&url).unwrap(), FAST, Arc::clone(&lines) as _).unwrap());
    let lines = lines.0.lock().unwrap();
    assert!(lines.len() == 1 && lines[0].contains("cannot connect"), "{lines:?}");
}

#[test]
fn a_container_that_is_new_is_asked_for_and_one_that_is_gone_is_remembered() {
    let ecs = FakeEcs::start(document(FARGATE), document(FARGATE_CONTAINER));
    let mut bench = Bench::start(&ecs, FAST);
    bench.sort_until(CURL, "ecs_container_name");
    assert_eq!(ecs.requests_for("/v4/0a1b/task"), 1, "nothing was new");
    // Its record has what is known of the task, and the question is asked.
    let first = bench.sort(NEW);
    assert!(first.contains_key("availability_zone") && !first.contains_key("ecs_container_name"));
    ecs.reply("/v4/0a1b/task", document(&FARGATE.replace(CURL, NEW)));
    let fields = bench.sort_until(NEW, "ecs_container_name");
    assert_eq!(fields["ecs_container_name"], "curl");
    assert!(bench.sort(CURL).contains_key("ecs_container_name"), "its last lines may still come");
    assert!(bench.lines.0.lock().unwrap().is_empty());
}

#[test]
fn a_container_that_stays_unknown_is_asked_for_no_more_often_than_the_pace_allows() {
    let ecs = FakeEcs::start(document(FARGATE), document(FARGATE_CONTAINER));
    let mut bench = Bench::start(&ecs, FAST);
    bench.sort_until(CURL, "ecs_container_name");
    let begun = Moment::now();
    while ecs.requests_for("/v4/0a1b/task") < 4 {
        bench.sort(NEW);
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
    assert!(begun.elapsed() >= FAST.refresh * 2, "{:?}", begun.elapsed());
}
