//! From a ticket to tools that can be called: artefacts mapped, directories opened, grants linked,
//! schemas compiled. After the first ticket no more code can be mapped. An artefact that is not what the
//! ticket names ends the runner; a tool that cannot be made ready is denied by itself.

use crate::grants::{GrantError, Roots};
use crate::schema::{Place, Schema, SchemaError};
use crate::work::Tool;
use engine::{Engine, Grant, LinkError, LoadError, LoadedComponent, Prepared};
use manifest::{Digest, Limits, ToolName};
use protocol::{Ticket, TicketComponent, TicketTool};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Bounds on asking a component for its tools; it has no manifest entry yet. An interpreter needs the
/// memory and the seconds to start.
const DESCRIBING: Limits = Limits {
    memory_bytes: 256 << 20,
    cpu_ms: 10_000,
    deadline_ms: 20_000,
    arguments_bytes: 0,
    result_bytes: 4 << 20,
    log_bytes: 0,
    handles: 1_000,
};

/// What the runner has to work with.
pub struct Workshop {
    engine: Engine,
    roots: Roots,
    loaded: BTreeMap<Digest, LoadedComponent>,
    tools: BTreeMap<ToolName, (TicketTool, Ready)>,
}

/// A tool that can be called, or why it cannot: that one is denied, and the others are served. Whoever
/// can write a workspace could otherwise take every tool away by moving one directory.
pub type Ready = Result<Rc<Tool>, String>;

/// Why a ticket cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TicketFault {
    /// This container has no directory of artefacts.
    #[error("this container has no artefacts directory")]
    NoArtefacts,
    /// An artefact is not what the ticket names.
    #[error("component {component} cannot be loaded")]
    Load {
        /// Which.
        component: Digest,
        /// Why.
        #[source]
        source: LoadError,
    },
    /// The ticket is incoherent.
    #[error("`{0}` belongs to no component of the ticket")]
    NoComponent(ToolName),
}

/// Why one tool of a ticket cannot be called.
#[derive(Debug, thiserror::Error)]
enum ToolFault {
    /// A directory cannot be opened.
    #[error("a directory of this tool cannot be granted")]
    Grant(#[from] GrantError),
    /// The component wants what it is not granted.
    #[error("this tool cannot be linked with its grants")]
    Link(#[from] LinkError),
    /// A schema is out of bounds; registration should have refused it.
    #[error("a schema of this tool is refused")]
    Schema(#[from] SchemaError),
}

impl Workshop {
    /// Empty.
    #[must_use]
    pub fn new(engine: Engine, roots: Roots) -> Self {
        Self { engine, roots, loaded: BTreeMap::new(), tools: BTreeMap::new() }
    }

    /// Maps the ticket's components and prepares its tools.
    ///
    /// # Errors
    /// An artefact that cannot be loaded, or a tool whose component the ticket does not name.
    pub fn install(&mut self, ticket: &Ticket) -> Result<(), TicketFault> {
        for component in &ticket.components {
            let dir = self.roots.artefacts.as_ref().ok_or(TicketFault::NoArtefacts)?;
            let loaded = engine::load_artefact(&self.engine, dir, &component.artefact)
                .map_err(|source| TicketFault::Load { component: component.component.clone(), source })?;
            self.loaded.insert(component.component.clone(), loaded);
        }
        self.renew(ticket)
    }

    /// Prepares what changed or failed before, and forgets what the ticket no longer names. Calls that run go on under
    /// the bounds they started with.
    ///
    /// # Errors
    /// A tool whose component the ticket does not name.
    pub fn renew(&mut self, ticket: &Ticket) -> Result<(), TicketFault> {
        let mut tools = BTreeMap::new();
        for tool in &ticket.tools {
            let ready = match self.tools.get(&tool.name) {
                Some((known, Ok(ready))) if known == tool => Ok(Rc::clone(ready)),
                _ => self.ready(ticket, tool)?,
            };
            tools.insert(tool.name.clone(), (tool.clone(), ready));
        }
        self.tools = tools;
        Ok(())
    }

    /// A tool of the ticket in force.
    #[must_use]
    pub fn tool(&self, name: &ToolName) -> Option<&Ready> {
        self.tools.get(name).map(|(_, ready)| ready)
    }

    /// A component with the empty grant, to be asked for its tools.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn nameless(&self, component: &TicketComponent) -> Result<Prepared, String> {
        let loaded = self.loaded.get(&component.component).ok_or("the component is not loaded")?;
        engine::prepare(&self.engine, loaded, nothing(component, DESCRIBING)).map_err(|error| error.to_string())
    }

    fn ready(&self, ticket: &Ticket, tool: &TicketTool) -> Result<Ready, TicketFault> {
        let absent = || TicketFault::NoComponent(tool.name.clone());
        let component =
            ticket.components.iter().find(|component| component.component == tool.component).ok_or_else(absent)?;
        let loaded = self.loaded.get(&tool.component).ok_or_else(absent)?;
        let grant = nothing(component, tool.limits.clone());
        Ok(self.prepare(loaded, grant, tool).map(Rc::new).map_err(|fault| chain(&fault)))
    }

    fn prepare(&self, loaded: &LoadedComponent, mut grant: Grant, tool: &TicketTool) -> Result<Tool, ToolFault> {
        for preopen in &tool.preopens {
            grant.dirs.push(self.roots.grant(preopen)?);
        }
        grant.env = tool.env.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
        grant.clocks = tool.clocks.clone();
        Ok(Tool {
            prepared: engine::prepare(&self.engine, loaded, grant)?,
            input: Schema::read(&tool.input_schema, Place::Input)?,
            output: tool.output_schema.as_ref().map(|text| Schema::read(text, Place::Output)).transpose()?,
            result_bytes: tool.limits.result_bytes,
            http: tool.http,
        })
    }
}

/// The longest chain of causes that is told.
const CHAIN_CHARS: usize = 1_024;

/// A fault and its causes.
pub(crate) fn chain(fault: &dyn std::error::Error) -> String {
    let mut text = fault.to_string();
    let mut cause = fault.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text.chars().take(CHAIN_CHARS).collect()
}

/// The empty grant: what a tool has before its ticket gives it anything. What links belongs to the component: of two
/// tools of one, the one without HTTP links it too, and whatever it asks is denied.
fn nothing(component: &TicketComponent, limits: Limits) -> Grant {
    Grant {
        dirs: Vec::new(),
        env: BTreeMap::new(),
        clocks: BTreeSet::new(),
        trap_imports: component.trap_imports.clone(),
        http: component.http,
        limits,
    }
}
