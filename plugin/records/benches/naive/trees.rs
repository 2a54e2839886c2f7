//! What both kinds of trees are asked for.

use super::{JsonRecord, RmpvRecord};

/// A record as a tree.
pub(super) trait Tree {
    type Value: for<'a> From<&'a str> + From<i64> + Clone;

    fn find(&self, name: &str) -> Option<&Self::Value>;

    /// A value's text, also when it is no UTF-8.
    fn text_of(value: &Self::Value) -> Option<&[u8]>;

    fn of_json(value: serde_json::Value) -> Self::Value;

    /// Adds a field unless there is one of that name.
    fn add(&mut self, name: String, value: Self::Value);
}

impl Tree for RmpvRecord {
    type Value = rmpv::Value;

    fn find(&self, name: &str) -> Option<&rmpv::Value> {
        self.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
    }

    fn text_of(value: &rmpv::Value) -> Option<&[u8]> {
        match value {
            rmpv::Value::String(text) => Some(text.as_bytes()),
            _ => None,
        }
    }

    fn of_json(value: serde_json::Value) -> rmpv::Value {
        match value {
            serde_json::Value::Null => rmpv::Value::Nil,
            serde_json::Value::Bool(flag) => flag.into(),
            serde_json::Value::Number(number) => {
                number.as_i64().map_or_else(|| number.as_f64().unwrap_or_default().into(), Into::into)
            }
            serde_json::Value::String(text) => text.into(),
            serde_json::Value::Array(items) => rmpv::Value::Array(items.into_iter().map(Self::of_json).collect()),
            serde_json::Value::Object(map) => {
                rmpv::Value::Map(map.into_iter().map(|(key, value)| (key.into(), Self::of_json(value))).collect())
            }
        }
    }

    fn add(&mut self, name: String, value: rmpv::Value) {
        if Tree::find(self, &name).is_none() {
            self.push((name.into(), value));
        }
    }
}

impl Tree for JsonRecord {
    type Value = serde_json::Value;

    fn find(&self, name: &str) -> Option<&serde_json::Value> {
        self.get(name)
    }

    fn text_of(value: &serde_json::Value) -> Option<&[u8]> {
        value.as_str().map(str::as_bytes)
    }

    fn of_json(value: serde_json::Value) -> serde_json::Value {
        value
    }

    fn add(&mut self, name: String, value: serde_json::Value) {
        self.entry(name).or_insert(value);
    }
}
