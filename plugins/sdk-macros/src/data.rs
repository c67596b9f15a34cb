//! `#[arguments]` and `#[result]`: the derives of a typed tool, with the paths to the SDK's own serde and
//! schemars, so that a plugin needs one dependency.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Result};

pub(crate) fn arguments(item: DeriveInput) -> Result<TokenStream> {
    // A misspelt argument is an error that the model can correct, never silently nothing.
    let strict = match item.data {
        Data::Struct(_) => quote!(#[serde(deny_unknown_fields)]),
        _ => quote!(),
    };
    Ok(quote! {
        #[derive(Debug, ::safeclaw_sdk::serde::Deserialize, ::safeclaw_sdk::schemars::JsonSchema)]
        #[serde(crate = "::safeclaw_sdk::serde")]
        #[schemars(crate = "::safeclaw_sdk::schemars")]
        #strict
        #item
    })
}

pub(crate) fn result(item: DeriveInput) -> Result<TokenStream> {
    Ok(quote! {
        #[derive(Debug, ::safeclaw_sdk::serde::Serialize, ::safeclaw_sdk::schemars::JsonSchema)]
        #[serde(crate = "::safeclaw_sdk::serde")]
        #[schemars(crate = "::safeclaw_sdk::schemars")]
        #item
    })
}
