//! An instance as the plugin meets it: the host's struct with its lists of properties.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::{offset_of, size_of};
use std::ptr;
use std::sync::Arc;

use crate::abi::{KeyValue, ListNode, StringHeader};
use crate::error::HarnessError;
use crate::guarded::GuardedBlock;
use crate::layout::{INSTANCE_NAME_BYTES, InstanceShape};
use crate::metrics::{Context, Shown};
use crate::properties::SortedProperties;

const WORD_BYTES: usize = 8;

/// An `flb_output_instance` or `flb_filter_instance` and the strings its pointers lead to.
#[derive(Debug)]
pub(crate) struct Instance {
    block: GuardedBlock,
    /// Keys, values and list members, in one block so that they are closed with the instance.
    arena: GuardedBlock,
    /// Of an output.
    metrics: Option<Context>,
    name: String,
}

impl Instance {
    /// Builds instance `id` of the plugin called `plugin_name`.
    pub(crate) fn build(
        shape: &InstanceShape,
        plugin_name: &str,
        id: usize,
        properties: &SortedProperties<'_>,
        config: *mut c_void,
    ) -> Result<Self, HarnessError> {
        let name = format!("{plugin_name}.{id}");
        let block = GuardedBlock::zeroed(shape.bytes)?;
        let mut arena = Arena::with_room_for(properties)?;

        block.put(shape.id, c_int::try_from(id).unwrap_or(c_int::MAX));
        block.put(shape.log_level, properties.log_level);
        let shown: Vec<u8> = name.bytes().take(INSTANCE_NAME_BYTES - 1).collect();
        block.put_bytes(shape.name, &shown);
        block.put(shape.config, config);
        if let Some(alias) = properties.alias {
            block.put(shape.alias, arena.string(alias));
        }
        block.put(shape.matching, arena.string(properties.matching.unwrap_or("*")));

        arena.link(&block, shape.properties, &properties.own);
        if let Some(head) = shape.net_properties {
            arena.link(&block, head, &properties.net);
        }
        if let Some(head) = shape.oauth2_properties {
            arena.link(&block, head, &properties.oauth2);
        }
        for &head in shape.empty_lists {
            arena.link(&block, head, &[]);
        }
        let metrics = shape.metrics.map(|_| Context::new()).transpose()?;
        if let (Some(offset), Some(metrics)) = (shape.metrics, &metrics) {
            block.put(offset, metrics.as_ptr());
        }
        Ok(Self { block, arena: arena.block, metrics, name })
    }

    pub(crate) fn as_ptr(&self) -> *mut c_void {
        self.block.as_ptr().cast()
    }

    pub(crate) fn block(&self) -> &GuardedBlock {
        &self.block
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What it shows in the host's metrics.
    pub(crate) fn shown(&self) -> Arc<Shown> {
        self.metrics.as_ref().map(|metrics| Arc::clone(metrics.shown())).unwrap_or_default()
    }

    pub(crate) fn retire(self) {
        self.block.retire();
        self.arena.retire();
        if let Some(metrics) = self.metrics {
            metrics.retire();
        }
    }
}

/// Strings and list members, laid out one after another.
struct Arena {
    block: GuardedBlock,
    used_bytes: usize,
}

impl Arena {
    fn with_room_for(properties: &SortedProperties<'_>) -> Result<Self, HarnessError> {
        let lists = [&properties.own, &properties.net, &properties.oauth2];
        let pairs = lists.into_iter().flatten();
        let list_bytes: usize =
            pairs.map(|(key, value)| string_bytes(key) + string_bytes(value) + size_of::<KeyValue>()).sum();
        let bytes =
            list_bytes + properties.alias.map_or(0, string_bytes) + string_bytes(properties.matching.unwrap_or("*"));
        Ok(Self { block: GuardedBlock::zeroed(bytes)?, used_bytes: 0 })
    }

    fn reserve(&mut self, bytes: usize) -> usize {
        let offset = self.used_bytes;
        self.used_bytes += bytes;
        offset
    }

    /// Writes a host's string: a header, the characters, a zero. The pointer is to the characters.
    fn string(&mut self, text: &str) -> *mut c_char {
        let offset = self.reserve(string_bytes(text));
        let header = StringHeader { bytes: text.len() as u64, capacity: text.len() as u64 };
        self.block.put(offset, header);
        let characters = offset + size_of::<StringHeader>();
        self.block.put_bytes(characters, text.as_bytes());
        self.block.at(characters, text.len() + 1).cast()
    }

    /// Makes the list whose head is at `head` of `owner` from `pairs`.
    fn link(&mut self, owner: &GuardedBlock, head: usize, pairs: &[(&str, &str)]) {
        let link_offset = offset_of!(KeyValue, link);
        let members: Vec<(usize, *mut c_char, *mut c_char)> = pairs
            .iter()
            .map(|(key, value)| {
                let (key, value) = (self.string(key), self.string(value));
                (self.reserve(size_of::<KeyValue>()), key, value)
            })
            .collect();

        let head_node = owner.at(head, size_of::<ListNode>()).cast::<ListNode>();
        let node_of = |offset: usize| {
            let node = self.block.at(offset + link_offset, size_of::<ListNode>());
            node.cast::<ListNode>()
        };
        let mut prev = head_node;
        let mut following = members.iter().skip(1);
        for &(offset, key, value) in &members {
            let next = following.next().map_or(head_node, |member| node_of(member.0));
            let link = ListNode { prev, next };
            self.block.put(offset, KeyValue { key, value, link });
            prev = node_of(offset);
        }
        let next = members.first().map_or(head_node, |member| node_of(member.0));
        owner.put(head, ListNode { prev, next });
    }
}

fn string_bytes(text: &str) -> usize {
    (size_of::<StringHeader>() + text.len() + 1).next_multiple_of(WORD_BYTES)
}

/// Looks a property up the way the host does: walking the list itself, whatever became of it, and
/// ignoring the case of keys. NULL if there is none.
///
/// # Safety
///
/// `head` is the head of an intact list of properties, and `key` NULL or a C string.
pub(crate) unsafe fn find_property(head: *const ListNode, key: *const c_char) -> *const c_char {
    if key.is_null() {
        return ptr::null();
    }
    // SAFETY: the caller passes a C string.
    let wanted = unsafe { CStr::from_ptr(key) };
    // SAFETY: the caller passes an intact list.
    let mut node = unsafe { (*head).next }.cast_const();
    while node != head {
        let member = node.wrapping_byte_sub(offset_of!(KeyValue, link)).cast::<KeyValue>();
        // SAFETY: every member of the list is the `link` of a `KeyValue`.
        let member = unsafe { *member };
        // SAFETY: keys are the arena's strings, which end in a zero.
        let found = unsafe { CStr::from_ptr(member.key) };
        if !wanted.is_empty() && found.to_bytes().eq_ignore_ascii_case(wanted.to_bytes()) {
            return member.value;
        }
        node = member.link.next;
    }
    ptr::null()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failure is the test's failure")]

    use super::*;
    use crate::layout::Layout;

    fn built(layout: Layout, given: &[(&str, &str)]) -> Instance {
        let sorted = SortedProperties::of_output(layout, given).unwrap();
        let shape = &layout.shape().output_instance;
        Instance::build(shape, "echo", 3, &sorted, ptr::null_mut()).unwrap()
    }

    fn found(instance: &Instance, head: usize, key: &CStr) -> Option<String> {
        let head = instance.block.at(head, size_of::<ListNode>()).cast::<ListNode>();
        // SAFETY: `build` made the list and nobody touched it.
        let value = unsafe { find_property(head, key.as_ptr()) };
        // SAFETY: values are the arena's strings.
        (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) }.to_str().unwrap().to_owned())
    }

    #[test]
    fn properties_are_found_in_any_case_and_lists_stay_apart() {
        for layout in Layout::ALL {
            let instance = built(layout, &[("Lake", "a"), ("Level", "b"), ("net.dns", "c"), ("alias", "d")]);
            let shape = &layout.shape().output_instance;
            assert_eq!(found(&instance, shape.properties, c"LEVEL").as_deref(), Some("b"));
            assert_eq!(found(&instance, shape.properties, c"net.dns"), None);
            assert_eq!(found(&instance, shape.properties, c""), None);
            let net = shape.net_properties.unwrap();
            assert_eq!(found(&instance, net, c"net.dns").as_deref(), Some("c"));
            assert_eq!(instance.name(), "echo.3");
            instance.retire();
        }
    }

    #[test]
    fn a_list_is_a_ring_in_both_directions() {
        let instance = built(Layout::V4_2_8, &[("a", "1"), ("b", "2"), ("c", "3")]);
        let offset = Layout::V4_2_8.shape().output_instance.properties;
        let head = instance.block.at(offset, size_of::<ListNode>()).cast::<ListNode>();
        let (mut node, mut steps) = (head, 0);
        loop {
            // SAFETY: the list is intact, so every node is readable.
            let next = unsafe { (*node).next };
            // SAFETY: as above.
            assert_eq!(unsafe { (*next).prev }, node);
            node = next;
            steps += 1;
            if node == head {
                break;
            }
        }
        assert_eq!(steps, 4);
    }
}
