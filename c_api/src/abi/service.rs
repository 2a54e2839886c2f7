//! What the user set for the host itself, under `[SERVICE]`.
//!
//! The host keeps that in `struct flb_config`, whose layout differs from version to version and which nothing gives a
//! plugin the fields of. But it exports the table by which it reads its own configuration: `service_configs`, an array of
//! {key, type, offset in `flb_config`} that ends with a null key. The configuration itself is pointed to by the output
//! instance, at a place that differs between versions too: every word of the instance is looked at, with reads that the
//! kernel checks ([`super::memory`]), and the one is believed at which everything that is known of a configuration holds.

use super::host::host;
use super::memory::{read_bytes, read_name, read_words};
use std::ffi::c_void;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Bytes of an instance that are searched; the largest known instance has 968.
const SEARCHED_BYTES: usize = 1024;
/// Bytes of an entry of the table, and entries that are read; the longest known table has 54.
const ENTRY_BYTES: usize = 24;
const MAX_ENTRIES: usize = 512;
/// Offsets beyond this are none; `flb_config` has 18,448 bytes in 1.9 and less in newer hosts.
const MAX_OFFSET: usize = 64 * 1024;
/// Known fields that the table must list.
const LEAST_FIELDS: usize = 7;

const GRACE: &str = "Grace";
/// The longest grace that is believed, in seconds; -1 is a host that waits for ever.
const GRACE_RANGE: RangeInclusive<i32> = -1..=86_400;

/// What a known field of a configuration holds; each has a type in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `int`: seconds of grace.
    Grace,
    /// `int`: a number of seconds that is not zero.
    Seconds,
    /// `double`: a number of seconds above zero.
    Interval,
    /// `int`: zero or one.
    Switch,
    /// `char *`: an address to listen on.
    Address,
    /// `char *`: a port in digits.
    Port,
}

/// What is known of a configuration in every host. Each field has its value before outputs are started.
const KNOWN: [(&str, Kind); 11] = [
    (GRACE, Kind::Grace),
    ("Flush", Kind::Interval),
    ("Daemon", Kind::Switch),
    ("HTTP_Server", Kind::Switch),
    ("HTTP_Listen", Kind::Address),
    ("HTTP_Port", Kind::Port),
    ("Health_Check", Kind::Switch),
    ("storage.metrics", Kind::Switch),
    ("storage.checksum", Kind::Switch),
    ("scheduler.cap", Kind::Seconds),
    ("scheduler.base", Kind::Seconds),
];

/// The host's `Grace`: how long it waits at exit for what its outputs have not taken yet. `None` when it cannot be read
/// with certainty, or has no end.
#[must_use]
pub fn grace(instance: *mut c_void) -> Option<Duration> {
    let seconds = find_grace(host().service_table?, instance as usize)?;
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

/// A field of the configuration that the table lists.
#[derive(Debug, Clone, Copy)]
struct Field {
    kind: Kind,
    offset: usize,
}

/// The seconds of grace in the one configuration that the instance points to.
fn find_grace(table: usize, instance: usize) -> Option<i32> {
    let fields = known_fields(table)?;
    let grace = fields.iter().find(|field| field.kind == Kind::Grace)?;
    if fields.len() < LEAST_FIELDS {
        return None;
    }
    let mut found = None;
    for place in (0..SEARCHED_BYTES).step_by(size_of::<usize>()) {
        // The instance may end before, and what lies behind it may be closed.
        let Some([candidate]) = read_words::<1>(instance.checked_add(place)?) else { break };
        if Some(candidate) != found && is_configuration(candidate, &fields) {
            if found.is_some() {
                return None;
            }
            found = Some(candidate);
        }
    }
    read_int(found?.checked_add(grace.offset)?)
}

/// The known fields that the table lists; `None` when it is not such a table.
fn known_fields(table: usize) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    for number in 0..MAX_ENTRIES {
        let entry = table.checked_add(number * ENTRY_BYTES)?;
        let [key] = read_words::<1>(entry)?;
        if key == 0 {
            return Some(fields);
        }
        let name = read_name(key)?;
        let Some((_, kind)) = KNOWN.iter().find(|(known, _)| name.to_bytes().eq_ignore_ascii_case(known.as_bytes()))
        else {
            continue;
        };
        let [offset] = read_words::<1>(entry.checked_add(2 * size_of::<usize>())?)?;
        if read_int(entry.checked_add(size_of::<usize>())?)? != kind.number() || offset > MAX_OFFSET {
            return None;
        }
        fields.push(Field { kind: *kind, offset });
    }
    None
}

/// Whether everything that is known of a configuration holds at this address.
fn is_configuration(address: usize, fields: &[Field]) -> bool {
    address.is_multiple_of(size_of::<usize>())
        && fields.iter().all(|field| address.checked_add(field.offset).is_some_and(|place| field.kind.holds(place)))
}

impl Kind {
    /// The number of its type in the table: `enum conf_type`.
    fn number(self) -> i32 {
        match self {
            Kind::Grace | Kind::Seconds => 0,
            Kind::Interval => 1,
            Kind::Switch => 2,
            Kind::Address | Kind::Port => 3,
        }
    }

    /// Whether what lies at an address can be of this kind.
    fn holds(self, place: usize) -> bool {
        const DAY_SECONDS: i32 = 86_400;
        let is_int = |allowed: RangeInclusive<i32>| read_int(place).is_some_and(|value| allowed.contains(&value));
        let text = || read_name(read_words::<1>(place)?[0])?.into_string().ok();
        match self {
            Kind::Grace => is_int(GRACE_RANGE),
            Kind::Seconds => is_int(1..=DAY_SECONDS),
            Kind::Switch => is_int(0..=1),
            Kind::Interval => read_bytes(place)
                .map(f64::from_ne_bytes)
                .is_some_and(|seconds| seconds > 0.0 && seconds <= f64::from(DAY_SECONDS)),
            Kind::Port => text().and_then(|port| port.parse::<u16>().ok()).is_some_and(|port| port > 0),
            Kind::Address => text()
                .is_some_and(|text| text.chars().all(|sign| sign.is_ascii_alphanumeric() || "._-:%[]".contains(sign))),
        }
    }
}

fn read_int(place: usize) -> Option<i32> {
    read_bytes(place).map(i32::from_ne_bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use std::ffi::CString;

    /// A host's memory: its table, a configuration and an instance that points to it.
    struct Fake {
        table: Vec<[usize; 3]>,
        config: Box<[usize; 64]>,
        instance: Box<[usize; 128]>,
        _texts: Vec<CString>,
    }

    impl Fake {
        /// Every field lies in a word of its own, in the order of [`KNOWN`], behind an entry nobody knows.
        fn new(grace: i32) -> Self {
            let keys: Vec<CString> = KNOWN.iter().map(|(key, _)| CString::new(key.to_lowercase()).unwrap()).collect();
            let mut fake = Self {
                table: vec![[c"Log_File".as_ptr() as usize, 3, 0]],
                config: Box::new([0; 64]),
                instance: Box::new([0; 128]),
                _texts: Vec::new(),
            };
            for (place, ((_, kind), key)) in KNOWN.iter().zip(&keys).enumerate() {
                fake.table.push([key.as_ptr() as usize, kind.number() as usize, (place + 1) * 8]);
                fake.config[place + 1] = match kind {
                    Kind::Grace => grace as u32 as usize,
                    Kind::Seconds => 5,
                    Kind::Interval => 0.2_f64.to_bits() as usize,
                    Kind::Switch => 1,
                    Kind::Address => c"::1".as_ptr() as usize,
                    Kind::Port => c"2020".as_ptr() as usize,
                };
            }
            fake.table.push([0, 4, 0]);
            fake._texts = keys;
            fake.instance[70] = &raw const *fake.config as usize;
            fake
        }

        fn grace(&self) -> Option<i32> {
            find_grace(self.table.as_ptr() as usize, self.instance.as_ptr() as usize)
        }
    }

    #[test]
    fn grace_is_found_through_the_table_wherever_the_instance_points_to_the_configuration() {
        for place in [0, 11, 127] {
            let mut fake = Fake::new(7);
            fake.instance.swap(70, place);
            // The same pointer twice is the same configuration.
            fake.instance[50] = fake.instance[place];
            assert_eq!(fake.grace(), Some(7), "{place}");
        }
        assert_eq!(Fake::new(0).grace(), Some(0));
        assert_eq!(Fake::new(-1).grace(), Some(-1));
    }

    #[test]
    fn a_configuration_in_which_one_thing_is_wrong_is_not_believed() {
        for (place, (name, kind)) in KNOWN.iter().enumerate() {
            let wrong: &[usize] = match kind {
                Kind::Grace => &[86_401, 0xffff_fffe],
                Kind::Seconds => &[0, 86_401],
                Kind::Interval => &[0, usize::MAX >> 1, 1 << 63],
                Kind::Switch => &[2, 0xffff_ffff],
                Kind::Address => &[0, 8, c"a b".as_ptr() as usize, c"".as_ptr() as usize],
                Kind::Port => &[0, 8, c"0".as_ptr() as usize, c"70000".as_ptr() as usize],
            };
            for value in wrong {
                let mut fake = Fake::new(7);
                fake.config[place + 1] = *value;
                assert_eq!(fake.grace(), None, "{name} {value:x}");
            }
        }
    }

    #[test]
    fn two_configurations_are_none() {
        let mut fake = Fake::new(7);
        let other = fake.config.clone();
        fake.instance[3] = &raw const *other as usize;
        assert_eq!(fake.grace(), None);
    }

    #[test]
    fn a_table_that_is_not_as_known_is_not_believed() {
        let mut of_another_type = Fake::new(7);
        of_another_type.table[1][1] = 1;
        assert_eq!(of_another_type.grace(), None);
        let mut far = Fake::new(7);
        far.table[2][2] = MAX_OFFSET + 8;
        assert_eq!(far.grace(), None);
        let mut short = Fake::new(7);
        short.table[LEAST_FIELDS] = [0, 4, 0];
        assert_eq!(short.grace(), None);
        assert_eq!(find_grace(8, 8), None);
    }
}
