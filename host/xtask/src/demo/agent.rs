//! A real MCP client over Streamable HTTP: all that an agent has.

use anyhow::Context;
use rmcp::ServiceError;
use rmcp::model::{CallToolRequestParams, CallToolResult, ContentBlock, ProtocolVersion};
use rmcp::service::{ClientLifecycleMode, ClientServiceExt, RoleClient, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Longer than any deadline in the manifest: past it the hub itself has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connected client.
pub(crate) struct Agent {
    service: RunningService<RoleClient, ()>,
}

/// What a call came back with, and when.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    /// The text blocks, joined.
    pub(crate) text: String,
    /// The structured result.
    pub(crate) structured: Option<Value>,
    /// The tool, or SafeClaw, says that it failed.
    pub(crate) is_error: bool,
    /// Seen from here.
    pub(crate) took: Duration,
}

impl Agent {
    /// Connects with a bearer token.
    pub(crate) async fn connect(url: &str, token: &str) -> anyhow::Result<Self> {
        let config = StreamableHttpClientTransportConfig::with_uri(url).auth_header(token);
        let transport = StreamableHttpClientTransport::from_config(config);
        let lifecycle = ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::LATEST] };
        let connecting = ().serve_with_lifecycle(transport, lifecycle);
        let service = tokio::time::timeout(PATIENCE, connecting)
            .await
            .context("the hub does not answer")?
            .context("the hub did not let the agent in")?;
        Ok(Self { service })
    }

    /// The names of the tools it may see.
    pub(crate) async fn tools(&self) -> anyhow::Result<Vec<String>> {
        let tools = self.service.list_all_tools().await.context("the tools were not listed")?;
        Ok(tools.into_iter().map(|tool| tool.name.into_owned()).collect())
    }

    /// Calls a tool.
    pub(crate) async fn call(&self, tool: &str, arguments: &Value) -> anyhow::Result<Reply> {
        let mut request = CallToolRequestParams::new(tool.to_owned());
        if let Value::Object(arguments) = arguments {
            request = request.with_arguments(arguments.clone());
        }
        let started = Instant::now();
        let result = tokio::time::timeout(PATIENCE, self.service.call_tool(request))
            .await
            .with_context(|| format!("{tool} did not end within {} s", PATIENCE.as_secs()))?;
        let took = started.elapsed();
        match result {
            Ok(result) => Ok(reply(result, took)),
            // A protocol error: an unknown tool, or arguments that are none.
            Err(ServiceError::McpError(error)) => {
                Ok(Reply { text: error.message.into_owned(), structured: None, is_error: true, took })
            }
            Err(error) => Err(error).with_context(|| format!("{tool} was not answered")),
        }
    }

    /// Ends the connection.
    pub(crate) async fn leave(self) {
        // It is going away: that the other side may be gone already is no loss.
        let _ = self.service.cancel().await;
    }
}

fn reply(result: CallToolResult, took: Duration) -> Reply {
    let texts: Vec<String> = result
        .content
        .into_iter()
        .filter_map(|block| match block {
            ContentBlock::Text(text) => Some(text.text),
            _ => None,
        })
        .collect();
    Reply {
        text: texts.join("\n"),
        structured: result.structured_content,
        is_error: result.is_error == Some(true),
        took,
    }
}
