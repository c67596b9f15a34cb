//! A token that may do less than its profile: 403 with the very scope that is missing, and a denial in the log.

use super::*;
use crate::tokens::{Ledger, New};

fn narrow(door: &Door, scopes: &str) -> String {
    let profile = ProfileName::try_from("everyone").unwrap();
    let new = New { principal: "ada", profile: &profile, scopes: scopes.parse().unwrap(), ttl: None };
    Ledger::within(door.bench.data.path()).create(new).unwrap()
}

#[tokio::test]
async fn a_call_beyond_the_scopes_gets_403_with_the_scope_that_it_needs() {
    for (scopes, tool, missing) in [
        ("tools:user", "read", None),
        ("tools:user", "edit", Some("tools:write")),
        ("tools:user", "wipe", Some("tools:critical")),
        ("tools:write", "read", Some("tools:user")),
        ("tools:write", "edit", None),
        ("tools:user tools:write", "edit", None),
        ("tools:admin tools:critical", "edit", Some("tools:write")),
    ] {
        let door = Door::open(Config::default()).await;
        let token = narrow(&door, scopes);
        let got = door.call(&token, tool).await;
        let what = format!("{scopes} calls {tool}: {got:?}");
        let Some(missing) = missing else {
            assert_eq!(got.status, 200, "{what}");
            assert_eq!(door.bench.last()["event"], "executed", "{what}");
            continue;
        };
        let challenge = format!(
            r#"Bearer realm="safeclaw", error="insufficient_scope", scope="{missing}", resource_metadata="http://{}/.well-known/oauth-protected-resource/mcp""#,
            door.address
        );
        assert_eq!((got.status, got.header("www-authenticate")), (403, Some(challenge.as_str())), "{what}");
        let last = door.bench.last();
        assert_eq!((last["event"].as_str(), last["tool"].as_str()), (Some("denied"), Some(tool)), "{what}");
        assert!(last["reason"].as_str().unwrap().contains(missing), "{last}");
        assert_eq!(door.bench.starts(), 0, "{what}");
    }
}

#[tokio::test]
async fn the_older_protocol_gets_the_same_403() {
    let door = Door::open(Config::default()).await;
    let token = narrow(&door, "tools:user");
    let legacy = async |tool: &str| {
        let body =
            json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"arguments": {}, "name": tool}});
        let body = body.to_string();
        let request = format!(
            "POST /mcp HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
             mcp-protocol-version: 2025-11-25\r\naccept: application/json, text/event-stream\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            door.address,
            body.len()
        );
        door.raw(request).await
    };
    let got = legacy("edit").await;
    assert_eq!(got.status, 403, "{got:?}");
    assert!(got.header("www-authenticate").unwrap().contains(r#"scope="tools:write""#));
    assert_ne!(legacy("read").await.status, 403);
}

#[tokio::test]
async fn whatever_the_way_in_the_gate_is_the_hubs() {
    let door = Door::open(Config::default()).await;
    let caller = door.bench.hub.authenticate(&narrow(&door, "tools:user")).unwrap();
    let denied = CallOutcome::Denied { reason: "this token lacks the scope tools:write".into(), approvable: false };
    assert_eq!(door.bench.call(&caller, "edit", "{}").await, denied);
    assert!(matches!(door.bench.call(&caller, "read", "{}").await, CallOutcome::Answer(_)));
    // It is listed, since its profile has it; what a profile hides is neither listed nor told of.
    assert!(door.bench.hub.tool(&caller, "edit").is_some());
    let reader = crate::tokens::create(door.bench.data.path(), "bob", &ProfileName::try_from("reader").unwrap(), None);
    let got = door.call(&reader.unwrap(), "edit").await;
    assert_eq!(got.status, 200);
    assert!(got.body.contains("-32602"), "{got:?}");
}
