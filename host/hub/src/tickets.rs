//! Tickets: what the manifest grants, put into the words of one runner and signed.

use crate::api::{Registration, SessionId};
use crate::catalogue::Offer;
use crate::epoch::Epoch;
use crate::runner::Runner;
use manifest::{Digest, Manifest, MountName, Tool};
use protocol::{HubKey, Preopen, Ticket, TicketComponent, TicketError, TicketTool};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How long a ticket is good for; renewed while its session lives.
pub(crate) const TTL_S: u64 = 3600;
/// A ticket that ends sooner than this is renewed before the next call.
pub(crate) const RENEW_S: u64 = 900;

/// The hub's signature.
pub(crate) struct Tickets {
    pub(crate) key: HubKey,
    pub(crate) hub: String,
    pub(crate) epoch: Epoch,
}

/// What changes from ticket to ticket.
pub(crate) struct Terms<'a> {
    pub(crate) session: &'a SessionId,
    /// Under which manifest.
    pub(crate) manifest: &'a Digest,
    pub(crate) serial: u64,
    pub(crate) epoch: u64,
    pub(crate) expires: u64,
    pub(crate) concurrent_calls: u32,
}

/// What a runner is for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    pub(crate) components: Vec<TicketComponent>,
    pub(crate) tools: Vec<TicketTool>,
}

impl Tickets {
    /// A ticket for one runner: it serves no other, and no other time.
    pub(crate) fn sign(&self, runner: &Runner, terms: &Terms<'_>, scope: Scope) -> Result<String, TicketError> {
        self.key.sign(&Ticket {
            hub: self.hub.clone(),
            container: runner.born.container.0.clone(),
            nonce: hex::encode(runner.hello.nonce),
            session: terms.session.0.clone(),
            manifest: terms.manifest.clone(),
            epoch: terms.epoch,
            expires: terms.expires,
            serial: terms.serial,
            posture: runner.born.posture.clone(),
            concurrent_calls: terms.concurrent_calls,
            components: scope.components,
            tools: scope.tools,
        })
    }
}

/// Everything that a runner needs for these tools, which share a class of containers.
pub(crate) fn scope<'a>(
    manifest: &Manifest,
    offers: impl IntoIterator<Item = &'a Offer>,
    mount_points: &BTreeMap<MountName, PathBuf>,
) -> Scope {
    let mut scope = Scope::default();
    for offer in offers {
        let component = component(&offer.registration);
        match scope.components.iter_mut().find(|known| known.component == component.component) {
            // Registered under two names.
            Some(known) => {
                known.trap_imports.extend(component.trap_imports);
                known.http |= component.http;
            }
            None => scope.components.push(component),
        }
        scope.tools.push(TicketTool {
            name: offer.tool.name.clone(),
            component: offer.registration.component.clone(),
            limits: offer.tool.grants.limits.clone(),
            preopens: preopens(manifest, &offer.tool, mount_points),
            env: offer.tool.grants.env.clone(),
            clocks: offer.tool.grants.clocks.clone(),
            http: !offer.tool.grants.http.is_empty(),
            input_schema: offer.described.input_schema.clone(),
            output_schema: offer.described.output_schema.clone(),
        });
    }
    scope
}

/// A component for a ticket.
pub(crate) fn component(registration: &Registration) -> TicketComponent {
    TicketComponent {
        component: registration.component.clone(),
        artefact: registration.artefact.clone(),
        trap_imports: registration.trap_imports.clone(),
        http: registration.http,
    }
}

/// A grant whose mount has no place in the container, or none for guests, is not granted.
fn preopens(manifest: &Manifest, tool: &Tool, mount_points: &BTreeMap<MountName, PathBuf>) -> Vec<Preopen> {
    let preopen = |grant: &manifest::FsGrant| {
        let root = mount_points.get(&grant.mount)?.to_str()?.to_owned();
        let mount = manifest.mounts.get(&grant.mount)?;
        let guest = if grant.path == "." {
            mount.path.clone()
        } else {
            format!("{}/{}", mount.path.trim_end_matches('/'), grant.path)
        };
        Some(Preopen { root, path: grant.path.clone(), guest, access: grant.access })
    };
    tool.grants.fs.iter().filter_map(preopen).collect()
}
