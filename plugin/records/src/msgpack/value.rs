//! One borrowed MessagePack value.

/// A value that borrows the bytes it was read from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// `nil`.
    Nil,
    /// `true` or `false`.
    Bool(bool),
    /// Any integer that fits in an `i64`.
    Int(i64),
    /// An integer above `i64::MAX`.
    UInt(u64),
    /// A 32-bit float.
    F32(f32),
    /// A 64-bit float.
    F64(f64),
    /// A string; not checked to be UTF-8.
    Str(&'a [u8]),
    /// A byte string.
    Bin(&'a [u8]),
    /// An extension value: its type and its data.
    Ext(i8, &'a [u8]),
    /// An array.
    Array(Composite<'a>),
    /// A map.
    Map(Composite<'a>),
}

/// An array or a map, known to be whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Composite<'a> {
    /// Number of elements of an array, or of key-value pairs of a map.
    pub count: u32,
    /// The bytes of the elements, without the header.
    pub content: &'a [u8],
    /// The bytes with the header.
    pub whole: &'a [u8],
}

impl<'a> Value<'a> {
    /// The string's bytes, when this is a string.
    #[must_use]
    pub fn as_str_bytes(&self) -> Option<&'a [u8]> {
        match self {
            Value::Str(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The string, when this is one and it is UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&'a str> {
        std::str::from_utf8(self.as_str_bytes()?).ok()
    }

    /// The integer, when this is one that fits, or a whole float that an `i64` holds exactly.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match *self {
            Value::Int(int) => Some(int),
            Value::F32(float) => whole_float(f64::from(float)),
            Value::F64(float) => whole_float(float),
            _ => None,
        }
    }
}

/// The integer a float stands for, when it is whole and small enough (2^53) for both to mean the same number.
fn whole_float(float: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    // The sign of a negative zero would be lost, so it stays a float.
    let fits = float.fract() == 0.0 && float.abs() <= EXACT && !(float == 0.0 && float.is_sign_negative());
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within 2^53 just above")]
    fits.then_some(float as i64)
}
