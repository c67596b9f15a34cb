//! Components made to measure: whatever list of tools, code and imports an attack wants, without a compiler
//! for each of them.

use std::fmt::Write;

/// A page of linear memory.
const PAGE: usize = 64 << 10;
/// Where the answer and the strings lie; below are the results that the functions return.
const ANSWER: usize = 96;
const STRINGS: usize = 256;

/// A tool as a component describes it; any bytes, not only text.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) name: Vec<u8>,
    pub(crate) title: Option<Vec<u8>>,
    pub(crate) description: Vec<u8>,
    pub(crate) input: Vec<u8>,
    pub(crate) output: Option<Vec<u8>>,
}

/// One that is as it should be.
pub(crate) fn listed(name: &str) -> Listed {
    Listed {
        name: name.into(),
        title: None,
        description: b"Listed".to_vec(),
        input: br#"{"type":"object"}"#.to_vec(),
        output: None,
    }
}

/// One with this schema of its arguments.
pub(crate) fn with_schema(schema: impl Into<Vec<u8>>) -> Listed {
    Listed { input: schema.into(), ..listed("candidate") }
}

/// A component that exports tools.
#[derive(Debug, Clone)]
pub(crate) struct Component {
    pub(crate) tools: Vec<Listed>,
    /// What every call answers.
    pub(crate) answer: &'static str,
    /// WAT of the component: imports, and what is lowered from them.
    pub(crate) imports: String,
    /// WAT of the core module's imports.
    pub(crate) core_imports: String,
    /// WAT of the core instance's arguments.
    pub(crate) with: String,
    /// WAT of the core module: functions, a start function.
    pub(crate) items: String,
    /// WAT that runs first in `list-tools` and in `call-tool`.
    pub(crate) list: String,
    pub(crate) call: String,
    /// The length that the list says it has, if that is a lie.
    pub(crate) claims: Option<u32>,
    /// Pages of memory at the start, at least.
    pub(crate) pages: usize,
}

/// One that lists these tools and answers every call.
pub(crate) fn component(tools: impl IntoIterator<Item = Listed>) -> Component {
    Component {
        tools: tools.into_iter().collect(),
        answer: "fine",
        imports: String::new(),
        core_imports: String::new(),
        with: String::new(),
        items: String::new(),
        list: String::new(),
        call: String::new(),
        claims: None,
        pages: 0,
    }
}

impl Component {
    /// Its binary.
    pub(crate) fn wasm(&self) -> Vec<u8> {
        let image = self.image();
        let pages = (image.len() / PAGE + 4).max(self.pages);
        let mut data = String::from("(data (i32.const 0) \"");
        for byte in &image {
            write!(data, "\\{byte:02x}").unwrap();
        }
        data.push_str("\")");
        let text = include_str!("tool.wat")
            .replace("CORE_IMPORTS", &self.core_imports)
            .replace("IMPORTS", &self.imports)
            .replace("PAGES", &pages.to_string())
            .replace("FREE", &image.len().to_string())
            .replace("LIST", &self.list)
            .replace("CALL", &self.call)
            .replace("ITEMS", &self.items)
            .replace("WITH", &self.with)
            .replace("DATA", &data);
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Linear memory as the canonical ABI wants it: a list of tools at 16, an outcome at 64.
    fn image(&self) -> Vec<u8> {
        let mut image = Image(vec![0; STRINGS]);
        let mut rows = Vec::new();
        for tool in &self.tools {
            let mut row = Vec::new();
            row.extend(image.string(&tool.name));
            row.extend(image.option(tool.title.as_deref()));
            row.extend(image.string(&tool.description));
            row.extend(image.string(&tool.input));
            row.extend(image.option(tool.output.as_deref()));
            row.extend([0; 8]); // no hints
            rows.extend(row);
        }
        let table = image.put(&rows);
        let count = self.claims.unwrap_or(u32::try_from(self.tools.len()).unwrap());
        image.write(16, &[table.to_le_bytes(), count.to_le_bytes()].concat());
        let text = image.string(self.answer.as_bytes());
        image.write(ANSWER + 4, &text); // content: `text` is 0
        let content = u32::try_from(ANSWER).unwrap().to_le_bytes();
        image.write(64 + 4, &[content, 1u32.to_le_bytes()].concat()); // outcome: `complete` is 0
        image.0
    }
}

struct Image(Vec<u8>);

impl Image {
    fn put(&mut self, bytes: &[u8]) -> u32 {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        let at = u32::try_from(self.0.len()).unwrap();
        self.0.extend_from_slice(bytes);
        at
    }

    fn string(&mut self, bytes: &[u8]) -> [u8; 8] {
        let at = self.put(bytes);
        [at.to_le_bytes(), u32::try_from(bytes.len()).unwrap().to_le_bytes()].concat().try_into().unwrap()
    }

    fn option(&mut self, bytes: Option<&[u8]>) -> [u8; 12] {
        let mut option = [0; 12];
        if let Some(bytes) = bytes {
            option[0] = 1;
            option[4..].copy_from_slice(&self.string(bytes));
        }
        option
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

/// A component of one core module, which exports nothing: compiled, then refused.
pub(crate) fn around(module: &[u8]) -> Vec<u8> {
    [b"\0asm\x0d\0\x01\0".to_vec(), section(1, module)].concat()
}

/// A core module of these sections.
pub(crate) fn module(sections: &[Vec<u8>]) -> Vec<u8> {
    [b"\0asm\x01\0\0\0".to_vec(), sections.concat()].concat()
}

/// A section of either binary format.
pub(crate) fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [vec![id], leb(content.len()), content.to_vec()].concat()
}

/// A vector: its length, then its items.
pub(crate) fn vector(count: usize, items: &[u8]) -> Vec<u8> {
    [leb(count), items.to_vec()].concat()
}

/// A module of functions without parameters and results, each with this body (locals and code).
pub(crate) fn functions(count: usize, body: &[u8]) -> Vec<u8> {
    let code = [leb(body.len()), body.to_vec()].concat();
    module(&[
        section(1, &[1, 0x60, 0, 0]),
        section(3, &vector(count, &vec![0; count])),
        section(10, &vector(count, &code.repeat(count))),
    ])
}

/// LEB128.
pub(crate) fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
