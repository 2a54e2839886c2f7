//! Writes a module anew that was run, with what its memory holds then and without what it never uses again.
//!
//! Format: <https://webassembly.github.io/spec/core/binary/modules.html>. Functions keep their numbers: the body of one that is
//! never used becomes a trap. Bodies are written in the shortest form, as a linker that leaves its lists in a module writes all
//! numbers at full width. Names, and what compilers say of themselves, are left out.

use std::ops::Range;
use wasm_encoder::reencode::{Error, Reencode, RoundtripReencoder, utils};
use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, DataSection, ExportSection, Function, Instruction, MemorySection,
    MemoryType, Module, RawSection,
};
use wasmparser::{Parser, Payload};

/// Bytes of a page of memory.
const PAGE_BYTES: usize = 65_536;
/// Zeros in a row that are not written: about what another segment's header takes.
const GAP_BYTES: usize = 12;
/// Most pages that the module's memory may grow to, 256 MiB: what the host may take for records, four times a record of the
/// largest size that is sorted, and as much again.
const MAX_PAGES: u64 = 4_096;

/// What is written of a module.
pub(crate) struct Snapshot<'s> {
    /// What its memory holds at first.
    pub(crate) memory: &'s [u8],
    /// Bodies that become traps, as ranges of the module in their order.
    pub(crate) dead: &'s [Range<usize>],
    /// Exports that stay.
    pub(crate) exports: &'s [&'s str],
}

impl Snapshot<'_> {
    /// The module as the snapshot says.
    pub(crate) fn write(&self, module: &[u8]) -> Result<Vec<u8>, Error> {
        let segments = segments(self.memory);
        let mut out = Module::new();
        let mut code = CodeSection::new();
        let mut left_bodies = 0;
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::MemorySection(_) => {
                    let minimum = (self.memory.len() / PAGE_BYTES) as u64;
                    let maximum = Some(MAX_PAGES.max(minimum));
                    let mut memories = MemorySection::new();
                    memories.memory(MemoryType {
                        minimum,
                        maximum,
                        memory64: false,
                        shared: false,
                        page_size_log2: None,
                    });
                    out.section(&memories);
                }
                Payload::ExportSection(exports) => {
                    let mut kept = ExportSection::new();
                    for export in exports {
                        let export = export?;
                        if self.exports.contains(&export.name) {
                            utils::parse_export(&mut RoundtripReencoder, &mut kept, export);
                        }
                    }
                    out.section(&kept);
                }
                Payload::DataCountSection { .. } => {
                    out.section(&DataCountSection { count: u32::try_from(segments.len()).unwrap_or(u32::MAX) });
                }
                Payload::CodeSectionStart { count, .. } => left_bodies = count,
                Payload::CodeSectionEntry(body) => {
                    if self.dead.binary_search_by_key(&body.range().start, |dead| dead.start).is_ok() {
                        let mut trap = Function::new([]);
                        trap.instruction(&Instruction::Unreachable).instruction(&Instruction::End);
                        code.function(&trap);
                    } else {
                        RoundtripReencoder.parse_function_body(&mut code, body)?;
                    }
                    left_bodies -= 1;
                    if left_bodies == 0 {
                        out.section(&code);
                    }
                }
                Payload::DataSection(_) => {
                    let mut data = DataSection::new();
                    for segment in &segments {
                        let address = i32::try_from(segment.start).unwrap_or_default();
                        let bytes = self.memory.get(segment.clone()).unwrap_or_default();
                        data.active(0, &ConstExpr::i32_const(address), bytes.iter().copied());
                    }
                    out.section(&data);
                }
                Payload::CustomSection(_) => {}
                other => {
                    if let Some((id, range)) = other.as_section() {
                        out.section(&RawSection { id, data: module.get(range).unwrap_or_default() });
                    }
                }
            }
        }
        Ok(out.finish())
    }
}

/// What of the memory is not zero, in pieces with no long gap within.
fn segments(memory: &[u8]) -> Vec<Range<usize>> {
    let mut segments: Vec<Range<usize>> = Vec::new();
    for (at, _) in memory.iter().enumerate().filter(|(_, byte)| **byte != 0) {
        match segments.last_mut() {
            Some(last) if at - last.end < GAP_BYTES => last.end = at + 1,
            _ => segments.push(at..at + 1),
        }
    }
    segments
}
