//! From a ticket to tools that can be called: artefacts mapped, directories opened, grants linked,
//! schemas compiled. After the first ticket no more code can be mapped.

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
    tools: BTreeMap<ToolName, (TicketTool, Rc<Tool>)>,
}

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
    /// A directory cannot be opened.
    #[error("a directory of `{tool}` cannot be granted")]
    Grant {
        /// Which tool.
        tool: ToolName,
        /// Why.
        #[source]
        source: GrantError,
    },
    /// The component wants what it is not granted.
    #[error("`{tool}` cannot be linked with its grants")]
    Link {
        /// Which tool.
        tool: ToolName,
        /// Why.
        #[source]
        source: LinkError,
    },
    /// A schema is out of bounds; registration should have refused it.
    #[error("a schema of `{tool}` is refused")]
    Schema {
        /// Which tool.
        tool: ToolName,
        /// Why.
        #[source]
        source: SchemaError,
    },
    /// The ticket is incoherent.
    #[error("`{0}` belongs to no component of the ticket")]
    NoComponent(ToolName),
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
    /// The first thing that is not as the ticket says.
    pub fn install(&mut self, ticket: &Ticket) -> Result<(), TicketFault> {
        for component in &ticket.components {
            let dir = self.roots.artefacts.as_ref().ok_or(TicketFault::NoArtefacts)?;
            let loaded = engine::load_artefact(&self.engine, dir, &component.artefact)
                .map_err(|source| TicketFault::Load { component: component.component.clone(), source })?;
            self.loaded.insert(component.component.clone(), loaded);
        }
        self.renew(ticket)
    }

    /// Prepares what changed and forgets what the ticket no longer names. Calls that run go on under
    /// the bounds they started with.
    ///
    /// # Errors
    /// The first thing that is not as the ticket says.
    pub fn renew(&mut self, ticket: &Ticket) -> Result<(), TicketFault> {
        let mut tools = BTreeMap::new();
        for tool in &ticket.tools {
            let ready = match self.tools.get(&tool.name) {
                Some((known, ready)) if known == tool => Rc::clone(ready),
                _ => Rc::new(self.prepare(ticket, tool)?),
            };
            tools.insert(tool.name.clone(), (tool.clone(), ready));
        }
        self.tools = tools;
        Ok(())
    }

    /// A tool of the ticket in force.
    #[must_use]
    pub fn tool(&self, name: &ToolName) -> Option<Rc<Tool>> {
        self.tools.get(name).map(|(_, tool)| Rc::clone(tool))
    }

    /// A component with the empty grant, to be asked for its tools.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn nameless(&self, component: &TicketComponent) -> Result<Prepared, String> {
        let loaded = self.loaded.get(&component.component).ok_or("the component is not loaded")?;
        engine::prepare(&self.engine, loaded, nothing(component.trap_imports.clone(), DESCRIBING))
            .map_err(|error| error.to_string())
    }

    fn prepare(&self, ticket: &Ticket, tool: &TicketTool) -> Result<Tool, TicketFault> {
        let absent = || TicketFault::NoComponent(tool.name.clone());
        let component =
            ticket.components.iter().find(|component| component.component == tool.component).ok_or_else(absent)?;
        let loaded = self.loaded.get(&tool.component).ok_or_else(absent)?;
        let mut grant = nothing(component.trap_imports.clone(), tool.limits.clone());
        for preopen in &tool.preopens {
            let dir = self.roots.grant(preopen);
            grant.dirs.push(dir.map_err(|source| TicketFault::Grant { tool: tool.name.clone(), source })?);
        }
        grant.env = tool.env.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
        grant.clocks = tool.clocks.clone();
        let refused = |source| TicketFault::Schema { tool: tool.name.clone(), source };
        Ok(Tool {
            prepared: engine::prepare(&self.engine, loaded, grant)
                .map_err(|source| TicketFault::Link { tool: tool.name.clone(), source })?,
            input: Schema::read(&tool.input_schema, Place::Input).map_err(refused)?,
            output: tool
                .output_schema
                .as_ref()
                .map(|text| Schema::read(text, Place::Output))
                .transpose()
                .map_err(refused)?,
        })
    }
}

/// The empty grant: what a tool has before its ticket gives it anything.
fn nothing(trap_imports: BTreeSet<String>, limits: Limits) -> Grant {
    Grant { dirs: Vec::new(), env: BTreeMap::new(), clocks: BTreeSet::new(), trap_imports, limits }
}
