//! What services log: each place in their code that logs is a text with gaps, and has its level and its logger.

/// One such place. `{order}`, `{user}`, `{item}`, `{count}`, `{millis}` and `{request}` are filled in.
pub(crate) struct Statement {
    pub(crate) level: &'static str,
    pub(crate) logger: &'static str,
    pub(crate) text: &'static str,
}

const fn info(logger: &'static str, text: &'static str) -> Statement {
    Statement { level: "info", logger, text }
}

const fn debug(logger: &'static str, text: &'static str) -> Statement {
    Statement { level: "debug", logger, text }
}

const fn warn(logger: &'static str, text: &'static str) -> Statement {
    Statement { level: "warn", logger, text }
}

// Those of each service, the most frequent first.

pub(crate) static SHOP: [Statement; 8] = [
    info("com.example.shop.catalog.ProductController", "product {item} shown to {user} in {millis} ms"),
    debug("com.example.shop.catalog.ProductCache", "cache miss for products:{item}, asking the store"),
    info("com.example.shop.web.RequestLog", "request {request} done in {millis} ms"),
    debug("com.example.shop.catalog.StockClient", "stock of {item} is {count}, read in {millis} ms"),
    info("com.example.shop.offers.OfferService", "{count} offers for {user} chosen in {millis} ms"),
    info("com.example.shop.orders.OrderService", "order {order} loaded with its items in {millis} ms"),
    warn("com.zaxxer.hikari.pool.HikariPool", "catalog - {count} threads are waiting for a connection"),
    warn("com.example.shop.catalog.ReviewClient", "reviews of {item} took {millis} ms, shown without"),
];

pub(crate) static CART: [Statement; 6] = [
    info("com.example.cart.CartService", "item {item} was put into the cart of {user}, order {order}"),
    debug("com.example.cart.CartStore", "cart of {user} read in {millis} ms"),
    info("com.example.cart.PriceService", "prices of order {order} found anew in {millis} ms"),
    info("com.example.cart.CartController", "request {request} done: order {order} was changed by {user}"),
    debug("com.example.cart.StockClient", "{count} of {item} held back for order {order}"),
    warn("com.example.cart.CartStore", "cart of {user} was changed meanwhile, doing it again"),
];

pub(crate) static SEARCH: [Statement; 5] = [
    info("com.example.search.SearchService", "{count} products found in {millis} ms"),
    debug("com.example.search.QueryParser", "query of {count} terms parsed for {user}"),
    debug("com.example.search.IndexClient", "shard {count} answered in {millis} ms"),
    info("com.example.search.Suggestions", "{count} suggestions made in {millis} ms"),
    warn("com.example.search.IndexClient", "shard {count} is slow: {millis} ms"),
];

pub(crate) static LOGIN: [Statement; 5] = [
    info("com.example.login.SessionService", "session of {user} is valid for {count} minutes more"),
    info("com.example.login.LoginController", "{user} logged in, request {request}"),
    debug("com.example.login.TokenService", "token of {user} renewed in {millis} ms"),
    warn("com.example.login.LoginController", "wrong password of {user}, {count} tries left"),
    info("com.example.login.SessionService", "{count} sessions have ended and were removed"),
];

pub(crate) static PAYMENT: [Statement; 5] = [
    info("com.example.payment.PaymentService", "order {order} of {user} was paid, provider answered in {millis} ms"),
    debug("com.example.payment.ProviderClient", "asking the provider for order {order}, request {request}"),
    info("com.example.payment.InvoiceService", "invoice for order {order} made in {millis} ms"),
    warn("com.example.payment.ProviderClient", "provider took {millis} ms for order {order}"),
    info("com.example.payment.Settlement", "{count} payments settled in {millis} ms"),
];

pub(crate) static MAIL: [Statement; 5] = [
    info("com.example.mail.Sender", "mail for order {order} sent to {user} in {millis} ms"),
    info("com.example.mail.QueueReader", "queue mails has {count} entries, oldest {millis} ms"),
    debug("com.example.mail.Templates", "template order-confirmed filled for order {order}"),
    info("com.example.mail.Sender", "{count} mails handed over, connection kept"),
    warn("com.example.mail.Sender", "mail for order {order} was refused for now, again in {count} s"),
];
