//! What a tool says about itself and what it answers, as plain data: the runner maps it to frames.

/// The most blocks in one answer, and …
pub const MAX_BLOCKS: usize = 4_096;
/// … the most tools of one component. A frame holds no more, and an empty one costs the guest nothing.
pub const MAX_TOOLS: usize = 512;

/// What a tool answered; guest bytes, bounded by `result_bytes`, not yet cleaned.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// Blocks, in order.
    pub content: Vec<Content>,
    /// JSON text that should fit the tool's output schema; the runner checks it.
    pub structured: Option<String>,
}

/// One block of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Text.
    Text(String),
    /// An image.
    Image(Media),
    /// Sound.
    Audio(Media),
    /// An embedded resource.
    Resource(Resource),
}

/// Bytes with a media type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// The bytes.
    pub data: Vec<u8>,
    /// Such as `image/png`.
    pub mime_type: String,
}

/// An embedded resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its URI.
    pub uri: String,
    /// Its media type.
    pub mime_type: Option<String>,
    /// Text or bytes.
    pub body: ResourceBody,
}

/// The body of an embedded resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourceBody {
    /// UTF-8.
    Text(String),
    /// Anything.
    Blob(Vec<u8>),
}

/// A tool as its component describes it; guest text, bounded as a whole by `result_bytes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolDescription {
    /// Its name.
    pub name: String,
    /// For people.
    pub title: Option<String>,
    /// For the model.
    pub description: String,
    /// JSON Schema text of the arguments.
    pub input_schema: String,
    /// JSON Schema text of the structured result.
    pub output_schema: Option<String>,
    /// Hints for display.
    pub hints: Hints,
}

/// Hints for display, never an input to a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hints {
    /// Changes nothing.
    pub read_only: Option<bool>,
    /// May destroy.
    pub destructive: Option<bool>,
    /// Twice is as once.
    pub idempotent: Option<bool>,
    /// Talks to the outside.
    pub open_world: Option<bool>,
}

impl Answer {
    /// The size that `result_bytes` bounds: every byte a guest chose, texts and media types included,
    /// and a fixed price a block, so that a million empty blocks are not free.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let blocks: u64 = self.content.iter().map(Content::bytes).sum();
        blocks.saturating_add(self.structured.as_ref().map_or(0, |text| text.len() as u64))
    }
}

impl Content {
    /// The size of this block in [`Answer::bytes`].
    #[must_use]
    pub fn bytes(&self) -> u64 {
        const BLOCK: usize = 16;
        let size = match self {
            Self::Text(text) => text.len(),
            Self::Image(media) | Self::Audio(media) => media.data.len().saturating_add(media.mime_type.len()),
            Self::Resource(resource) => {
                let body = match &resource.body {
                    ResourceBody::Text(text) => text.len(),
                    ResourceBody::Blob(bytes) => bytes.len(),
                };
                body.saturating_add(resource.uri.len())
                    .saturating_add(resource.mime_type.as_ref().map_or(0, String::len))
            }
        };
        size.saturating_add(BLOCK) as u64
    }
}
