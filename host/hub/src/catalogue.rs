//! What the hub offers: the tools that the manifest allows and a registered component has. Pure.

use crate::api::{ListedTool, RegisteredTool, Registration};
use crate::call::status;
use manifest::{ComponentName, Digest, Manifest, Tool, ToolName, class_of};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Schemas of the tools of one class together. They travel in one ticket, where a quotation mark takes two
/// bytes and the whole is a third longer: so they fit into a frame of 8 MiB, whatever is in them.
const MAX_CLASS_SCHEMAS_BYTES: usize = 2 << 20;

/// A tool that can be called.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) tool: Tool,
    pub(crate) registration: Arc<Registration>,
    pub(crate) described: RegisteredTool,
    pub(crate) listed: ListedTool,
    /// Whether its schema maps arguments to headers.
    pub(crate) takes_headers: bool,
    /// Names all that the manifest says of the tool.
    pub(crate) grants: Digest,
}

/// All of them, and why others are not among them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalogue {
    pub(crate) components: BTreeMap<ComponentName, Arc<Registration>>,
    pub(crate) offers: BTreeMap<ToolName, Arc<Offer>>,
    /// Components that are registered but could not be loaded.
    pub(crate) faults: BTreeMap<ComponentName, String>,
    pub(crate) problems: Vec<String>,
}

impl Catalogue {
    /// Matches a manifest with what is registered.
    pub(crate) fn new(
        manifest: &Manifest,
        lock: Option<&BTreeMap<ComponentName, Digest>>,
        components: BTreeMap<ComponentName, Arc<Registration>>,
        faults: BTreeMap<ComponentName, String>,
    ) -> Self {
        let mut offers = BTreeMap::new();
        let mut problems = BTreeSet::new();
        let mut schemas = BTreeMap::new();
        for tool in manifest.tools.values() {
            let offer = offer(manifest, lock, &components, &faults, tool);
            match offer.and_then(|offer| fitting(offer, schemas.entry(class_of(tool)).or_default())) {
                Ok(offer) => drop(offers.insert(tool.name.clone(), Arc::new(offer))),
                Err(problem) => drop(problems.insert(problem)),
            }
        }
        Self { components, offers, faults, problems: problems.into_iter().collect() }
    }
}

fn offer(
    manifest: &Manifest,
    lock: Option<&BTreeMap<ComponentName, Digest>>,
    components: &BTreeMap<ComponentName, Arc<Registration>>,
    faults: &BTreeMap<ComponentName, String>,
    tool: &Tool,
) -> Result<Offer, String> {
    let name = &tool.component;
    if tool.name.as_str() == status::NAME {
        return Err(format!(
            "`{0}` is left out: it is the name of a tool of the hub's own; rename [tools.{0}]",
            status::NAME
        ));
    }
    let Some(registration) = components.get(name) else {
        return Err(faults.get(name).map_or_else(
            || format!("component `{name}` is not registered: `safeclaw tool add {name} FILE.wasm`"),
            |fault| format!("component `{name}`: {fault}"),
        ));
    };
    pinned(manifest, registration).map_err(|fault| format!("component `{name}`: {fault}"))?;
    if let Some(lock) = lock {
        locked(lock, registration).map_err(|fault| format!("component `{name}`: {fault}"))?;
    }
    let Some(described) = registration.tools.iter().find(|described| described.name == tool.name) else {
        return Err(format!(
            "component `{name}` has no tool `{}`, which [tools.{}] of the manifest wants",
            tool.name, tool.name
        ));
    };
    let bad = |_| format!("component `{name}`: the schema of `{}` is damaged; register it again", tool.name);
    let listed = ListedTool {
        description: protocol::ToolDescription {
            name: tool.name.to_string(),
            title: described.title.clone(),
            description: described.description.clone(),
            input_schema: described.input_schema.clone(),
            output_schema: described.output_schema.clone(),
            hints: described.hints,
        },
        tier: tool.tier,
        input_schema: object(&described.input_schema).map_err(bad)?,
        output_schema: described.output_schema.as_deref().map(object).transpose().map_err(bad)?,
        needs_approval: tool.is_escalated(),
    };
    Ok(Offer {
        tool: tool.clone(),
        registration: registration.clone(),
        described: described.clone(),
        listed,
        takes_headers: described.input_schema.contains("x-mcp-header"),
        grants: tool.digest(),
    })
}

/// A tool for whose schemas its class has room. Without this one component with long schemas would make a
/// ticket that no frame can carry, and no tool of the class could be called.
fn fitting(offer: Offer, schemas_bytes: &mut usize) -> Result<Offer, String> {
    let described = &offer.described;
    let bytes = described.input_schema.len() + described.output_schema.as_ref().map_or(0, String::len);
    if *schemas_bytes + bytes > MAX_CLASS_SCHEMAS_BYTES {
        let (name, class) = (&offer.tool.name, class_of(&offer.tool));
        return Err(format!(
            "`{name}` is left out: the schemas of the tools of class {class} are longer than {MAX_CLASS_SCHEMAS_BYTES} bytes together; say `runner = \"call\"` in [tools.{name}], or remove tools"
        ));
    }
    *schemas_bytes += bytes;
    Ok(offer)
}

/// Whether a registration is the file that the manifest pins.
pub(crate) fn pinned(manifest: &Manifest, registration: &Registration) -> Result<(), String> {
    let name = &registration.name;
    let pin = manifest.components.get(name).and_then(|component| component.digest.as_ref());
    match pin {
        Some(pin) if *pin != registration.component => Err(format!(
            "it is {}, but the manifest pins {pin}: register that file, or change `digest` in [components.{name}]",
            registration.component
        )),
        _ => Ok(()),
    }
}

/// Whether a registration is the file that the version in force was applied with.
fn locked(lock: &BTreeMap<ComponentName, Digest>, registration: &Registration) -> Result<(), String> {
    let (name, found) = (&registration.name, &registration.component);
    match lock.get(name) {
        Some(locked) if locked == found => Ok(()),
        Some(locked) => Err(format!(
            "it is {found}, but the manifest was applied with {locked}: `safeclaw tool add {name} FILE.wasm` with the file that you want"
        )),
        None => Err(format!("it is not part of the manifest in force: `safeclaw tool add {name} FILE.wasm`")),
    }
}

/// What a component is linked with besides what every component is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Links {
    /// Imports that link to a trap: whatever any of its tools says.
    pub(crate) traps: BTreeSet<String>,
    /// Whether `wasi:http` links: if any of its tools is granted HTTP. Asked by another one, it is denied.
    pub(crate) http: bool,
}

impl Links {
    /// As a manifest grants it.
    pub(crate) fn granted(manifest: &Manifest, component: &ComponentName) -> Self {
        let tools = || manifest.tools.values().filter(|tool| tool.component == *component).map(|tool| &tool.grants);
        let traps = tools().flat_map(|grants| grants.trap_imports.iter().cloned()).collect();
        Self { traps, http: tools().any(|grants| !grants.http.is_empty()) }
    }

    /// As a registration was compiled.
    pub(crate) fn registered(registration: &Registration) -> Self {
        Self { traps: registration.trap_imports.clone(), http: registration.http }
    }
}

fn object(text: &str) -> Result<Arc<Map<String, Value>>, serde_json::Error> {
    serde_json::from_str(text).map(Arc::new)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::testing::{manifest, registration, tool};
    use manifest::Tier;

    fn check(change: impl FnOnce(&mut manifest::Manifest), tools: &[&str]) -> (Vec<String>, Vec<String>) {
        let mut manifest = manifest([tool("edit", Tier::Write), tool("read", Tier::User)]);
        change(&mut manifest);
        let registration = registration(tools);
        let components = [(registration.name.clone(), Arc::new(registration))].into();
        let catalogue = Catalogue::new(&manifest, None, components, BTreeMap::new());
        (catalogue.offers.keys().map(ToString::to_string).collect(), catalogue.problems)
    }

    #[test]
    fn what_both_have_is_offered() {
        assert_eq!(check(|_| {}, &["read", "edit", "unlisted"]), (vec!["edit".into(), "read".into()], vec![]));
    }

    #[test]
    fn a_missing_tool_is_a_problem_of_its_own() {
        let (offers, problems) = check(|_| {}, &["read"]);
        assert_eq!(offers, ["read"]);
        assert!(problems.first().unwrap().contains("[tools.edit]"), "{problems:?}");
    }

    #[test]
    fn another_file_than_the_pinned_one_offers_nothing() {
        let pin =
            |m: &mut manifest::Manifest| m.components.values_mut().for_each(|c| c.digest = Some(Digest::of(b"other")));
        let (offers, problems) = check(pin, &["read", "edit"]);
        assert!(offers.is_empty());
        assert!(problems.first().unwrap().contains("pins"), "{problems:?}");
        let right =
            |m: &mut manifest::Manifest| m.components.values_mut().for_each(|c| c.digest = Some(Digest::of(b"wasm")));
        assert_eq!(check(right, &["read", "edit"]).0.len(), 2);
    }

    #[test]
    fn schemas_that_no_ticket_can_carry_leave_their_tools_out_and_no_other() {
        let names: Vec<String> = (0..17).map(|n| format!("t{n:02}")).collect();
        let mut registration = registration(&names.iter().map(String::as_str).chain(["edit"]).collect::<Vec<_>>());
        let filler = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8));
        for tool in registration.tools.iter_mut().filter(|tool| tool.name.as_str() != "edit") {
            tool.input_schema = filler(64 << 10);
            tool.output_schema = Some(filler(64 << 10));
        }
        let tools = names.iter().map(|name| tool(name, Tier::User)).chain([tool("edit", Tier::Write)]);
        let components = [(registration.name.clone(), Arc::new(registration))].into();
        let catalogue = Catalogue::new(&manifest(tools), None, components, BTreeMap::new());
        assert_eq!(catalogue.offers.len(), 17);
        assert!(catalogue.offers.keys().any(|name| name.as_str() == "edit"));
        let [problem] = catalogue.problems.as_slice() else { unreachable!("{:?}", catalogue.problems) };
        assert!(problem.contains("`t16` is left out"), "{problem}");
    }

    #[test]
    fn what_is_not_registered_says_how() {
        let manifest = manifest([tool("read", Tier::User)]);
        let catalogue = Catalogue::new(&manifest, None, BTreeMap::new(), BTreeMap::new());
        assert!(catalogue.problems.first().unwrap().contains("safeclaw tool add demo"), "{:?}", catalogue.problems);
    }
}
