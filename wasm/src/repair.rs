//! Makes JSON of what a host writes that is none.
//!
//! Fluent Bit writes some values of MessagePack as text that its own reader refuses, and then the record is lost whatever a filter
//! does: floats that are no number as `nan` and `inf`, the bytes of an extension as `\x01` within quotes, names of fields that
//! are no text without quotes (`msgpack2json` in `src/flb_pack.c` there, read at v4.2.8 and v5.1.1). Here such a float becomes
//! `"NaN"`, `"Infinity"` or `"-Infinity"`, as where Shiwake prints one; the backslash in front of the `x` stays as a character;
//! and a name gets quotes. All else is copied as it is, wrong or not.

/// What floats are called that are no number, and what they become.
const FLOATS: [(&[u8], &[u8]); 4] =
    [(b"nan", b"\"NaN\""), (b"-nan", b"\"NaN\""), (b"inf", b"\"Infinity\""), (b"-inf", b"\"-Infinity\"")];

/// Appends the text with what can be mended.
pub(crate) fn append_repaired(text: &[u8], out: &mut Vec<u8>) {
    // Whether what is open is an object, and whether a name comes next.
    let mut open: Vec<bool> = Vec::new();
    let mut is_name_next = false;
    let mut rest = text;
    while let Some((byte, behind)) = rest.split_first() {
        match byte {
            b'"' => {
                rest = copy_text(rest, out);
                continue;
            }
            b'{' | b'[' => {
                open.push(*byte == b'{');
                is_name_next = *byte == b'{';
            }
            b'}' | b']' => {
                open.pop();
                is_name_next = false;
            }
            b',' => is_name_next = open.last() == Some(&true),
            b':' => is_name_next = false,
            b' ' | b'\t' | b'\n' | b'\r' => {}
            _ => {
                let length = rest.iter().position(|byte| b",:{}[]\" \t\n\r".contains(byte)).unwrap_or(rest.len());
                let (word, behind) = rest.split_at(length);
                append_word(word, is_name_next, out);
                rest = behind;
                continue;
            }
        }
        out.push(*byte);
        rest = behind;
    }
}

fn append_word(word: &[u8], is_name: bool, out: &mut Vec<u8>) {
    if is_name {
        out.push(b'"');
        out.extend_from_slice(word);
        out.push(b'"');
    } else {
        let float = FLOATS.iter().find(|(name, _)| *name == word);
        out.extend_from_slice(float.map_or(word, |(_, text)| text));
    }
}

/// Copies the text between quotes at the start of `rest`, and gives what is behind it.
fn copy_text<'a>(rest: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let mut bytes = rest.iter().enumerate().skip(1);
    out.push(b'"');
    while let Some((at, byte)) = bytes.next() {
        match (byte, rest.get(at + 1)) {
            (b'\\', Some(b'x')) => out.extend_from_slice(b"\\\\"),
            (b'\\', Some(escaped)) => {
                out.extend_from_slice(&[b'\\', *escaped]);
                bytes.next();
            }
            (byte, _) => out.push(*byte),
        }
        if *byte == b'"' {
            return rest.get(at + 1..).unwrap_or_default();
        }
    }
    b""
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn repaired(text: &[u8]) -> String {
        let mut out = Vec::new();
        append_repaired(text, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn what_the_host_cannot_read_back_is_mended() {
        for (text, expected) in [
            (r#"{"a":nan,"b":[-inf,inf,-nan],"c":null}"#, r#"{"a":"NaN","b":["-Infinity","Infinity","NaN"],"c":null}"#),
            (r#"{"a":"\x0f\xff","b":"\\x","c":"\"\x01"}"#, r#"{"a":"\\x0f\\xff","b":"\\x","c":"\"\\x01"}"#),
            (r#"{1:{true:2},"b":{null:[{-1.5:"nan"}]}}"#, r#"{"1":{"true":2},"b":{"null":[{"-1.5":"nan"}]}}"#),
            (r#"{ 1 : nan , "b" : [ 1 , nan ] }"#, r#"{ "1" : "NaN" , "b" : [ 1 , "NaN" ] }"#),
        ] {
            assert_eq!(repaired(text.as_bytes()), expected);
        }
    }

    proptest! {
        #[test]
        fn what_is_json_stays_as_it_is(text in any::<String>(), number in any::<i32>()) {
            let json = serde_json::json!({"a": text, text.clone(): [number, null, {"b": true}]}).to_string();
            prop_assert_eq!(repaired(json.as_bytes()), json);
        }

        #[test]
        fn any_bytes_are_copied_to_their_end(text in proptest::collection::vec(proptest::sample::select(b"{}[],:\"\\xn1a ".to_vec()), 0..40)) {
            prop_assert!(repaired(&text).len() >= text.len());
        }
    }
}
