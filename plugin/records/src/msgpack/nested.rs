//! Values within a map or an array, found by going over it.

use super::{Composite, Reader, Value};

impl<'a> Composite<'a> {
    /// The value of the first pair with this key; the composite is a map.
    #[must_use]
    pub fn field(&self, key: &[u8]) -> Option<Value<'a>> {
        let mut reader = Reader::new(self.content);
        for _ in 0..self.count {
            if reader.value().ok()?.as_str_bytes() == Some(key) {
                return reader.value().ok();
            }
            reader.skip().ok()?;
        }
        None
    }

    /// The first of several keys whose value is text that is not empty, with that text; the composite is a map.
    #[must_use]
    pub fn first_text_of(&self, keys: &[&str]) -> Option<&'a [u8]> {
        let text = |key: &&str| self.field(key.as_bytes())?.as_str_bytes().filter(|text| !text.is_empty());
        keys.iter().find_map(text)
    }

    /// The elements of an array.
    pub fn elements(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let mut reader = Reader::new(self.content);
        (0..self.count).map_while(move |_| reader.value().ok())
    }
}

impl<'a> Value<'a> {
    /// The map, when this is one.
    #[must_use]
    pub fn as_map(&self) -> Option<Composite<'a>> {
        match self {
            Value::Map(map) => Some(*map),
            _ => None,
        }
    }

    /// The array, when this is one.
    #[must_use]
    pub fn as_array(&self) -> Option<Composite<'a>> {
        match self {
            Value::Array(array) => Some(*array),
            _ => None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn fields_and_elements_are_found() {
        // {"a": {"b": ["x", 1]}, 5: 6, "c": ""}
        let bytes = b"\x83\xa1a\x81\xa1b\x92\xa1x\x01\x05\x06\xa1c\xa0";
        let map = Reader::new(bytes).value().unwrap().as_map().unwrap();
        let array = map.field(b"a").unwrap().as_map().unwrap().field(b"b").unwrap().as_array().unwrap();
        assert_eq!(array.elements().collect::<Vec<_>>(), [Value::Str(b"x"), Value::Int(1)]);
        assert_eq!(map.field(b"b"), None);
        assert_eq!(map.first_text_of(&["c", "b"]), None);
        assert_eq!(map.field(b"c"), Some(Value::Str(b"")));
    }
}
