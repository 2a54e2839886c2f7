//! How services fail: in a limited number of places, each with a stack of its own. Only the message has numbers in it.

use super::chance::{Table, pick, popular};
use super::tasks::SERVICES;
use fastrand::Rng;
use std::fmt::Write;

/// Places where services fail, of all services together: what a tracker of errors would show as so many issues.
pub(super) const FAILURES: usize = 120;
/// Methods in the code of each service that stacks go through.
const METHODS: usize = 80;

const CLASSES: [&str; 5] = ["Controller", "Service", "Store", "Client", "Mapper"];
const NOUNS: [&str; 12] =
    ["Product", "Order", "User", "Cart", "Invoice", "Review", "Image", "Search", "Offer", "Stock", "Label", "Return"];
const VERBS: [&str; 8] = ["load", "save", "find", "update", "check", "merge", "handle", "send"];

/// Kinds, with their messages; the most frequent first.
const KINDS: [(&str, &str); 9] = [
    ("com.example.common.ConflictException", "order {order} could not be handled: {count} of item {item} are missing"),
    ("java.net.SocketTimeoutException", "Read timed out after {millis} ms"),
    (
        "org.springframework.web.client.HttpServerErrorException$BadGateway",
        "502 Bad Gateway on GET request for \"http://stock.shop.local/items/{item}\": [no body]",
    ),
    (
        "java.lang.NullPointerException",
        "Cannot invoke \"com.example.common.Price.cents()\" because the return value of \"Item.price()\" is null",
    ),
    ("java.lang.IllegalStateException", "order {order} is closed"),
    (
        "java.sql.SQLTransientConnectionException",
        "pool - Connection is not available, request timed out after {millis}ms",
    ),
    (
        "org.springframework.dao.DuplicateKeyException",
        "duplicate key value violates unique constraint \"order_items_pkey\": Key (order, item)=({order}, {item}) already exists.",
    ),
    (
        "com.fasterxml.jackson.core.JsonParseException",
        "Unexpected character ('<' (code 60)) at [line: 1, column: {count}]",
    ),
    ("java.util.concurrent.TimeoutException", "no answer for order {order} within {millis} ms"),
];

/// What is below the service's own code in a stack, by what called it: a request, a pool's thread, a timer.
const CALLERS: [&[&str]; 3] = [
    &[
        "java.base/jdk.internal.reflect.DirectMethodHandleAccessor.invoke(DirectMethodHandleAccessor.java:103)",
        "java.base/java.lang.reflect.Method.invoke(Method.java:580)",
        "org.springframework.web.method.support.InvocableHandlerMethod.doInvoke(InvocableHandlerMethod.java:255)",
        "org.springframework.web.method.support.InvocableHandlerMethod.invokeForRequest(InvocableHandlerMethod.java:188)",
        "org.springframework.web.servlet.mvc.method.annotation.ServletInvocableHandlerMethod.invokeAndHandle(ServletInvocableHandlerMethod.java:118)",
        "org.springframework.web.servlet.mvc.method.annotation.RequestMappingHandlerAdapter.invokeHandlerMethod(RequestMappingHandlerAdapter.java:926)",
        "org.springframework.web.servlet.mvc.method.annotation.RequestMappingHandlerAdapter.handleInternal(RequestMappingHandlerAdapter.java:831)",
        "org.springframework.web.servlet.mvc.method.AbstractHandlerMethodAdapter.handle(AbstractHandlerMethodAdapter.java:87)",
        "org.springframework.web.servlet.DispatcherServlet.doDispatch(DispatcherServlet.java:1089)",
        "org.springframework.web.servlet.DispatcherServlet.doService(DispatcherServlet.java:979)",
        "org.springframework.web.servlet.FrameworkServlet.processRequest(FrameworkServlet.java:1014)",
        "org.springframework.web.servlet.FrameworkServlet.service(FrameworkServlet.java:885)",
        "jakarta.servlet.http.HttpServlet.service(HttpServlet.java:658)",
        "org.apache.catalina.core.ApplicationFilterChain.internalDoFilter(ApplicationFilterChain.java:195)",
        "org.apache.catalina.core.ApplicationFilterChain.doFilter(ApplicationFilterChain.java:140)",
        "org.springframework.web.filter.OncePerRequestFilter.doFilter(OncePerRequestFilter.java:116)",
        "org.apache.catalina.core.StandardWrapperValve.invoke(StandardWrapperValve.java:167)",
        "org.apache.catalina.core.StandardHostValve.invoke(StandardHostValve.java:115)",
        "org.apache.catalina.connector.CoyoteAdapter.service(CoyoteAdapter.java:344)",
        "org.apache.coyote.http11.Http11Processor.service(Http11Processor.java:391)",
        "org.apache.tomcat.util.net.NioEndpoint$SocketProcessor.doRun(NioEndpoint.java:1740)",
        "java.base/java.lang.Thread.run(Thread.java:1583)",
    ],
    &[
        "java.base/java.util.concurrent.FutureTask.run(FutureTask.java:317)",
        "java.base/java.util.concurrent.ThreadPoolExecutor.runWorker(ThreadPoolExecutor.java:1144)",
        "java.base/java.util.concurrent.ThreadPoolExecutor$Worker.run(ThreadPoolExecutor.java:642)",
        "java.base/java.lang.Thread.run(Thread.java:1583)",
    ],
    &[
        "org.springframework.scheduling.support.ScheduledMethodRunnable.run(ScheduledMethodRunnable.java:130)",
        "java.base/java.util.concurrent.FutureTask.runAndReset(FutureTask.java:358)",
        "java.base/java.util.concurrent.ThreadPoolExecutor$Worker.run(ThreadPoolExecutor.java:642)",
        "java.base/java.lang.Thread.run(Thread.java:1583)",
    ],
];

/// A place where a service fails.
pub(crate) struct Failure {
    pub(crate) kind: &'static str,
    pub(crate) message: &'static str,
    pub(crate) logger: String,
    /// The stack below its first line, which has kind and message.
    pub(crate) frames: String,
}

/// The failures of each service.
pub(crate) struct Failures(Table<Table<Failure>>);

impl Failures {
    pub(crate) fn new(chance: &mut Rng) -> Self {
        let mut names = SERVICES.iter().map(|service| service.name);
        Self(Table::new(SERVICES.len(), || {
            let name = names.next().unwrap_or_default();
            let methods = Table::new(METHODS, || method(name, chance));
            Table::new(FAILURES / SERVICES.len(), || failure(name, &methods, chance))
        }))
    }

    /// A failure of this service. Few of the places fail often.
    pub(crate) fn of(&self, service: usize, chance: &mut Rng) -> &Failure {
        self.0.get(service).popular(chance)
    }
}

/// A method's line in a stack.
fn method(service: &str, chance: &mut Rng) -> String {
    let (noun, class, verb) = (pick(chance, &NOUNS), pick(chance, &CLASSES), pick(chance, &VERBS));
    let package = noun.to_lowercase();
    let line = chance.u16(20..900);
    format!("com.example.{service}.{package}.{noun}{class}.{verb}{}({noun}{class}.java:{line})", pick(chance, &NOUNS))
}

fn failure(service: &str, methods: &Table<String>, chance: &mut Rng) -> Failure {
    let (kind, message) = KINDS.get(popular(chance, KINDS.len())).copied().unwrap_or_default();
    let mut frames = String::new();
    let own: Vec<&String> = (0..chance.usize(4..14)).map(|_| methods.any(chance)).collect();
    let callers = pick(chance, &CALLERS);
    for frame in own.into_iter().map(String::as_str).chain(callers.iter().copied()) {
        // Writing to a String does not fail.
        let _ = write!(frames, "\n\tat {frame}");
    }
    let logger = format!("com.example.{service}.{}{}", pick(chance, &NOUNS), pick(chance, &CLASSES));
    Failure { kind, message, logger, frames }
}
