//! MCP, both protocol eras, as a translation of the hub.
//!
//! A [`Face`] speaks for one caller: who that is was settled before it was made, and nothing in a message
//! can change it. Over HTTP there is one face for each modern request and one for each legacy session; over
//! standard input and output, one for the process.
#![expect(deprecated, reason = "clients of the legacy era still ask for log messages")]

mod answer;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
pub(crate) mod fake;
mod governor;
mod listing;
mod notes;
mod tasks;

pub(crate) use answer::{Parts, parts};
pub use governor::Governor;
pub(crate) use governor::until_revoked;

use crate::api::{CallOutcome, Caller};
use crate::traces::TraceContext;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CancelTaskParams, CompleteRequestMethod,
    CompleteRequestParams, CompleteResult, GetTaskParams, GetTaskResult, Implementation, ListPromptsRequestMethod,
    ListPromptsResult, ListResourceTemplatesRequestMethod, ListResourceTemplatesResult, ListResourcesRequestMethod,
    ListResourcesResult, ListToolsResult, LoggingLevel, MetaObject, PaginatedRequestParams, ProtocolVersion,
    ServerCapabilities, ServerConfig, SetLevelRequestParams, SubscriptionFilter, Tool, UpdateTaskParams,
};
use rmcp::service::{NotificationContext, Peer, RequestContext, RoleServer, SubscriptionContext};
use rmcp::{ErrorData, ServerHandler};
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How long a client may use a list of tools before it asks again; a change is announced anyway.
const LIST_TTL_MS: u64 = 5_000;

/// The largest message a client may send, on every transport. The hub's own bound on arguments is lower.
pub const MAX_MESSAGE_BYTES: usize = 4 << 20;

/// The hub as one caller's MCP server.
pub struct Face<G> {
    governor: G,
    caller: Caller,
    stop: CancellationToken,
    /// The least severe log message a legacy client wants.
    level: Mutex<LoggingLevel>,
    /// Tells a legacy client of changed tools, for as long as this face lives.
    announcer: Mutex<Option<DropGuard>>,
}

impl<G: Governor> Face<G> {
    /// For this caller. `stop` ends subscriptions and notifications; calls that run are not touched by it.
    pub fn new(governor: G, caller: Caller, stop: CancellationToken) -> Self {
        Self { governor, caller, stop, level: Mutex::new(LoggingLevel::Info), announcer: Mutex::new(None) }
    }

    /// What results carry of the server in the modern era; rmcp does it for two kinds of result only.
    fn result_meta(&self, cx: &RequestContext<RoleServer>) -> Option<MetaObject> {
        if is_legacy(cx) {
            return None;
        }
        let server_info = serde_json::to_value(implementation()).ok()?;
        let mut meta = MetaObject::new();
        meta.0.insert("io.modelcontextprotocol/serverInfo".to_owned(), server_info);
        Some(meta)
    }

    /// The least severe log message that this request's client gets: what the request says in the modern
    /// era, nothing if it says nothing; what the session was set to before that.
    fn log_level(&self, cx: &RequestContext<RoleServer>) -> Option<LoggingLevel> {
        if is_legacy(cx) {
            Some(*self.level.lock().unwrap_or_else(PoisonError::into_inner))
        } else {
            cx.meta.log_level()
        }
    }
}

impl<G: Governor> ServerHandler for Face<G> {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_logging()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_tasks()
            .build();
        ServerConfig::new(capabilities).with_server_info(implementation())
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.governor.tool(&self.caller, name).map(listing::tool)
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        cx: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        if request.is_some_and(|request| request.cursor.is_some()) {
            return Err(ErrorData::invalid_params("Unknown cursor: the list of tools is one page", None));
        }
        let tools = self.governor.tools(&self.caller).into_iter().map(listing::tool).collect();
        let mut result =
            ListToolsResult::with_all_items(tools).with_ttl_ms(LIST_TTL_MS).with_cache_scope(CacheScope::Private);
        result.meta = self.result_meta(&cx);
        Ok(result)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = serde_json::to_string(&request.arguments.unwrap_or_default())
            .map_err(|_| ErrorData::invalid_params("The arguments are not JSON", None))?;
        let (sender, receiver) = notes::channel();
        let ended = CancellationToken::new();
        let call = async {
            let within = TraceContext::of(cx.meta.get_traceparent(), cx.meta.get_tracestate());
            let call = self.governor.call(&self.caller, &request.name, arguments, sender, cx.ct.clone(), within);
            let end = call.await;
            ended.cancel();
            end
        };
        let wanted = notes::Wanted { progress: cx.meta.get_progress_token(), level: self.log_level(&cx) };
        let (end, ()) = tokio::join!(
            call,
            notes::forward(receiver, wanted, &cx.peer, notes::Until { ended: &ended, stop: &self.stop })
        );
        if matches!(end.outcome, CallOutcome::UnknownTool) {
            return Err(ErrorData::invalid_params(format!("Unknown tool: {}", request.name), None));
        }
        if let Some(approval) = &end.approval
            && !is_legacy(&cx)
            && cx.client_capabilities().is_some_and(|capabilities| capabilities.supports_tasks())
        {
            return Ok(tasks::created(approval, self.result_meta(&cx)).into());
        }
        let mut result = answer::result(end);
        result.meta = tasks::merged(self.result_meta(&cx), result.meta.take());
        Ok(result.into())
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        let Some(view) = self.governor.task(&self.caller, &request.task_id).await else {
            return Err(tasks::unknown());
        };
        let mut result = tasks::shown(&request.task_id, view);
        result.meta = self.result_meta(&cx);
        Ok(result)
    }

    /// A task of ours asks its caller for nothing.
    async fn update_task(&self, request: UpdateTaskParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        match self.governor.task(&self.caller, &request.task_id).await {
            Some(_) => Ok(()),
            None => Err(tasks::unknown()),
        }
    }

    async fn cancel_task(&self, request: CancelTaskParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        if self.governor.cancel_task(&self.caller, &request.task_id).await { Ok(()) } else { Err(tasks::unknown()) }
    }

    fn accepted_subscription_filter(&self, wanted: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(wanted.supported_by(&self.get_info().capabilities))
    }

    async fn listen(&self, cx: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.governor.changes();
        // The client was told of its subscription before this line: a change in between would be lost, so
        // one notification too many is sent instead.
        changes.mark_changed();
        let tell =
            async { while changes.changed().await.is_ok() && cx.sink().notify_tool_list_changed().await.is_ok() {} };
        // Also in the middle of a notification: at the end of its input the library sends none any more.
        tokio::select! {
            () = tell => {}
            () = cx.cancelled() => {}
            () = self.stop.cancelled() => {}
        }
        Ok(())
    }

    async fn on_initialized(&self, cx: NotificationContext<RoleServer>) {
        // Modern clients listen instead; what was not asked for is not sent to them.
        if cx.peer.peer_info().is_none() {
            return;
        }
        let mut announcer = self.announcer.lock().unwrap_or_else(PoisonError::into_inner);
        // A client that says it again and again gets one announcer all the same.
        if announcer.is_none() {
            let gone = self.stop.child_token();
            tokio::spawn(announce(self.governor.changes(), cx.peer, gone.clone()));
            *announcer = Some(gone.drop_guard());
        }
    }

    async fn set_level(&self, request: SetLevelRequestParams, cx: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        if !is_legacy(&cx) {
            return Err(ErrorData::method_not_found::<rmcp::model::SetLevelRequestMethod>());
        }
        *self.level.lock().unwrap_or_else(PoisonError::into_inner) = request.level;
        Ok(())
    }

    // What is not declared does not exist. rmcp would answer these with empty lists, and a client would
    // believe that there are prompts and resources.

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        Err(ErrorData::method_not_found::<CompleteRequestMethod>())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListPromptsRequestMethod>())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListResourcesRequestMethod>())
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListResourceTemplatesRequestMethod>())
    }
}

pub(crate) fn implementation() -> Implementation {
    let mut implementation = Implementation::new("safeclaw", env!("CARGO_PKG_VERSION"));
    implementation.title = Some("SafeClaw".to_owned());
    implementation
}

/// Whether the request belongs to the era of `initialize`.
fn is_legacy(cx: &RequestContext<RoleServer>) -> bool {
    cx.protocol_version().as_ref().is_none_or(ProtocolVersion::has_initialize)
}

async fn announce(mut changes: watch::Receiver<u64>, peer: Peer<RoleServer>, gone: CancellationToken) {
    let tell = async { while changes.changed().await.is_ok() && peer.notify_tool_list_changed().await.is_ok() {} };
    tokio::select! {
        () = tell => {}
        () = gone.cancelled() => {}
    }
}
