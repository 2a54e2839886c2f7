//! Decimal digits, eight bytes at once.
//!
//! In a word of eight bytes, the first lowest, a digit is told from other bytes by what is left of it when `0` is taken away, and
//! neighbours become numbers of two digits by one multiplication (<https://lemire.me/blog/2018/09/30/quickly-identifying-a-sequence-of-digits-in-a-string-of-characters/>).

/// A bit that no digit has, in each byte.
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
/// Digits alone.
const ALL: Form = Form::new(b"00000000");

/// What eight bytes look like: digits where `0` stands, anything where `?` stands, and other bytes as they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form {
    bytes: u64,
    /// All bits of the bytes that are looked at.
    mask: u64,
    /// What takes the high bit to a byte that does not belong there.
    slack: u64,
}

impl Form {
    pub(crate) const fn new(form: &[u8; 8]) -> Self {
        let (mut mask, mut slack, mut rest, mut shift) = (0, 0, form.as_slice(), 0);
        while let [byte, behind @ ..] = rest {
            let least_wrong = if *byte == b'0' { 10 } else { 1 };
            slack |= (0x80 - least_wrong) << shift;
            mask |= if *byte == b'?' { 0 } else { 0xff << shift };
            shift += u8::BITS;
            rest = behind;
        }
        Self { bytes: u64::from_le_bytes(*form), mask, slack }
    }

    /// The digits' values at their places in the eight bytes of a text from `AT` on; `None` when these are of another form, or the
    /// text ends before.
    #[inline]
    pub(crate) fn digits_at<const AT: usize>(self, text: &[u8]) -> Option<Digits> {
        let word = u64::from_le_bytes(*text.get(AT..)?.first_chunk()?);
        let values = (word ^ self.bytes) & self.mask;
        (self.others(values) == 0).then_some(Digits(values))
    }

    /// The high bits of bytes that are of another form; of those above the lowest one some are right nevertheless.
    #[inline]
    const fn others(self, values: u64) -> u64 {
        (values.wrapping_add(self.slack) | values) & HIGH_BITS
    }
}

/// Values of digits at their places in a text, and 0 elsewhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Digits(u64);

impl Digits {
    /// At each place the number of two digits that begins there, as the bytes of what is returned.
    #[inline]
    pub(crate) const fn pairs(self) -> [u8; 8] {
        self.pair_values().to_le_bytes()
    }

    /// Seconds since midnight, of a text that begins with an hour, a minute and a second, each with a byte in between; `None` when
    /// there is no such time. Second 60 is a leap second, and counted as the next minute's first.
    #[inline]
    pub(crate) const fn clock_seconds(self) -> Option<u32> {
        const PARTS: u64 = 0xff_0000_ff00_00ff;
        // What takes the high bit to a part that is too large.
        const SLACK: u64 = (0x80 - 24) | (0x80 - 60) << 24 | (0x80 - 61) << 48;
        let parts = self.pair_values() & PARTS;
        if (parts + SLACK) & HIGH_BITS != 0 {
            return None;
        }
        let [hour, _, _, minute, _, _, second, _] = parts.to_le_bytes();
        Some(hour as u32 * 3_600 + minute as u32 * 60 + second as u32)
    }

    #[inline]
    const fn pair_values(self) -> u64 {
        self.0 * 10 + (self.0 >> 8)
    }

    /// All eight as one number.
    #[inline]
    const fn number(self) -> u32 {
        let pairs = self.pair_values() & 0x00ff_00ff_00ff_00ff;
        let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
        (fours * 10_000 + (fours >> 32)) as u32
    }
}

/// The number with which a text begins, when it has one to seven digits, and what is behind it; `None` too when the text is shorter
/// than eight bytes.
#[inline]
pub(crate) fn short_number(text: &[u8]) -> Option<(u32, &[u8])> {
    let values = u64::from_le_bytes(*text.first_chunk()?) ^ ALL.bytes;
    let digits = ALL.others(values).trailing_zeros() / u8::BITS;
    if !(1..8).contains(&digits) {
        return None;
    }
    // What is shifted in stands for zeros in front.
    let number = Digits(values << (u64::BITS - digits * u8::BITS)).number();
    Some((number, text.get(digits as usize..)?))
}

/// The nanoseconds that the digits behind a second's point are, with which `rest` begins, and what is behind them; those behind the
/// ninth are left out. `None` when there is no digit. `text` ends with `rest` and has eight bytes at least.
#[inline]
pub(crate) fn nanoseconds<'a>(text: &[u8], rest: &'a [u8]) -> Option<(u32, &'a [u8])> {
    let word = match rest.first_chunk::<8>() {
        Some(word) => u64::from_le_bytes(*word),
        None => {
            let missing = 8_u32.checked_sub(u32::try_from(rest.len()).ok()?)?;
            u64::from_le_bytes(*text.last_chunk::<8>()?).checked_shr(missing * u8::BITS)?
        }
    };
    let values = word ^ ALL.bytes;
    match ALL.others(values).trailing_zeros() / u8::BITS {
        0 => None,
        8 => {
            let (_, mut behind) = rest.split_at_checked(8)?;
            let mut ninth = 0;
            if let [digit @ b'0'..=b'9', rest @ ..] = behind {
                (ninth, behind) = (u32::from(digit - b'0'), rest);
            }
            while let [b'0'..=b'9', rest @ ..] = behind {
                behind = rest;
            }
            Some((Digits(values).number() * 10 + ninth, behind))
        }
        count => {
            let digits = Digits(values & ((1 << (count * u8::BITS)) - 1));
            Some((digits.number() * 10, rest.get(count as usize..)?))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_byte_at_every_place_is_of_the_form_or_is_not() {
        const FORM: &[u8; 8] = b"00?0-00:";
        const TEXT: [u8; 8] = *b"20x6-11:";
        for place in 0..8 {
            for byte in 0..=u8::MAX {
                let mut text = *b"20x6-11:";
                *text.get_mut(place).unwrap() = byte;
                let is_digit = FORM[place] == b'0' && byte.is_ascii_digit();
                let is_of_form = is_digit || FORM[place] == b'?' || (FORM[place] != b'0' && byte == TEXT[place]);
                assert_eq!(Form::new(FORM).digits_at::<0>(&text).is_some(), is_of_form, "{byte} at {place}");
            }
        }
        let [a, _, _, _, _, c, ..] = Form::new(FORM).digits_at::<0>(&TEXT).unwrap().pairs();
        assert_eq!((a, c), (20, 11));
    }

    #[test]
    fn a_clock_has_no_other_times_than_a_day() {
        for [hour, minute, second] in
            [[0, 0, 0], [23, 59, 60], [9, 8, 7], [24, 0, 0], [0, 60, 0], [0, 0, 61], [99, 99, 99]]
        {
            let text = format!("{hour:02}:{minute:02}:{second:02}");
            let clock = Form::new(b"00:00:00").digits_at::<0>(text.as_bytes()).unwrap().clock_seconds();
            let is_time = hour < 24 && minute < 60 && second < 61;
            assert_eq!(clock, is_time.then_some(hour * 3_600 + minute * 60 + second), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_digits_of_a_second_are_read_as_one_by_one(rest in "[0-9]{0,12}[^0-9]{0,3}") {
            let text = format!("12:34:56.{rest}");
            let length = rest.bytes().take_while(u8::is_ascii_digit).count();
            let nine = rest.bytes().take(length).chain(std::iter::repeat(b'0')).take(9);
            let value = nine.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
            let expected = (length > 0).then(|| (value, rest.get(length..).unwrap().as_bytes()));
            let at = text.len() - rest.len();
            prop_assert_eq!(nanoseconds(text.as_bytes(), text.as_bytes().get(at..).unwrap()), expected);
        }
    }
}
