//! Records as a shop's containers write them: 60% of access with 16 typed fields, 20% of applications with nested maps, 10%
//! errors with stack traces, 5% audit, 5% activity. All follows from the seed.
//!
//! What is asked for comes page by page of visits, and a page, a user, a task and a place that fails are the same each time that
//! they come. Ids come once: each request has one, every fourth a trace too, and half of the records of applications and errors
//! are of a request shortly before.

mod agents;
mod chance;
mod failures;
mod site;
mod statements;
mod tasks;
mod visits;

use crate::twin::{Field, Pairs};
use chance::{hex, percent, pick, weighted};
use failures::Failures;
use fastrand::Rng;
use site::Site;
use std::collections::VecDeque;
use std::rc::Rc;
use tasks::{LOGIN, SHOP, Tasks};
use visits::{People, Visitor, Visits};

/// Hours that the records are spread over.
const HOURS: u64 = 6;
/// 2026-03-02T06:00:00Z.
const FIRST_SECOND: u64 = 1_772_431_200;
/// Records come in at most so many microseconds out of order.
const DISORDER_MICROS: u64 = 2_000_000;
/// Requests that other records may be of.
const LATELY: usize = 64;
/// Threads of a task that work on requests.
const THREADS: u8 = 24;
/// What staff looks at or changes, of each kind.
const RESOURCES: u16 = 5_000;

const STEPS: [&str; 5] = ["view_item", "add_to_cart", "begin_checkout", "add_payment", "purchase"];
const OWN_ACTIONS: [&str; 3] = ["login", "logout", "change_password"];
const STAFF_ACTIONS: [&str; 5] = ["read_customer", "export_data", "grant_role", "revoke_role", "read_secret"];

/// Where records come from.
pub(crate) struct Shop {
    chance: Rng,
    site: Site,
    people: People,
    tasks: Tasks,
    failures: Failures,
    visits: Visits,
    /// Requests that were made lately.
    requests: VecDeque<Request>,
}

/// What the records of a request, or of a job in the background, have in common.
#[derive(Clone)]
struct Request {
    id: String,
    trace: Option<String>,
    visitor: Rc<Visitor>,
    /// The place of the task that works on it, and its thread there.
    task: usize,
    thread: String,
}

impl Shop {
    /// The shop of this seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut chance = Rng::with_seed(seed);
        let site = Site::new(&mut chance);
        let mut people = People::new(&mut chance);
        let (tasks, failures) = (Tasks::new(&mut chance), Failures::new(&mut chance));
        let visits = Visits::new(&mut people, &site, &mut chance);
        Self { chance, site, people, tasks, failures, visits, requests: VecDeque::new() }
    }

    /// When record `number` of `count` was written, in microseconds since 1970.
    pub(crate) fn stamp(&mut self, number: u64, count: u64) -> u64 {
        let span = HOURS * 3_600 * 1_000_000 - DISORDER_MICROS;
        FIRST_SECOND * 1_000_000 + span / count.max(1) * number + self.chance.u64(..DISORDER_MICROS)
    }

    /// The next record's fields.
    pub(crate) fn next(&mut self) -> Pairs<'_> {
        match self.chance.u8(..100) {
            0..60 => self.access(),
            60..80 => self.application(),
            80..90 => self.error(),
            90..95 => self.audit(),
            _ => self.activity(),
        }
    }

    fn access(&mut self) -> Pairs<'_> {
        let Self { chance, site, people, tasks, visits, requests, .. } = self;
        let (visitor, asked) = visits.ask(people, site, chance);
        let answer = asked.target.answer(asked.has_file, chance);
        let task = Tasks::of(asked.target.service, chance);
        let request = Request {
            id: hex(chance, 32),
            trace: percent(chance, 25).then(|| hex(chance, 32)),
            visitor: Rc::clone(&visitor),
            task,
            thread: format!("http-nio-8080-exec-{}", chance.u8(1..=THREADS)),
        };
        requests.truncate(LATELY - 1);
        requests.push_front(request.clone());
        let (user, agent, task) = (people.user(&visitor), people.agent(&visitor), tasks.get(task));
        let mut fields = vec![
            ("remote_addr", Field::from(&user.address)),
            ("method", Field::from(asked.target.method)),
            ("host", Field::from(asked.target.host)),
            ("path", Field::from(asked.target.path)),
            ("query", Field::from(asked.query)),
            ("protocol", Field::from(agent.protocol)),
            ("status", Field::Int(i64::from(answer.status))),
            ("bytes", Field::Int(i64::from(answer.bytes))),
            ("duration_ms", Field::Float(f64::from(answer.millis))),
            ("referer", Field::from(asked.referer)),
            ("user_agent", Field::from(&agent.name)),
            ("request_id", Field::from(request.id)),
            ("upstream_addr", Field::from(&task.upstream)),
            ("upstream_status", Field::Int(i64::from(answer.status))),
            ("user_id", Field::from(&user.id)),
        ];
        fields.extend(request.trace.map(|trace| ("trace_id", Field::from(trace))));
        task.append(&mut fields);
        fields
    }

    fn application(&mut self) -> Pairs<'_> {
        let request = self.work();
        let Self { chance, people, tasks, .. } = self;
        let (user, task) = (people.user(&request.visitor), tasks.get(request.task));
        let statement = task.service().statement(chance);
        let items = &request.visitor.order.items;
        let cents: u32 = items.iter().map(|(_, cents)| cents).sum();
        let order = vec![
            ("id", Field::Int(i64::from(request.visitor.order.number))),
            ("items", Field::List(items.iter().map(|(item, _)| Field::Int(i64::from(*item))).collect())),
            ("total", Field::Float(f64::from(cents) / 100.0)),
        ];
        let customer = vec![("id", Field::from(&user.id)), ("tier", Field::from(user.tier))];
        let context = vec![
            ("order", Field::Map(order)),
            ("customer", Field::Map(customer)),
            ("retry", Field::Bool(percent(chance, 4))),
        ];
        let mut fields = vec![
            ("level", Field::from(statement.level)),
            ("logger", Field::from(statement.logger)),
            ("thread", Field::from(request.thread.clone())),
            ("message", Field::from(request.fill(statement.text, &user.id, chance))),
            ("request_id", Field::from(request.id)),
            ("context", Field::Map(context)),
        ];
        fields.extend(request.trace.map(|trace| ("trace_id", Field::from(trace))));
        task.append(&mut fields);
        fields
    }

    fn error(&mut self) -> Pairs<'_> {
        let request = self.work();
        let Self { chance, people, tasks, failures, .. } = self;
        let (user, task) = (people.user(&request.visitor), tasks.get(request.task));
        let failure = failures.of(task.service, chance);
        let message = request.fill(failure.message, &user.id, chance);
        let stack = format!("{}: {message}{}", failure.kind, failure.frames);
        let mut fields = vec![
            ("level", Field::from("error")),
            ("logger", Field::from(&failure.logger)),
            ("error_kind", Field::from(failure.kind)),
            ("error_message", Field::from(message)),
            ("error_stack", Field::from(stack)),
            ("user_id", Field::from(&user.id)),
        ];
        fields.extend(request.trace.map(|trace| ("trace_id", Field::from(trace))));
        task.append(&mut fields);
        fields
    }

    /// Users log in and out; those who work for the shop do the rest.
    fn audit(&mut self) -> Pairs<'_> {
        let Self { chance, people, tasks, visits, .. } = self;
        let visitor = visits.any(chance);
        let is_own = percent(chance, 70);
        let (actor, agent) = if is_own {
            (people.user(&visitor), people.agent(&visitor))
        } else {
            let clerk = people.clerk(chance);
            (clerk, people.first_agent(clerk))
        };
        let resource = if is_own {
            format!("users/{}", actor.id)
        } else {
            format!("{}/{}", pick(chance, &["orders", "users", "invoices", "secrets"]), chance.u16(..RESOURCES))
        };
        let actions: &[&str] = if is_own { &OWN_ACTIONS } else { &STAFF_ACTIONS };
        let mut fields = vec![
            ("log_type", Field::from("audit")),
            ("actor", Field::from(&actor.id)),
            ("action", Field::from(weighted(chance, actions))),
            ("resource", Field::from(resource)),
            ("outcome", Field::from(if percent(chance, 94) { "success" } else { "failure" })),
            ("source_ip", Field::from(&actor.address)),
            ("event_id", Field::from(hex(chance, 32))),
            ("user_agent", Field::from(&agent.name)),
        ];
        tasks.get(Tasks::of(LOGIN, chance)).append(&mut fields);
        fields
    }

    fn activity(&mut self) -> Pairs<'_> {
        let Self { chance, site, people, tasks, visits, .. } = self;
        let visitor = visits.any(chance);
        let step = weighted(chance, &STEPS);
        let looked_at = site.products.popular(chance);
        // What is looked at is not in the cart yet.
        let (item, cents) = match visitor.order.items.first() {
            Some(first) if step != "view_item" => *first,
            _ => (looked_at.number, looked_at.cents),
        };
        let properties = vec![
            ("item", Field::Int(i64::from(item))),
            ("price", Field::Float(f64::from(cents) / 100.0)),
            ("campaign", Field::from(visitor.campaign)),
        ];
        let mut fields = vec![
            ("log_type", Field::from("activity")),
            ("user_id", Field::from(&people.user(&visitor).id)),
            ("event", Field::from(step)),
            ("session_id", Field::from(visitor.session.clone())),
            ("properties", Field::Map(properties)),
        ];
        tasks.get(Tasks::of(SHOP, chance)).append(&mut fields);
        fields
    }

    /// A request that was made lately, or a job in the background for somebody's order.
    fn work(&mut self) -> Request {
        let Self { chance, requests, visits, .. } = self;
        requests.get(chance.usize(..LATELY * 2)).cloned().unwrap_or_else(|| Request {
            id: hex(chance, 32),
            trace: None,
            visitor: visits.any(chance),
            task: Tasks::any(chance),
            thread: pick(chance, &["worker-1", "worker-2", "worker-3", "scheduling-1"]).to_owned(),
        })
    }
}

impl Request {
    /// Fills the gaps of a message.
    fn fill(&self, text: &str, user: &str, chance: &mut Rng) -> String {
        let order = &self.visitor.order;
        let item = order.items.first().map_or(0, |(item, _)| *item);
        text.replace("{order}", &order.number.to_string())
            .replace("{user}", user)
            .replace("{item}", &item.to_string())
            .replace("{count}", &chance.u16(1..300).to_string())
            .replace("{millis}", &chance.u16(1..900).to_string())
            .replace("{request}", &self.id)
    }
}

#[cfg(test)]
#[path = "shop_tests.rs"]
mod tests;
