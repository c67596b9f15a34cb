//! MCP over Streamable HTTP, on loopback.
