//! The playground as JavaScript sees it.

use crate::playground::{Origin, Playground};
use wasm_bindgen::prelude::wasm_bindgen;

/// A [`Playground`]. Lines are bytes, since files may hold any.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Engine(Playground);

#[wasm_bindgen]
impl Engine {
    /// One with the built-in rules.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// [`Playground::set_origin`], from JSON.
    #[wasm_bindgen(js_name = setOrigin)]
    pub fn set_origin(&mut self, json: &str) {
        self.0.set_origin(Origin::of_json(json));
    }

    /// [`Playground::set_rules`].
    #[wasm_bindgen(js_name = setRules)]
    pub fn set_rules(&mut self, text: &str) -> String {
        self.0.set_rules(text)
    }

    /// [`Playground::sort_block`].
    #[wasm_bindgen(js_name = sortBlock)]
    pub fn sort_block(&mut self, block: &[u8]) -> Vec<u32> {
        self.0.sort_block(block)
    }

    /// [`Playground::report`].
    pub fn report(&mut self, line: &[u8]) -> String {
        self.0.report(line)
    }

    /// [`Playground::object`].
    pub fn object(&mut self, line: &[u8]) -> String {
        self.0.object(line)
    }

    /// [`Playground::suggest`].
    pub fn suggest(&mut self, line: &[u8], text: &str) -> String {
        self.0.suggest(line, text)
    }
}
