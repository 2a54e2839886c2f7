//! Who asks: users with their addresses and browsers, and their visits, page after page.

use super::agents::Agent;
use super::chance::{Table, hex, percent, pick, popular, weighted};
use super::site::{PAGE_HOST, Product, SMALL_PAGE_HOST, STATIC_HOST, Site, Target};
use fastrand::Rng;
use std::collections::VecDeque;
use std::rc::Rc;

/// Addresses: a household has one for a few users, an office or a mobile network one for hundreds.
const ADDRESSES: usize = 6_000;
/// Browsers as they come: some 350 names, of which the most frequent are there many times.
const AGENTS: usize = 1_500;
const USERS: usize = 20_000;
/// Those who work for the shop.
const STAFF: usize = 60;
/// Visits at a time: with so many a page is looked at for about a minute.
const VISITS: usize = 150;
/// Pages of a visit, at most: half as many on average.
const PAGES: u8 = 11;
/// Scripts and styles that the first page of a visit loads.
const ASSETS: usize = 3;

/// A user.
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) tier: &'static str,
    pub(crate) address: String,
    /// The places of the browsers at hand: the second is another one for half of the users.
    agents: [usize; 2],
}

/// An order, which is a cart until it is paid.
pub(crate) struct Order {
    pub(crate) number: u32,
    /// Numbers and prices of what is in it.
    pub(crate) items: Vec<(u32, u32)>,
}

/// Who visits, and what for.
pub(crate) struct Visitor {
    /// Places in the tables of people.
    pub(crate) user: usize,
    pub(crate) agent: usize,
    pub(crate) session: String,
    pub(crate) campaign: &'static str,
    pub(crate) order: Order,
}

/// Something that is asked for.
pub(crate) struct Asked {
    pub(crate) target: Target,
    pub(crate) query: String,
    pub(crate) referer: String,
    /// Whether the browser has it from an earlier visit.
    pub(crate) has_file: bool,
}

impl User {
    fn new(id: String, addresses: &Table<String>, chance: &mut Rng) -> Self {
        let first = popular(chance, AGENTS);
        let second = if chance.bool() { popular(chance, AGENTS) } else { first };
        Self {
            id,
            tier: weighted(chance, &["none", "silver", "gold"]),
            address: addresses.popular(chance).clone(),
            agents: [first, second],
        }
    }
}

/// All users.
pub(crate) struct People {
    users: Table<User>,
    staff: Table<User>,
    agents: Table<Agent>,
    /// The number of the last order.
    orders: u32,
}

impl People {
    pub(crate) fn new(chance: &mut Rng) -> Self {
        let agents = Table::new(AGENTS, || Agent::new(chance));
        let addresses = Table::new(ADDRESSES, || {
            format!("{}.{}.{}.{}", chance.u8(1..224), chance.u8(..), chance.u8(..), chance.u8(1..))
        });
        let mut number = 0;
        let mut user = |letter: char, chance: &mut Rng| {
            number += chance.u32(1..500);
            User::new(format!("{letter}{number:07}"), &addresses, chance)
        };
        let users = Table::new(USERS, || user('u', chance));
        let staff = Table::new(STAFF, || user('s', chance));
        Self { users, staff, agents, orders: 4_180_000 }
    }

    /// Somebody who works for the shop.
    pub(crate) fn clerk(&self, chance: &mut Rng) -> &User {
        self.staff.popular(chance)
    }

    /// The browser that somebody has at hand.
    pub(crate) fn first_agent(&self, user: &User) -> &Agent {
        let [first, _] = user.agents;
        self.agents.get(first)
    }

    pub(crate) fn user(&self, visitor: &Visitor) -> &User {
        self.users.get(visitor.user)
    }

    pub(crate) fn agent(&self, visitor: &Visitor) -> &Agent {
        self.agents.get(visitor.agent)
    }

    fn visitor(&mut self, site: &Site, chance: &mut Rng) -> Visitor {
        let user = chance.usize(..USERS);
        let [first, second] = self.users.get(user).agents;
        self.orders += 1;
        let items =
            (0..chance.usize(1..5)).map(|_| site.products.popular(chance)).map(|item| (item.number, item.cents));
        let order = Order { number: self.orders, items: items.collect() };
        Visitor {
            user,
            agent: if percent(chance, 75) { first } else { second },
            session: hex(chance, 32),
            campaign: weighted(chance, &["none", "spring", "mail-17"]),
            order,
        }
    }
}

/// A visit.
pub(crate) struct Visit {
    pub(crate) visitor: Rc<Visitor>,
    has_been_here: bool,
    pages_left: u8,
    /// The page that it is at, once it is at one.
    at: Option<String>,
    /// What the page still has to load.
    loading: VecDeque<Asked>,
}

impl Visit {
    fn new(people: &mut People, site: &Site, chance: &mut Rng) -> Self {
        Self {
            visitor: Rc::new(people.visitor(site, chance)),
            has_been_here: chance.bool(),
            pages_left: chance.u8(1..=PAGES),
            at: None,
            loading: VecDeque::new(),
        }
    }

    /// What the browser asks for next.
    fn ask(&mut self, people: &People, site: &Site, chance: &mut Rng) -> Asked {
        if let Some(asked) = self.loading.pop_front() {
            return asked;
        }
        self.pages_left = self.pages_left.saturating_sub(1);
        let is_first = self.at.is_none();
        let user = &people.user(&self.visitor).id;
        let mut query = String::new();
        let assets = if is_first { ASSETS } else { 0 };
        let mut parts: Vec<Target> = (0..assets).map(|_| site.assets.popular(chance).clone()).collect();
        let pictures = |count: usize, chance: &mut Rng| -> Vec<Target> {
            (0..count).map(|_| site.products.popular(chance).picture.clone()).collect()
        };
        let mut page = match chance.u8(..100) {
            0..10 => {
                parts.push(Site::offers_for(user));
                parts.extend(pictures(2, chance));
                site.home.clone()
            }
            10..55 => {
                let Product { page, picture, details, reviews, stock, .. } = site.products.popular(chance);
                parts.extend([picture, details, reviews, stock].map(Target::clone));
                if percent(chance, 15) {
                    parts.push(Site::put_into_cart(user));
                }
                page.clone()
            }
            55..72 => {
                parts.extend(pictures(2, chance));
                if chance.bool() {
                    query = Site::listing(chance);
                }
                site.categories.popular(chance).clone()
            }
            72..86 => {
                parts.push(site.suggestions.clone());
                parts.extend(pictures(1, chance));
                query = format!("q={}", site.terms.popular(chance));
                if percent(chance, 30) {
                    query = format!("{query}&{}", Site::listing(chance));
                }
                site.search.clone()
            }
            86..94 => {
                parts.push(Site::cart_of(user));
                if percent(chance, 20) {
                    parts.push(Site::take_from_cart(user));
                }
                site.cart.clone()
            }
            94..97 => site.login.clone(),
            _ => {
                let number = self.visitor.order.number;
                parts.extend([Site::order(number), Site::pay(number)]);
                site.cart.clone()
            }
        };
        if page.host == PAGE_HOST && people.agent(&self.visitor).has_small_screen {
            page.host = SMALL_PAGE_HOST;
        }
        if is_first && query.is_empty() && self.visitor.campaign != "none" {
            query = format!("utm_source=newsletter&utm_campaign={}", self.visitor.campaign);
        }
        let from = self.at.take().unwrap_or_else(|| {
            pick(chance, &["-", "-", "https://www.google.com/", "https://www.bing.com/", "https://l.instagram.com/"])
                .to_owned()
        });
        // Other hosts are told no more than this one's name, as browsers do it.
        let origin = format!("https://{}/", page.host);
        self.at = Some(format!("https://{}{}{}{query}", page.host, page.path, if query.is_empty() { "" } else { "?" }));
        let has_file = self.has_been_here;
        self.loading = parts
            .into_iter()
            .map(|target| {
                let query = if target.path == site.suggestions.path { query.clone() } else { String::new() };
                let has_file = has_file && target.host == STATIC_HOST;
                Asked { target, query, referer: origin.clone(), has_file }
            })
            .collect();
        Asked { target: page, query, referer: from, has_file: false }
    }
}

/// The visits at a time.
pub(crate) struct Visits(Table<Visit>);

impl Visits {
    pub(crate) fn new(people: &mut People, site: &Site, chance: &mut Rng) -> Self {
        Self(Table::new(VISITS, || Visit::new(people, site, chance)))
    }

    /// Somebody who is here.
    pub(crate) fn any(&self, chance: &mut Rng) -> Rc<Visitor> {
        Rc::clone(&self.0.any(chance).visitor)
    }

    /// The next request: of a page that is loading, or somebody's next page.
    pub(crate) fn ask(&mut self, people: &mut People, site: &Site, chance: &mut Rng) -> (Rc<Visitor>, Asked) {
        let loading = (0..VISITS).find(|place| !self.0.get(*place).loading.is_empty() && percent(chance, 75));
        let place = loading.unwrap_or_else(|| chance.usize(..VISITS));
        let visit = self.0.get_mut(place);
        let asked = visit.ask(people, site, chance);
        let visitor = Rc::clone(&visit.visitor);
        if visit.pages_left == 0 && visit.loading.is_empty() {
            *visit = Visit::new(people, site, chance);
        }
        (visitor, asked)
    }
}
