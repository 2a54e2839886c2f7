//! The name of what a filter numbers records in ([`shiwake_records::record_id`]).

/// A new name: 20 digits of base 16, of which 8 are the second it begins in and 12 are chance. Of 10,000 filters that start in the
/// same second two have the same name in one case of five million.
///
/// A system that gives no chance gives the name its time to the microsecond instead, with the process's number: a filter that does
/// not start would keep nobody's records.
#[must_use]
pub fn new_record_stream(wall_micros: i64) -> String {
    let mut chance = [0_u8; 8];
    if getrandom::fill(&mut chance).is_err() {
        let micros = u64::try_from(wall_micros.rem_euclid(1_000_000)).unwrap_or_default();
        chance = ((u64::from(std::process::id()) << 20) | micros).to_ne_bytes();
    }
    let seconds = wall_micros.div_euclid(1_000_000) & 0xffff_ffff;
    format!("{seconds:08x}{:012x}", u64::from_ne_bytes(chance) & 0xffff_ffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_length_and_begin_with_the_second() {
        for (micros, start) in [(1_732_320_000_500_000, "67411b00"), (0, "00000000"), (-1, "ffffffff")] {
            let name = new_record_stream(micros);
            assert!(name.starts_with(start), "{name}");
            assert_eq!(name.len(), 20);
            assert_ne!(name, new_record_stream(micros), "two of one second differ");
        }
    }
}
