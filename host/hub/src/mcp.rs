//! MCP, both protocol eras, as a translation of the hub.
