//! Services, and the tasks of ECS that they run as.

use super::chance::{Table, hex, popular};
use super::statements::{self, Statement};
use crate::twin::{Field, Pairs};
use fastrand::Rng;

/// Tasks of each service. The driver that hands logs to FireLens says of each record from which container it is; the ECS fields are not
/// there (`enable-ecs-log-metadata` is `false`), as our filter alone would make nine columns of them.
const TASKS: usize = 20;

/// A service. What it is called is also where its code lies and its task definition's family.
pub(crate) struct Service {
    pub(crate) name: &'static str,
    version: &'static str,
    /// Of the task definition.
    revision: u16,
    /// What it logs.
    statements: &'static [Statement],
}

pub(crate) const SHOP: usize = 0;
pub(crate) const CART: usize = 1;
pub(crate) const SEARCH: usize = 2;
pub(crate) const LOGIN: usize = 3;
pub(crate) const PAYMENT: usize = 4;

/// The services, in the order of the numbers above.
pub(crate) static SERVICES: [Service; 6] = [
    Service { name: "shop", version: "4.11.2", revision: 318, statements: &statements::SHOP },
    Service { name: "cart", version: "2.3.0", revision: 97, statements: &statements::CART },
    Service { name: "search", version: "9.0.1", revision: 141, statements: &statements::SEARCH },
    Service { name: "login", version: "1.20.5", revision: 60, statements: &statements::LOGIN },
    Service { name: "payment", version: "3.3.3", revision: 83, statements: &statements::PAYMENT },
    Service { name: "mail", version: "0.9.8", revision: 12, statements: &statements::MAIL },
];

impl Service {
    /// A place in its code that logs; few of them log most.
    pub(crate) fn statement(&self, chance: &mut Rng) -> &'static Statement {
        self.statements.get(popular(chance, self.statements.len())).unwrap_or(&statements::SHOP[0])
    }
}

/// The service of this number.
fn service(number: usize) -> &'static Service {
    SERVICES.get(number).unwrap_or(&SERVICES[SHOP])
}

/// A task with its one container.
pub(crate) struct Task {
    pub(crate) service: usize,
    /// Where its proxy finds the application: an address in the host's bridge network.
    pub(crate) upstream: String,
    container_id: String,
    container_name: String,
}

impl Task {
    pub(crate) fn service(&self) -> &'static Service {
        service(self.service)
    }

    /// Appends what the application says of itself, and what FireLens adds.
    pub(crate) fn append<'a>(&'a self, fields: &mut Pairs<'a>) {
        let service = self.service();
        fields.extend([
            ("service", Field::from(service.name)),
            ("env", Field::from("prod")),
            ("version", Field::from(service.version)),
            ("source", Field::from("stdout")),
            ("container_id", Field::from(&self.container_id)),
            ("container_name", Field::from(&self.container_name)),
        ]);
    }
}

/// All tasks.
pub(crate) struct Tasks(Table<Task>);

impl Tasks {
    pub(crate) fn new(chance: &mut Rng) -> Self {
        let mut places = 0..;
        Self(Table::new(SERVICES.len() * TASKS, || {
            let number = places.next().unwrap_or(0) % SERVICES.len();
            let Service { name, revision, .. } = service(number);
            Task {
                service: number,
                upstream: format!("172.17.0.{}:8080", chance.u8(2..12)),
                container_id: hex(chance, 64),
                container_name: format!("/ecs-{name}-{revision}-{name}-{}", hex(chance, 20)),
            }
        }))
    }

    pub(crate) fn get(&self, place: usize) -> &Task {
        self.0.get(place)
    }

    /// The place of one of a service's, which the load balancer chooses.
    pub(crate) fn of(service: usize, chance: &mut Rng) -> usize {
        service + SERVICES.len() * chance.usize(..TASKS)
    }

    /// The place of one of all.
    pub(crate) fn any(chance: &mut Rng) -> usize {
        chance.usize(..SERVICES.len() * TASKS)
    }
}
