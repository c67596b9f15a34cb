//! A conversation with a server, in one of the protocol's two eras.

use crate::Era;
use crate::exchange::{Answered, RpcError, send, tell};
use safeclaw_sdk::http::Request;
use safeclaw_sdk::prelude::*;
use safeclaw_sdk::progress;
use safeclaw_sdk::serde_json::{Map, Value, json};

/// The newest revision, in which each request stands alone.
const MODERN: &str = "2026-07-28";
/// What is offered to servers of the older kind.
const LEGACY: &str = "2025-11-25";
/// The older revisions that have Streamable HTTP.
const LEGACY_KNOWN: [&str; 3] = [LEGACY, "2025-06-18", "2025-03-26"];
/// `server/discover` is answered so by a server of the newest kind that does not like the version.
const UNSUPPORTED_VERSION: i64 = -32022;
/// The most requests of a server's that are answered within one request of ours.
const ANSWERS_TO_SERVER: usize = 8;

/// A server that has been spoken to.
pub(crate) struct Conversation {
    url: String,
    /// As agreed; nothing before that.
    version: Option<String>,
    is_modern: bool,
    session: Option<String>,
    server: Option<String>,
    last_id: u64,
}

impl Conversation {
    /// Begins one.
    ///
    /// # Errors
    /// The server does not answer, or in no protocol that is known here.
    pub(crate) fn open(url: &str, era: Era) -> Result<Self> {
        let mut this = Self {
            url: url.to_owned(),
            version: Some(MODERN.to_owned()),
            is_modern: true,
            session: None,
            server: None,
            last_id: 0,
        };
        let is_modern = match era {
            Era::Auto => this.discover()?,
            Era::Modern => true,
            Era::Legacy => false,
        };
        if !is_modern {
            this.initialize()?;
        }
        Ok(this)
    }

    /// The version that is spoken, and the server's name.
    pub(crate) fn about(self) -> (String, Option<String>) {
        (self.version.unwrap_or_default(), self.server)
    }

    /// Whether the server speaks the newest protocol. Nothing but a question that changes nothing is sent to find out:
    /// a call that an older server runs and then refuses would be made twice.
    fn discover(&mut self) -> Result<bool> {
        let (answered, _) = self.exchange("server/discover", None, Map::new())?;
        match answered {
            Answered::Result(result) => {
                self.server = name(result.pointer("/_meta/io.modelcontextprotocol~1serverInfo"));
                let supported = result.get("supportedVersions").and_then(Value::as_array);
                Ok(supported.is_none_or(|all| all.iter().any(|version| version == MODERN)))
            }
            Answered::Refused(status @ (401 | 403), error) => bail!(refusal(status, error)),
            Answered::Refused(status @ 500.., error) => bail!(refusal(status, error)),
            Answered::Refused(_, Some(error)) | Answered::Error(error) if error.code == UNSUPPORTED_VERSION => {
                // It may serve both kinds; if not, `initialize` says so.
                Ok(false)
            }
            Answered::Refused(..) | Answered::Error(_) => Ok(false),
        }
    }

    fn initialize(&mut self) -> Result<()> {
        (self.is_modern, self.version) = (false, None);
        let params = json!({
            "protocolVersion": LEGACY,
            "capabilities": {},
            "clientInfo": { "name": "safeclaw-mcp-client", "version": env!("CARGO_PKG_VERSION") },
        });
        let Value::Object(params) = params else { bail!("parameters are an object") };
        let (answered, session) = self.exchange("initialize", None, params)?;
        let result = result_of(answered).context("initialize")?;
        let version = result.get("protocolVersion").and_then(Value::as_str).unwrap_or_default();
        ensure!(LEGACY_KNOWN.contains(&version), "the server speaks MCP {version:?}, which is not known here");
        self.version = Some(version.to_owned());
        self.server = name(result.get("serverInfo"));
        if let Some(session) = session {
            // It goes back to the server as a header.
            let fits = session.len() <= 1024 && session.bytes().all(|b| b.is_ascii_graphic());
            ensure!(fits, "the server's session id is not one");
            self.session = Some(session);
        }
        let told = tell(self.message(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))?);
        if told.is_err() {
            self.close();
        }
        told.context("notifications/initialized")
    }

    /// Asks for something and waits for the answer.
    ///
    /// # Errors
    /// What the server, or the way to it, says.
    pub(crate) fn ask(&mut self, method: &str, name: Option<&str>, params: Map<String, Value>) -> Result<Value> {
        result_of(self.exchange(method, name, params)?.0).with_context(|| method.to_owned())
    }

    /// Tells a server of the older kind that nothing more comes. It may not care.
    pub(crate) fn close(&mut self) {
        let Some(session) = self.session.take() else { return };
        let version = self.version.as_deref().unwrap_or(LEGACY);
        let request =
            Request::delete(&self.url).header("mcp-session-id", &session).header("mcp-protocol-version", version);
        if let Err(error) = request.send() {
            log::debug!("the session was not closed: {error}");
        }
    }

    fn exchange(
        &mut self,
        method: &str,
        name: Option<&str>,
        mut params: Map<String, Value>,
    ) -> Result<(Answered, Option<String>)> {
        self.last_id += 1;
        let id = self.last_id;
        let mut meta = Map::new();
        if method == "tools/call" {
            meta.insert("progressToken".into(), id.into());
        }
        if self.is_modern {
            meta.insert("io.modelcontextprotocol/protocolVersion".into(), MODERN.into());
            meta.insert("io.modelcontextprotocol/clientCapabilities".into(), json!({}));
            let client = json!({ "name": "safeclaw-mcp-client", "version": env!("CARGO_PKG_VERSION") });
            meta.insert("io.modelcontextprotocol/clientInfo".into(), client);
        }
        if !meta.is_empty() {
            params.insert("_meta".into(), Value::Object(meta));
        }
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let mut request = self.message(&message)?;
        if self.is_modern {
            request = request.header("mcp-method", method);
            if let Some(name) = name {
                request = request.header("mcp-name", name);
            }
        }
        let mut answered = 0_usize;
        send(request, id, |message| {
            if message.get("method").is_some_and(|method| method == "notifications/progress") {
                pass_on_progress(message);
            } else if message.get("id").is_some() && answered < ANSWERS_TO_SERVER {
                answered += 1;
                self.answer(message);
            }
        })
    }

    /// A server of the older kind may ask something on the way: it is alive, and cannot have anything else.
    fn answer(&self, asked: &Value) {
        let mut message = json!({ "jsonrpc": "2.0", "id": asked.get("id") });
        let answer = match asked.get("method").and_then(Value::as_str) {
            Some("ping") => ("result", json!({})),
            Some(method) => ("error", json!({ "code": -32601, "message": format!("{method} is not served here") })),
            None => return,
        };
        if let Some(object) = message.as_object_mut() {
            object.insert(answer.0.into(), answer.1);
        }
        if let Err(error) = self.message(&message).and_then(tell) {
            log::debug!("the server's own request was not answered: {error:#}");
        }
    }

    fn message(&self, message: &Value) -> Result<Request> {
        let mut request = Request::post(&self.url).header("accept", "application/json, text/event-stream");
        if let Some(version) = &self.version {
            request = request.header("mcp-protocol-version", version);
        }
        if let Some(session) = &self.session {
            request = request.header("mcp-session-id", session);
        }
        Ok(request.json(message)?)
    }
}

fn name(info: Option<&Value>) -> Option<String> {
    let name = info?.get("name")?.as_str()?;
    Some(name.chars().take(200).collect())
}

fn pass_on_progress(message: &Value) {
    let number = |name: &str| message.get("params").and_then(|params| params.get(name)).and_then(Value::as_f64);
    let words = message.pointer("/params/message").and_then(Value::as_str);
    if let Some(done) = number("progress") {
        progress(done, number("total"), words);
    }
}

fn result_of(answered: Answered) -> Result<Value> {
    match answered {
        Answered::Result(result) => Ok(result),
        Answered::Error(error) => bail!("the server answered with error {}: {}", error.code, error.message),
        Answered::Refused(status, error) => bail!(refusal(status, error)),
    }
}

fn refusal(status: u16, error: Option<RpcError>) -> String {
    let said = match error {
        Some(error) => format!("the server answered {status}, error {}: {}", error.code, error.message),
        None => format!("the server answered {status}"),
    };
    match status {
        401 | 403 => format!("{said}. It wants a credential that the hub does not add, or another one"),
        404 => format!("{said}. Is this the endpoint of an MCP server?"),
        301 | 302 | 303 | 307 | 308 => format!("{said}: it has moved. Ask its operator for the new URL"),
        _ => said,
    }
}
