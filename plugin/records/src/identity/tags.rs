//! Tags as Datadog wants them (<https://docs.datadoghq.com/getting_started/tagging/>): lower case, a letter first, then letters,
//! digits and `_ - : . /`, anything else an underscore, no two underscores together and none at the end, 200 characters at most.
//!
//! A list of tags is text with commas between them, in which no tag stands twice.

use memchr::memchr;

/// Most characters of a tag.
pub const MAX_TAG_CHARS: usize = 200;

/// Adds `key:value` to a list, normalised, unless it is there or the value is empty.
pub fn push_tag(list: &mut Vec<u8>, key: &str, value: &[u8]) {
    if !value.is_empty() {
        let start = begin(list);
        let mut tag = NormalTag::new(list);
        tag.push_text(key.as_bytes());
        tag.push_text(b":");
        tag.push_text(value);
        tag.end();
        end(list, start);
    }
}

/// Adds the tags of a list that a user wrote, with commas or white space between them, each normalised, unless it is there.
pub fn push_tags(list: &mut Vec<u8>, written: &[u8]) {
    for text in written.split(|byte| *byte == b',' || byte.is_ascii_whitespace()) {
        let start = begin(list);
        let mut tag = NormalTag::new(list);
        tag.push_text(text);
        tag.end();
        end(list, start);
    }
}

/// Adds the tags of a normalised list that are not there yet, upper and lower case being the same.
pub fn merge_tags(list: &mut Vec<u8>, normalised: &[u8]) {
    for tag in normalised.split(|byte| *byte == b',') {
        let start = begin(list);
        list.extend_from_slice(tag);
        end(list, start);
    }
}

/// Where the next tag's comma is, or the tag itself when it is the first.
fn begin(list: &mut Vec<u8>) -> usize {
    let start = list.len();
    if list.last().is_some_and(|last| *last != b',') {
        list.push(b',');
    }
    start
}

/// Takes the tag that began there back if it is empty or a double.
fn end(list: &mut Vec<u8>, start: usize) {
    let (before, added) = list.split_at(start);
    let added = added.strip_prefix(b",").unwrap_or(added);
    if added.is_empty() || contains(before, added) {
        list.truncate(start);
    }
}

/// Whether a list has the tag.
fn contains(mut list: &[u8], tag: &[u8]) -> bool {
    loop {
        let end = memchr(b',', list).unwrap_or(list.len());
        let (one, rest) = list.split_at(end);
        if one.trim_ascii().eq_ignore_ascii_case(tag) {
            return true;
        }
        match rest.split_first() {
            Some((_, behind)) => list = behind,
            None => return false,
        }
    }
}

/// What stands in a tag for each character of ASCII.
#[expect(clippy::indexing_slicing, reason = "the compiler runs this, and says so when a place is none")]
const NORMAL_ASCII: [u8; 128] = {
    let mut normal = [b'_'; 128];
    let mut byte = 0_u8;
    while byte < 128 {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b':' | b'.' | b'/') {
            normal[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    normal
};

/// A tag that is being written at the end of a list.
struct NormalTag<'a> {
    list: &'a mut Vec<u8>,
    chars: usize,
}

impl<'a> NormalTag<'a> {
    fn new(list: &'a mut Vec<u8>) -> Self {
        Self { list, chars: 0 }
    }

    fn push_text(&mut self, text: &[u8]) {
        if text.is_ascii() {
            text.iter().for_each(|byte| self.push_ascii(*byte));
            return;
        }
        for part in text.utf8_chunks() {
            for char in part.valid().chars() {
                if char.is_ascii() {
                    self.push(char.to_ascii_lowercase());
                } else {
                    char.to_lowercase().for_each(|lower| self.push(lower));
                }
            }
            if !part.invalid().is_empty() {
                self.push('_');
            }
        }
    }

    #[inline]
    fn push_ascii(&mut self, byte: u8) {
        let byte = NORMAL_ASCII.get(usize::from(byte)).copied().unwrap_or(b'_');
        let is_left_out = match byte {
            b'_' => self.chars == 0 || self.list.last() == Some(&b'_'),
            _ => self.chars == 0 && !byte.is_ascii_lowercase(),
        };
        if !is_left_out && self.chars < MAX_TAG_CHARS {
            self.chars += 1;
            self.list.push(byte);
        }
    }

    fn push(&mut self, char: char) {
        let is_allowed = if self.chars == 0 {
            char.is_alphabetic()
        } else {
            char.is_alphanumeric() || matches!(char, '-' | ':' | '.' | '/')
        };
        let char = match (is_allowed, self.chars) {
            (true, _) => char,
            (false, 0) => return,
            (false, _) if self.list.last() == Some(&b'_') => return,
            (false, _) => '_',
        };
        if self.chars < MAX_TAG_CHARS {
            self.chars += 1;
            self.list.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    fn end(self) {
        if self.chars > 0 && self.list.last() == Some(&b'_') {
            self.list.pop();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list_of(written: &str) -> String {
        let mut list = Vec::new();
        push_tags(&mut list, written.as_bytes());
        String::from_utf8(list).unwrap()
    }

    #[test]
    fn tags_are_normalised_by_datadogs_rules() {
        for (written, expected) in [
            ("team:shop,tier:web", "team:shop,tier:web"),
            (" Team:Shop , tier:web,", "team:shop,tier:web"),
            ("a:b c:d", "a:b,c:d"),
            ("a:b,A:B,a:b", "a:b"),
            ("7up:x,_y:z", "up:x,y:z"),
            ("a:b@@c!", "a:b_c"),
            ("größe:Ä", "größe:ä"),
            ("x:arn-aws/a.b_c", "x:arn-aws/a.b_c"),
            (",,77,", ""),
        ] {
            assert_eq!(list_of(written), expected, "{written}");
        }
        assert_eq!(list_of(&format!("a:{}", "é".repeat(300))).chars().count(), MAX_TAG_CHARS);
    }

    #[test]
    fn a_key_without_a_value_is_no_tag_and_a_value_keeps_its_commas_out() {
        let mut list = Vec::new();
        push_tag(&mut list, "a", b"");
        push_tag(&mut list, "b", b"x,y\xffz");
        assert_eq!(list, b"b:x_y_z");
    }

    #[test]
    fn merging_adds_what_is_new() {
        let mut list = b"own:1, Env:Prod".to_vec();
        merge_tags(&mut list, b"env:prod,own:1,team:shop");
        assert_eq!(list, b"own:1, Env:Prod,team:shop");
    }

    proptest! {
        #[test]
        fn ascii_is_normalised_as_all_other_text(text in "[ -~]{0,260}") {
            let (mut fast, mut slow) = (Vec::new(), Vec::new());
            let mut tag = NormalTag::new(&mut fast);
            tag.push_text(text.as_bytes());
            tag.end();
            let mut tag = NormalTag::new(&mut slow);
            text.chars().for_each(|char| tag.push(char.to_ascii_lowercase()));
            tag.end();
            prop_assert_eq!(fast, slow);
        }

        #[test]
        fn normalising_twice_is_normalising_once_and_obeys_the_rules(written in "\\PC{0,300}") {
            let once = list_of(&written);
            prop_assert_eq!(list_of(&once), once.clone());
            for tag in once.split(',').filter(|tag| !tag.is_empty()) {
                prop_assert!(tag.chars().count() <= MAX_TAG_CHARS);
                prop_assert!(tag.chars().next().unwrap().is_alphabetic());
                prop_assert!(!tag.contains("__") && !tag.ends_with('_') && !tag.contains(|char: char| char.is_ascii_uppercase()));
            }
        }
    }
}
