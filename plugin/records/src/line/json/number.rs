//! Numbers of JSON, to the last digit.
//!
//! RFC 8259, section 6, leaves the range to the reader. An integer that 64 bits hold becomes one. Any other number becomes
//! a float when the float's shortest text names the same number (`1.10` and `1.1` do, `1e400` and numbers of twenty digits
//! do not), and else stays text as it is written.

use crate::msgpack::write as msgpack;
use std::fmt::Write as _;

/// Decimal digits that every float holds, whatever they are (`f64::DIGITS`).
const ALWAYS_HELD_DIGITS: usize = f64::DIGITS as usize;
/// Digits of the longest shortest text of a float.
const MAX_DIGITS: usize = 17;

/// Appends the number at the start of `text` and says how many bytes it has; `None` when there is none.
pub(super) fn write(text: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let (length, is_integer) = span(text)?;
    let number = text.get(..length)?;
    if is_integer && let Some(int) = small_integer(number) {
        msgpack::int(out, int);
        return Some(length);
    }
    // Digits, signs, a dot and an e, so it is UTF-8.
    let number_text = std::str::from_utf8(number).ok()?;
    // An integer has no negative zero.
    if is_integer && number != b"-0" {
        if let Ok(int) = number_text.parse::<i64>() {
            msgpack::int(out, int);
        } else if let Ok(int) = number_text.parse::<u64>() {
            msgpack::uint(out, int);
        } else {
            msgpack::str(out, number);
        }
        return Some(length);
    }
    match number_text.parse::<f64>() {
        Ok(float) if is_exact(number, float) => msgpack::float(out, float),
        _ => msgpack::str(out, number),
    }
    Some(length)
}

/// An integer of so few digits that 64 bits hold it whatever they are; not zero with a sign, and nothing else.
fn small_integer(number: &[u8]) -> Option<i64> {
    const MAX_BYTES: usize = 18;
    let digits = number.strip_prefix(b"-").unwrap_or(number);
    if number.len() > MAX_BYTES || number == b"-0" {
        return None;
    }
    let value = digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit.wrapping_sub(b'0')));
    Some(if digits.len() < number.len() { -value } else { value })
}

/// How long the number is, and whether it has neither a fraction nor an exponent.
fn span(text: &[u8]) -> Option<(usize, bool)> {
    let digits =
        |from: usize| text.get(from..).map_or(0, |rest| rest.iter().take_while(|b| b.is_ascii_digit()).count());
    let mut at = usize::from(text.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || (whole > 1 && text.get(at) == Some(&b'0')) {
        return None;
    }
    at += whole;
    let integer_end = at;
    if text.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at);
        if exponent == 0 {
            return None;
        }
        at += exponent;
    }
    Some((at, at == integer_end))
}

/// Whether the float is the number that is written, and no rounded one.
fn is_exact(number: &[u8], float: f64) -> bool {
    // So few digits, with a dot and without an exponent, are either zero or far from the smallest float.
    if number.len() <= ALWAYS_HELD_DIGITS && !number.contains(&b'e') && !number.contains(&b'E') {
        return true;
    }
    let Some(written) = Decimal::read(number) else { return false };
    if written.count == 0 {
        return float == 0.0;
    }
    if !float.is_finite() || float == 0.0 {
        return false;
    }
    if written.count <= ALWAYS_HELD_DIGITS && float.is_normal() {
        return true;
    }
    let mut shortest = ShortText { bytes: [0; 32], length: 0 };
    write!(shortest, "{float:e}").is_ok()
        && shortest.bytes.get(..shortest.length).and_then(Decimal::read) == Some(written)
}

/// The digits of a number from its first that is not zero to its last that is not zero, and the power of ten of the first.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    digits: [u8; MAX_DIGITS],
    count: usize,
    power: i64,
}

impl Decimal {
    /// `None` when there are more digits than a float's shortest text has.
    fn read(number: &[u8]) -> Option<Self> {
        let mut decimal = Self { digits: [0; MAX_DIGITS], count: 0, power: 0 };
        let mantissa_end = number.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(number.len());
        let (mut behind_dot, mut zeros) = (false, 0);
        for byte in number.get(..mantissa_end)? {
            match byte {
                b'.' => behind_dot = true,
                b'0' if decimal.count == 0 => decimal.power -= i64::from(behind_dot),
                b'0'..=b'9' => {
                    decimal.power += i64::from(!behind_dot);
                    // Zeros count when another digit stands behind them.
                    if *byte == b'0' {
                        zeros += 1;
                        continue;
                    }
                    decimal.count += zeros + 1;
                    zeros = 0;
                    *decimal.digits.get_mut(decimal.count - 1)? = *byte - b'0';
                }
                _ => {}
            }
        }
        if let Some(exponent) = number.get(mantissa_end + 1..) {
            let is_negative = exponent.first() == Some(&b'-');
            let digits = exponent.iter().filter(|byte| byte.is_ascii_digit());
            let size =
                digits.fold(0_i64, |size, digit| size.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
            decimal.power = decimal.power.saturating_add(if is_negative { -size } else { size });
        }
        Some(decimal)
    }
}

/// Room for the text of a float.
struct ShortText {
    bytes: [u8; 32],
    length: usize,
}

impl std::fmt::Write for ShortText {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(std::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}
