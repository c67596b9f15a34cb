//! The ceiling: the same two tools in a server of the same SDK, with no wall, no policy and no record.

use axum::Router;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer, ServiceExt};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, ServerHandler};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use tokio::net::TcpListener;

#[derive(Clone)]
struct Native;

impl ServerHandler for Native {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        ServerConfig::new(capabilities).with_server_info(Implementation::new("native", "0"))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools().into_iter().find(|tool| tool.name == name)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let number = |name: &str| arguments.get(name).and_then(Value::as_i64);
        let text = match (&*request.name, number("a"), number("b"), arguments.get("text").and_then(Value::as_str)) {
            ("add", Some(a), Some(b), _) => a.wrapping_add(b).to_string(),
            ("echo", _, _, Some(text)) => text.to_owned(),
            _ => return Err(ErrorData::invalid_params("no such tool, or other arguments", None)),
        };
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }
}

fn tools() -> Vec<Tool> {
    let schema = |properties: Value| {
        let Value::Object(schema) = json!({"type": "object", "properties": properties}) else { return Map::new() };
        schema
    };
    let add = schema(json!({"a": {"type": "integer"}, "b": {"type": "integer"}}));
    let echo = schema(json!({"text": {"type": "string"}}));
    vec![Tool::new("add", "Adds two numbers.", Arc::new(add)), Tool::new("echo", "Gives a text back.", Arc::new(echo))]
}

/// Serves HTTP on a free port of loopback, whose URL it prints, until it is killed.
pub(crate) async fn http() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    // Whole answers, as our own hub gives them.
    let config = StreamableHttpServerConfig::default().with_json_response(true);
    let service = StreamableHttpService::new(|| Ok(Native), Arc::new(LocalSessionManager::default()), config);
    println!("http://{address}/mcp");
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, Router::new().route_service("/mcp", service)).await?;
    Ok(())
}

/// Serves standard input and output.
pub(crate) async fn stdio() -> anyhow::Result<()> {
    Native.serve((tokio::io::stdin(), tokio::io::stdout())).await?.waiting().await?;
    Ok(())
}
