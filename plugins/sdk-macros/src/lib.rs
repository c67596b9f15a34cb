//! The attributes of safeclaw-sdk. `#[tool]`: a function becomes a type of the same name that implements
//! `safeclaw_sdk::Tool`. The function itself stays as it was written, so that tests call it.

mod data;

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::{format_ident, quote};
use syn::{Attribute, Error, Expr, ExprLit, FnArg, ItemFn, Lit, LitBool, LitStr, Meta, Result, ReturnType, meta};

/// Marks a function as a tool: `fn name(arguments: T) -> Result<R>`, or without arguments.
///
/// The function's name is the tool's name and its doc comment the description for the model. Options:
/// `name = "…"`, `title = "…"`, and the hints `read_only`, `destructive`, `idempotent`, `open_world`
/// (each alone means true; `hint = false` says the opposite). Hints are for display; they grant nothing.
#[proc_macro_attribute]
pub fn tool(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(options, item).unwrap_or_else(Error::into_compile_error).into()
}

/// Marks a struct (or an enum in it) as arguments of a tool: `Deserialize` and `JsonSchema`, unknown fields
/// refused. Doc comments become descriptions; `#[serde(…)]` attributes work as usual.
#[proc_macro_attribute]
pub fn arguments(_: TokenStream, item: TokenStream) -> TokenStream {
    syn::parse(item).and_then(data::arguments).unwrap_or_else(Error::into_compile_error).into()
}

/// Marks a struct (or an enum in it) as the result of a tool: `Serialize` and `JsonSchema`.
#[proc_macro_attribute]
pub fn result(_: TokenStream, item: TokenStream) -> TokenStream {
    syn::parse(item).and_then(data::result).unwrap_or_else(Error::into_compile_error).into()
}

#[derive(Default)]
struct Options {
    name: Option<String>,
    title: Option<String>,
    hints: Vec<(String, bool)>,
}

const HINTS: [&str; 4] = ["read_only", "destructive", "idempotent", "open_world"];

fn parse_options(tokens: TokenStream) -> Result<Options> {
    let mut options = Options::default();
    let parser = meta::parser(|meta| {
        let Some(key) = meta.path.get_ident().map(ToString::to_string) else {
            return Err(meta.error("expected a name"));
        };
        match key.as_str() {
            "name" => options.name = Some(meta.value()?.parse::<LitStr>()?.value()),
            "title" => options.title = Some(meta.value()?.parse::<LitStr>()?.value()),
            hint if HINTS.contains(&hint) => {
                let value =
                    if meta.input.peek(syn::Token![=]) { meta.value()?.parse::<LitBool>()?.value } else { true };
                options.hints.push((key, value));
            }
            _ => return Err(meta.error(format!("expected name, title, {}", HINTS.join(", ")))),
        }
        Ok(())
    });
    syn::parse::Parser::parse(parser, tokens)?;
    Ok(options)
}

/// The doc comment's lines, joined; blank lines stay as paragraphs.
fn doc_comment(attributes: &[Attribute]) -> String {
    let mut text = String::new();
    for attribute in attributes.iter().filter(|a| a.path().is_ident("doc")) {
        if let Meta::NameValue(pair) = &attribute.meta
            && let Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) = &pair.value
        {
            let line = line.value();
            text.push_str(line.strip_prefix(' ').unwrap_or(&line).trim_end());
            text.push('\n');
        }
    }
    text.trim().to_owned()
}

fn expand(options: TokenStream, item: TokenStream) -> Result<Tokens> {
    let options = parse_options(options)?;
    let function: ItemFn = syn::parse(item)?;
    let signature = &function.sig;
    let ident = &signature.ident;
    let refuse = |what: &str| Err(Error::new_spanned(signature, what));
    if signature.asyncness.is_some() || !signature.generics.params.is_empty() {
        return refuse("a tool is a plain function: not async, not generic");
    }
    let description = doc_comment(&function.attrs);
    if description.is_empty() {
        return refuse("a tool needs a doc comment: it is what the model reads");
    }
    let ReturnType::Type(_, output) = &signature.output else {
        return refuse("a tool returns Result<T>");
    };
    let mut inputs = signature.inputs.iter();
    let (arguments, call) = match (inputs.next(), inputs.next()) {
        (None, None) => (quote!(::safeclaw_sdk::NoArguments), quote!({ let _ = arguments; self::#ident() })),
        (Some(FnArg::Typed(typed)), None) => {
            let ty = &typed.ty;
            (quote!(#ty), quote!(self::#ident(arguments)))
        }
        _ => return refuse("a tool takes one struct of arguments, or none"),
    };
    let name = options.name.unwrap_or_else(|| ident.to_string());
    if name.len() > 128 || name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)) {
        return refuse("a tool's name has 1 to 128 of A-Z a-z 0-9 _ . -");
    }
    let title = options.title.map_or_else(|| quote!(None), |title| quote!(Some(#title)));
    let hints = HINTS.iter().map(|hint| {
        let said = options.hints.iter().rev().find(|(name, _)| name == hint);
        let value = said.map_or_else(|| quote!(None), |(_, value)| quote!(Some(#value)));
        let hint = format_ident!("{hint}");
        quote!(#hint: #value)
    });
    let visibility = &function.vis;
    Ok(quote! {
        #function

        #[doc(hidden)]
        #[allow(non_camel_case_types, reason = "the type has the tool's name, which is the function's")]
        #visibility enum #ident {}

        impl ::safeclaw_sdk::Tool for #ident {
            const NAME: &'static str = #name;
            const TITLE: Option<&'static str> = #title;
            const DESCRIPTION: &'static str = #description;
            const HINTS: ::safeclaw_sdk::Hints = ::safeclaw_sdk::Hints { #(#hints,)* };
            type Arguments = #arguments;
            type Output = <#output as ::safeclaw_sdk::ToolResult>::Output;
            fn run(arguments: Self::Arguments) -> ::safeclaw_sdk::Result<Self::Output> {
                ::safeclaw_sdk::ToolResult::into_result(#call)
            }
        }
    })
}
