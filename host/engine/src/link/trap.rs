//! Imports that a manifest lets link to a trap: interpreters import far more than a tool ever uses.

use super::{Imports, import};
use crate::store::State;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, ResourceType};
use wasmtime::{Engine, bail, format_err};
use wasmtime_wasi_http::p2::{body, types as http};
use wasmtime_wasi_io::poll::DynPollable;
use wasmtime_wasi_io::streams::{DynInputStream, DynOutputStream, Error as IoError};

/// A resource that is never made, since everything that would make one traps.
struct Never;

/// Defines what is listed and not linked already.
pub(super) fn define(
    engine: &Engine,
    linker: &mut Linker<State>,
    component: &Component,
    granted: Imports<'_>,
) -> wasmtime::Result<()> {
    let ty = component.component_type();
    let mut real = Vec::new();
    for (name, item) in ty.imports(engine) {
        let ComponentItem::ComponentInstance(instance) = item.ty else {
            if import::known(name, granted.http) {
                continue;
            }
            bail!("import `{name}` is no interface, and only interfaces can link to a trap");
        };
        if import::known(name, granted.http) {
            for (item_name, item) in instance.exports(engine) {
                if let (ComponentItem::Resource(resource), Some(host)) = (item.ty, linked(item_name)) {
                    real.push((resource, host));
                }
            }
            continue;
        }
        debug_assert!(import::listed(name, granted.traps));
        let mut stub = linker.instance(name)?;
        for (item_name, item) in instance.exports(engine) {
            match item.ty {
                ComponentItem::ComponentFunc(_) => {
                    let whole = format!("{name}#{item_name}");
                    stub.func_new(item_name, move |_, _, _, _| {
                        Err(format_err!("the tool called `{whole}`, which links to a trap"))
                    })?;
                }
                // An alias of a resource that is linked must stay that resource: a pollable is one
                // pollable everywhere.
                ComponentItem::Resource(resource) => {
                    let host = real.iter().find(|(known, _)| *known == resource).map(|(_, host)| *host);
                    stub.resource(item_name, host.unwrap_or_else(ResourceType::host::<Never>), |_, _| Ok(()))?;
                }
                ComponentItem::Type(_) => {}
                _ => bail!("`{name}` has `{item_name}`, which cannot link to a trap"),
            }
        }
    }
    Ok(())
}

/// The host's type behind a resource of an interface that is linked.
fn linked(name: &str) -> Option<ResourceType> {
    match name {
        "pollable" => Some(ResourceType::host::<DynPollable>()),
        "input-stream" => Some(ResourceType::host::<DynInputStream>()),
        "output-stream" => Some(ResourceType::host::<DynOutputStream>()),
        "error" => Some(ResourceType::host::<IoError>()),
        "descriptor" => Some(ResourceType::host::<wasmtime_wasi::filesystem::Descriptor>()),
        "fields" => Some(ResourceType::host::<wasmtime_wasi_http::FieldMap>()),
        "outgoing-request" => Some(ResourceType::host::<http::HostOutgoingRequest>()),
        "outgoing-response" => Some(ResourceType::host::<http::HostOutgoingResponse>()),
        "incoming-request" => Some(ResourceType::host::<http::HostIncomingRequest>()),
        "incoming-response" => Some(ResourceType::host::<http::HostIncomingResponse>()),
        "response-outparam" => Some(ResourceType::host::<http::HostResponseOutparam>()),
        "future-incoming-response" => Some(ResourceType::host::<http::HostFutureIncomingResponse>()),
        "request-options" => Some(ResourceType::host::<wasmtime_wasi_http::RequestOptions>()),
        "outgoing-body" => Some(ResourceType::host::<body::HostOutgoingBody>()),
        "incoming-body" => Some(ResourceType::host::<body::HostIncomingBody>()),
        "future-trailers" => Some(ResourceType::host::<body::HostFutureTrailers>()),
        _ => None,
    }
}
