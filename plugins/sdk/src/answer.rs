//! What a tool answers when a plain result is not enough: several blocks, bytes, a failure with content.

/// Content blocks, in order, and perhaps structured content.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// Blocks.
    pub content: Vec<Content>,
    /// JSON text; must fit the tool's output schema if there is one.
    pub structured: Option<String>,
    /// The tool did not do what it was asked; the agent sees the blocks.
    pub is_error: bool,
}

/// One block.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Text.
    Text(String),
    /// An image: bytes and media type.
    Image(Vec<u8>, String),
    /// Sound: bytes and media type.
    Audio(Vec<u8>, String),
    /// A resource, embedded.
    Resource(Resource),
}

/// An embedded resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// Its URI.
    pub uri: String,
    /// Its media type.
    pub mime_type: Option<String>,
    /// What is in it.
    pub body: ResourceBody,
}

/// The body of an embedded resource.
#[derive(Debug, Clone, PartialEq)]
pub enum ResourceBody {
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Answer {
    /// An answer without blocks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One block of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new().with(Content::Text(text.into()))
    }

    /// One more block.
    #[must_use]
    pub fn with(mut self, block: Content) -> Self {
        self.content.push(block);
        self
    }

    /// One more block: an image, such as `image/png`.
    #[must_use]
    pub fn with_image(self, data: Vec<u8>, mime_type: &str) -> Self {
        self.with(Content::Image(data, mime_type.to_owned()))
    }

    /// One more block: sound, such as `audio/wav`.
    #[must_use]
    pub fn with_audio(self, data: Vec<u8>, mime_type: &str) -> Self {
        self.with(Content::Audio(data, mime_type.to_owned()))
    }

    /// One more block: an embedded resource.
    #[must_use]
    pub fn with_resource(self, uri: &str, mime_type: &str, body: ResourceBody) -> Self {
        let (uri, mime_type) = (uri.to_owned(), Some(mime_type.to_owned()));
        self.with(Content::Resource(Resource { uri, mime_type, body }))
    }

    /// The same answer, as a failure.
    #[must_use]
    pub fn failed(mut self) -> Self {
        self.is_error = true;
        self
    }
}
