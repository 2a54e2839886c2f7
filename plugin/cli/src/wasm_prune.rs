//! Finds what of a module is never used again once its rules are built: the code that reads and compiles rules, and its tables.
//!
//! The linker leaves in the module which code and which constants name which others (`--emit-relocs`; format:
//! <https://github.com/WebAssembly/tool-conventions/blob/main/Linking.md>). What can be reached from the functions that the host
//! calls is used. So is what the memory points to that was written since: there every word is taken for an address, or for the
//! place of a function in the table when its type is called that way. A module without these lists is used as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use wasmparser::{
    ConstExpr, CustomSectionReader, DataKind, ElementItems, ElementKind, ExternalKind, FunctionBody, KnownCustom,
    Linking, Operator, Parser, Payload, RelocationEntry, RelocationType, SymbolInfo, TypeRef,
};

/// What is never used.
#[derive(Debug, Default)]
pub(crate) struct Unused {
    /// Bodies of functions, as ranges of the module in their order.
    pub(crate) bodies: Vec<Range<usize>>,
    /// Constants, as ranges of the memory.
    pub(crate) memory: Vec<Range<usize>>,
}

/// Something that names others and is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// By its number.
    Function(u32),
    /// By its place among the constants.
    Constant(usize),
}

/// What a symbol of the linker's stands for: a function, or so many bytes of a data segment.
#[derive(Debug, Clone)]
enum Symbol {
    Function(u32),
    Data { segment: usize, bytes: Range<usize> },
    Other,
}

/// A data segment: its address, and where its bytes are in the module.
#[derive(Debug, Clone)]
struct Segment {
    address: usize,
    bytes: Range<usize>,
}

/// What is looked at of a module.
#[derive(Default)]
struct Parts<'m> {
    imported: u32,
    /// The type of each function.
    types: Vec<u32>,
    bodies: Vec<FunctionBody<'m>>,
    exported: Vec<(&'m str, u32)>,
    /// The functions in the table, by their place.
    table: BTreeMap<u32, u32>,
    segments: Vec<Segment>,
    symbols: Vec<Symbol>,
    /// Relocations with the section that they are in.
    relocations: Vec<(u32, RelocationEntry)>,
    /// Number and first byte of the sections with code and data.
    code: (u32, usize),
    data: (u32, usize),
}

/// What is never used of a module, with `memory` as it was when its rules were built, when only `roots` are called.
pub(crate) fn find_unused(module: &[u8], memory: &[u8], roots: &[&str]) -> wasmparser::Result<Unused> {
    let parts = Parts::read(module)?;
    if parts.relocations.is_empty() {
        return Ok(Unused::default());
    }
    let constants = parts.constants();
    let uses = parts.uses(&constants);
    let used = parts.used(module, memory, roots, &constants, &uses)?;
    let bodies = parts.bodies.iter().zip(parts.imported..);
    Ok(Unused {
        bodies: bodies
            .filter(|(_, function)| !used.contains(&Part::Function(*function)))
            .map(|(body, _)| body.range())
            .collect(),
        memory: constants
            .into_iter()
            .enumerate()
            .filter(|(at, _)| !used.contains(&Part::Constant(*at)))
            .map(|(_, bytes)| bytes)
            .collect(),
    })
}

impl<'m> Parts<'m> {
    fn read(module: &'m [u8]) -> wasmparser::Result<Self> {
        let mut parts = Parts::default();
        let mut section = 0;
        for payload in Parser::new(0).parse_all(module) {
            let payload = payload?;
            let (is_section, is_entry) =
                (payload.as_section().is_some(), matches!(payload, Payload::CodeSectionEntry(_)));
            parts.take(payload, section)?;
            section += u32::from(is_section && !is_entry);
        }
        Ok(parts)
    }

    fn take(&mut self, payload: Payload<'m>, section: u32) -> wasmparser::Result<()> {
        match payload {
            Payload::ImportSection(imports) => {
                for import in imports {
                    if let TypeRef::Func(kind) = import?.ty {
                        self.imported += 1;
                        self.types.push(kind);
                    }
                }
            }
            Payload::FunctionSection(types) => {
                for kind in types {
                    self.types.push(kind?);
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    if export.kind == ExternalKind::Func {
                        self.exported.push((export.name, export.index));
                    }
                }
            }
            Payload::ElementSection(elements) => {
                for element in elements {
                    let element = element?;
                    let (ElementKind::Active { offset_expr, .. }, ElementItems::Functions(items)) =
                        (element.kind, element.items)
                    else {
                        continue;
                    };
                    for (place, function) in (constant(&offset_expr).unwrap_or_default()..).zip(items) {
                        self.table.insert(place, function?);
                    }
                }
            }
            Payload::CodeSectionStart { range, .. } => self.code = (section, range.start),
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            Payload::DataSection(data) => {
                self.data = (section, data.range().start);
                for segment in data {
                    let segment = segment?;
                    let DataKind::Active { offset_expr, .. } = segment.kind else { continue };
                    let address = constant(&offset_expr).unwrap_or_default() as usize;
                    let end = segment.range.end;
                    self.segments.push(Segment { address, bytes: end - segment.data.len()..end });
                }
            }
            Payload::CustomSection(custom) => self.take_custom(&custom)?,
            _ => {}
        }
        Ok(())
    }

    fn take_custom(&mut self, custom: &CustomSectionReader<'m>) -> wasmparser::Result<()> {
        match custom.as_known() {
            KnownCustom::Linking(linking) => {
                for subsection in linking.subsections() {
                    let Linking::SymbolTable(symbols) = subsection? else { continue };
                    for symbol in symbols {
                        self.symbols.push(match symbol? {
                            SymbolInfo::Func { index, .. } => Symbol::Function(index),
                            SymbolInfo::Data { symbol: Some(data), .. } => {
                                let start = data.offset as usize;
                                let bytes = start..start + data.size as usize;
                                Symbol::Data { segment: data.index as usize, bytes }
                            }
                            _ => Symbol::Other,
                        });
                    }
                }
            }
            KnownCustom::Reloc(relocations) => {
                for entry in relocations.entries() {
                    self.relocations.push((relocations.section_index(), entry?));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Constants and variables, as ranges of the memory in their order; what overlaps is one.
    fn constants(&self) -> Vec<Range<usize>> {
        let mut constants: Vec<Range<usize>> = self.symbols.iter().filter_map(|symbol| self.place(symbol)).collect();
        constants.retain(|bytes| !bytes.is_empty());
        constants.sort_by_key(|bytes| (bytes.start, bytes.end));
        let mut apart: Vec<Range<usize>> = Vec::new();
        for bytes in constants {
            match apart.last_mut() {
                Some(last) if bytes.start < last.end => last.end = last.end.max(bytes.end),
                _ => apart.push(bytes),
            }
        }
        apart
    }

    /// Where the data of a symbol is in the memory.
    fn place(&self, symbol: &Symbol) -> Option<Range<usize>> {
        let Symbol::Data { segment, bytes } = symbol else { return None };
        let address = self.segments.get(*segment)?.address;
        Some(address + bytes.start..address + bytes.end)
    }

    /// What each part names.
    fn uses(&self, constants: &[Range<usize>]) -> BTreeMap<Part, Vec<Part>> {
        let mut uses: BTreeMap<Part, Vec<Part>> = BTreeMap::new();
        for (section, entry) in &self.relocations {
            let offset = entry.offset as usize;
            let user = if *section == self.code.0 { self.function_at(self.code.1 + offset) } else { None };
            let user = user.or_else(|| {
                (*section == self.data.0).then(|| self.constant_at(self.data.1 + offset, constants)).flatten()
            });
            if let (Some(user), Some(used)) = (user, self.named(entry, constants)) {
                uses.entry(user).or_default().push(used);
            }
        }
        uses
    }

    /// What a relocation names.
    fn named(&self, entry: &RelocationEntry, constants: &[Range<usize>]) -> Option<Part> {
        let symbol = match entry.ty {
            RelocationType::TypeIndexLeb => return None,
            _ => self.symbols.get(entry.index as usize)?,
        };
        match symbol {
            Symbol::Function(function) => Some(Part::Function(*function)),
            Symbol::Data { .. } => find(constants, self.place(symbol)?.start).map(Part::Constant),
            Symbol::Other => None,
        }
    }

    /// The function whose body has that byte of the module.
    fn function_at(&self, byte: usize) -> Option<Part> {
        let behind = self.bodies.partition_point(|body| body.range().start <= byte);
        let at = behind.checked_sub(1)?;
        self.bodies.get(at).filter(|body| byte < body.range().end)?;
        Some(Part::Function(self.imported + u32::try_from(at).ok()?))
    }

    /// The constant that has that byte of the module.
    fn constant_at(&self, byte: usize, constants: &[Range<usize>]) -> Option<Part> {
        let segment = self.segments.iter().find(|segment| segment.bytes.contains(&byte))?;
        find(constants, segment.address + (byte - segment.bytes.start)).map(Part::Constant)
    }

    /// All that may be used.
    fn used(
        &self,
        module: &[u8],
        memory: &[u8],
        roots: &[&str],
        constants: &[Range<usize>],
        uses: &BTreeMap<Part, Vec<Part>>,
    ) -> wasmparser::Result<BTreeSet<Part>> {
        let words = self.written_words(module, memory, constants);
        let mut called_types = BTreeSet::new();
        let mut used = BTreeSet::new();
        let named = self.exported.iter().filter(|(name, _)| roots.contains(name));
        let mut open: Vec<Part> = named.map(|(_, function)| Part::Function(*function)).collect();
        open.extend(words.iter().filter_map(|word| find(constants, *word as usize)).map(Part::Constant));
        loop {
            while let Some(part) = open.pop() {
                if !used.insert(part) {
                    continue;
                }
                open.extend(uses.get(&part).into_iter().flatten());
                if let Part::Function(function) = part {
                    self.add_called_types(function, &mut called_types)?;
                }
            }
            let is_called =
                |function: &u32| self.types.get(*function as usize).is_some_and(|kind| called_types.contains(kind));
            let by_table = words.iter().filter_map(|word| self.table.get(word)).filter(|function| is_called(function));
            open.extend(by_table.map(|function| Part::Function(*function)).filter(|part| !used.contains(part)));
            if open.is_empty() {
                return Ok(used);
            }
        }
    }

    /// The types of functions that a function calls through the table.
    fn add_called_types(&self, function: u32, types: &mut BTreeSet<u32>) -> wasmparser::Result<()> {
        let body = function.checked_sub(self.imported).and_then(|at| self.bodies.get(at as usize));
        let Some(body) = body else { return Ok(()) };
        for operator in body.get_operators_reader()? {
            if let Operator::CallIndirect { type_index, .. } = operator? {
                types.insert(type_index);
            }
        }
        Ok(())
    }

    /// The words of the memory that were written since the module was loaded: all but those of constants and variables that are
    /// as they were, whose words the linker's lists tell.
    fn written_words(&self, module: &[u8], memory: &[u8], constants: &[Range<usize>]) -> BTreeSet<u32> {
        let mut first = vec![0; memory.len()];
        for Segment { address, bytes } in &self.segments {
            let to = first.get_mut(*address..*address + bytes.len());
            if let (Some(to), Some(from)) = (to, module.get(bytes.clone())) {
                to.copy_from_slice(from);
            }
        }
        let mut written = memory.to_vec();
        for bytes in constants {
            if memory.get(bytes.clone()) == first.get(bytes.clone())
                && let Some(unchanged) = written.get_mut(bytes.clone())
            {
                unchanged.fill(0);
            }
        }
        written.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect()
    }
}

/// The range that has an address, of ranges in their order.
fn find(ranges: &[Range<usize>], address: usize) -> Option<usize> {
    let at = ranges.partition_point(|range| range.start <= address).checked_sub(1)?;
    ranges.get(at).is_some_and(|range| address < range.end).then_some(at)
}

fn constant(expression: &ConstExpr<'_>) -> Option<u32> {
    match expression.get_operators_reader().read().ok()? {
        Operator::I32Const { value } => u32::try_from(value).ok(),
        _ => None,
    }
}
