//! The example of docs/identity.md, as it stands there.

use super::*;
use crate::identity::testing::changed;

const PAGE: &str = include_str!("../../../../../docs/identity.md");

/// The block of this language.
fn block(language: &str) -> &str {
    let (_, rest) = PAGE.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0
}

#[tokio::test]
async fn the_pages_token_is_who_the_page_says() {
    let dir = tempfile::tempdir().unwrap();
    let key = Key::ec();
    std::fs::write(dir.path().join("keys.json"), document(&[(&key, "k")]).to_string()).unwrap();
    let config = Config::parse(block("toml"), dir.path()).unwrap();
    let identity = Identity::open(dir.path(), Location::within(dir.path()), config).unwrap();
    let claims: serde_json::Value = serde_json::from_str(block("json")).unwrap();
    let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": "k"});
    let now = Timestamp::now();
    let signed =
        |changes| key.sign(&header, &changed(changed(claims.clone(), json!({"exp": now.as_second() + 60})), changes));
    let caller = identity.admit(&signed(json!({})), now).await.unwrap();
    let said = format!(
        "is the principal `{}`, with profile `{}` and scope `{}`.",
        caller.principal, caller.profile, caller.scopes
    );
    assert!(PAGE.contains(&said), "{said}");
    // Another role is another row, and another name in the pointer is none.
    let reader = identity.admit(&signed(json!({"realm_access": {"roles": ["readers"]}})), now).await.unwrap();
    assert_eq!(reader.profile.as_str(), "read_only");
    for roles in [json!({"groups": ["agents"]}), json!(["agents"]), json!({"roles": {"0": "agents"}})] {
        let refused = identity.admit(&signed(json!({"realm_access": roles})), now).await;
        assert_eq!(refused, Err(Refused::Unmapped("corp".into())));
    }
}
