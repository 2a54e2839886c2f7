//! Values as TOML (<https://toml.io/en/v1.0.0>) on one line, as people would write them.

use serde_json::Value;
use std::fmt::Write as _;

/// A JSON value as TOML on one line; TOML has no null.
pub(crate) fn of_json(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => {
            number.as_i64().map(|it| it.to_string()).or_else(|| Some(format!("{:?}", number.as_f64()?)))
        }
        Value::String(text) => Some(quoted(text)),
        Value::Array(items) => Some(format!("[{}]", items.iter().map(of_json).collect::<Option<Vec<_>>>()?.join(", "))),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| Some(format!("{} = {}", key(name), of_json(value)?)));
            Some(format!("{{ {} }}", fields.collect::<Option<Vec<_>>>()?.join(", ")))
        }
    }
}

fn key(name: &str) -> String {
    let is_bare =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_bare { name.to_owned() } else { quoted(name) }
}

/// Text as TOML: as it is between single quotes where that can be, else escaped.
pub(crate) fn quoted(text: &str) -> String {
    let is_control = |character: char| character.is_control() && character != '\t';
    if text.contains(['\\', '"']) && !text.contains('\'') && !text.contains(is_control) {
        return format!("'{text}'");
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            character if character.is_control() => {
                // Writing to memory does not fail.
                let _ = write!(quoted, "\\u{:04X}", u32::from(character));
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_written_as_people_would() {
        for (value, expected) in [
            (json!({"a": 1, "b c": [true, 2.5]}), Some(r#"{ a = 1, "b c" = [true, 2.5] }"#)),
            (json!("say \"hi\""), Some(r#"'say "hi"'"#)),
            (json!("it's \\ \n \u{7}"), Some(r#""it's \\ \n \u0007""#)),
            (json!({"a": {"b": null}}), None),
            (json!(1e300), Some("1e300")),
        ] {
            assert_eq!(of_json(&value).as_deref(), expected, "{value}");
        }
    }
}
