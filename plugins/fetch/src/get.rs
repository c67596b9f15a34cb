//! From a URL to bytes, by way of as many redirects as were allowed.

use crate::place;
use safeclaw_sdk::http::Request;
use safeclaw_sdk::prelude::*;
use std::time::Duration;

/// What came.
pub(crate) struct Got {
    /// Where from.
    pub(crate) url: String,
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    /// The beginning of the body, or all of it.
    pub(crate) body: Vec<u8>,
    /// Whether there is more.
    pub(crate) is_cut: bool,
    /// Where it points, if nobody is to follow.
    pub(crate) redirect_to: Option<String>,
}

impl Got {
    /// `type/subtype`, in lower case; empty where nothing is said.
    pub(crate) fn media(&self) -> String {
        let media = self.content_type.as_deref().unwrap_or_default();
        media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// Whether bytes of no type begin as a page does.
    pub(crate) fn looks_like_html(&self) -> bool {
        let head: Vec<u8> = self.body.iter().copied().skip_while(|b| !b.is_ascii_graphic()).take(14).collect();
        let head = head.to_ascii_lowercase();
        [b"<!doctype html".as_slice(), b"<html", b"<head", b"<body"].iter().any(|begin| head.starts_with(begin))
    }
}

/// Asks for a page. Each step is a request that the hub authorises by itself.
pub(crate) fn get(url: &str, redirects: u8, first_byte_s: Option<u8>, max_bytes: u32) -> Result<Got> {
    let mut url = place::asked(url)?;
    let mut followed = 0_u8;
    loop {
        let mut request = Request::get(&url)
            .header("accept", "text/html,application/xhtml+xml,text/*;q=0.9,application/json;q=0.9,*/*;q=0.5")
            .header("user-agent", "safeclaw-fetch");
        if let Some(seconds) = first_byte_s {
            request = request.first_byte_within(Duration::from_secs(seconds.into()));
        }
        let mut response = request.send().with_context(|| url.clone())?;
        let status = response.status();
        let content_type = response.header("content-type").map(|text| text.chars().take(200).collect());
        if matches!(status, 301 | 302 | 303 | 307 | 308) {
            let location =
                response.header("location").with_context(|| format!("{url} answered {status} and no place"))?;
            let to = place::join(&url, location)?;
            if followed < redirects {
                followed += 1;
                url = to;
                continue;
            }
            ensure!(
                redirects == 0,
                "{url} points to {to}, which would be one redirect more than the {redirects} asked for"
            );
            return Ok(Got { url, status, content_type, body: Vec::new(), is_cut: false, redirect_to: Some(to) });
        }
        ensure!(response.is_success(), "{url} answered {status}");
        let (body, is_cut) = response.up_to(max_bytes.into()).with_context(|| url.clone())?;
        return Ok(Got { url, status, content_type, body, is_cut, redirect_to: None });
    }
}
