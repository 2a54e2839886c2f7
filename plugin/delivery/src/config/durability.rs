//! How safe each lane's records are: by the property `durability`, by the rules file, by the type.

use super::per_type::PerType;
use super::property::{ConfigError, Properties};
use crate::lane::{Lane, Lanes};
use crate::spool::Durability;
use shiwake_records::rules::TypeDeclaration;

/// Reads `durability`. A property that names the type goes before what the rules file says of it, and that before a
/// property for all types.
pub(super) fn durability(
    properties: &Properties,
    lanes: &Lanes,
    types: &[TypeDeclaration],
) -> Result<Vec<Durability>, ConfigError> {
    const NAME: &str = "durability";
    let has_folder = properties.get("store_dir").is_some();
    let find = |name: &str| Durability::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(name));
    let allowed = "fsync, flush or memory is allowed";
    let said = PerType::read(properties, NAME, allowed, lanes, find, |_| None::<Lane>)?;
    let is_refused = |durability: Durability| !has_folder && durability != Durability::Memory;
    if said.values().any(is_refused) {
        return Err(ConfigError::Missing(
            "property 'durability' asks for records to be kept on disk but 'store_dir' is not set: set it to a folder",
        ));
    }
    let of_lane = |lane: Lane| {
        let by_file = || types.iter().find(|said| Lane::Typed(said.log_type) == lane)?.policy.durability;
        let by_default = || {
            let like = lanes.like(lane).unwrap_or(lane);
            if has_folder { like.default_durability() } else { Durability::Memory }
        };
        let durability = said.of_lane(lane).or_else(by_file).or(said.of_all).unwrap_or_else(by_default);
        if is_refused(durability) {
            let (log_type, durability) = (lane.name().to_owned(), durability.name());
            return Err(ConfigError::NoFolder { log_type, durability });
        }
        Ok(durability)
    };
    // What an earlier run has left of types that nobody declares any more is in files.
    let undeclared = if has_folder { Durability::Fsync } else { Durability::Memory };
    lanes.iter().map(of_lane).chain([Ok(undeclared)]).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use crate::config::output::{OutputConfig, PROPERTIES};
    use crate::config::{ConfigError, Properties};
    use crate::spool::Durability;
    use shiwake_records::log_type::LogType;
    use shiwake_records::rules::{Place, Policy, TypeDeclaration};

    fn config(set: &[(&str, &str)]) -> Result<OutputConfig, ConfigError> {
        OutputConfig::new(&Properties::new(&PROPERTIES, set.iter().copied())?, &[], &mut crate::config::rules_file)
    }

    #[test]
    fn durability_is_for_all_types_or_for_one() {
        use Durability::{Flush, Fsync, Memory};
        let of = |set: &[(&str, &str)]| {
            config(&[&[("lake", "x")], set].concat()).map(|config| config.durability).map_err(|error| error.to_string())
        };
        assert_eq!(of(&[]), Ok(vec![Memory; 8]));
        let with_folder = [("store_dir", "/x")];
        assert_eq!(of(&with_folder).unwrap()[0], Fsync);
        assert_eq!(of(&with_folder).unwrap()[7], Fsync, "what is left of types that nobody declares any more");
        assert!(of(&with_folder).unwrap()[1..7].iter().all(|durability| *durability == Flush));
        let mixed = of(&[("store_dir", "/x"), ("durability", "fsync, trace=memory Quarantine=flush")]).unwrap();
        assert_eq!(mixed, [Fsync, Fsync, Fsync, Fsync, Flush, Fsync, Memory, Fsync]);
        for (set, part) in [
            (&[("durability", "flush")][..], "'store_dir' is not set"),
            (&[("store_dir", "/x"), ("durability", "safe")], "fsync, flush or memory is allowed"),
            (&[("store_dir", "/x"), ("durability", "moods=flush")], "for the types audit, error"),
        ] {
            assert!(of(set).unwrap_err().contains(part), "{set:?}");
        }
    }

    #[test]
    fn a_rules_file_that_asks_for_a_disk_needs_a_folder() {
        let policy = Policy { durability: Some(Durability::Flush), ..Policy::default() };
        let place = Place { file: 0, bytes: 0..0 };
        let (log_type, like) = (LogType::from_name("billing").unwrap(), LogType::App);
        let types = vec![TypeDeclaration { log_type, place, like, policy, columns: Vec::new() }];
        let config = |set: &[(&str, &str)]| {
            OutputConfig::with_types(
                &Properties::new(&PROPERTIES, set.iter().copied()).unwrap(),
                shiwake_records::sorter::SorterConfig::default(),
                types.clone(),
            )
        };
        let error = config(&[("lake", "x")]).unwrap_err().to_string();
        assert_eq!(
            error,
            "the rules file asks for durability 'flush' for the type 'billing' but 'store_dir' is not set: set it to a folder, or \
             set 'durability' to billing=memory"
        );
        assert!(config(&[("lake", "x"), ("durability", "billing=memory")]).is_ok());
    }
}
