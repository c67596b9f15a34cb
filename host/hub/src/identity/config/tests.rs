//! The identity file: a line for each thing that can be wrong with it.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use std::os::unix::fs::PermissionsExt;

const GOOD: &str = r#"
resource = "https://tools.example.com/mcp"
[issuers.corp]
issuer = "https://id.example.com"
jwks = "keys.json"
[[issuers.corp.profile]]
claim = "groups"
value = "agents"
profile = "developer"
"#;

/// The faults of the good file after one replacement.
fn faults(old: &str, new: &str) -> String {
    assert!(GOOD.contains(old), "{old}");
    Config::parse(&GOOD.replacen(old, new, 1), Path::new("/etc/safeclaw"))
        .map_or_else(|all| all.join("\n"), |_| String::new())
}

#[test]
fn a_good_file_is_taken_and_its_paths_are_beside_it() {
    let (resource, issuers) = Config::parse(GOOD, Path::new("/etc/safeclaw")).unwrap().into_parts();
    assert_eq!(resource.as_deref(), Some("https://tools.example.com/mcp"));
    let [corp] = issuers.as_slice() else { panic!("{issuers:?}") };
    assert!(matches!(&corp.source, Source::File(path) if path == Path::new("/etc/safeclaw/keys.json")));
    assert_eq!((corp.principal.as_str(), corp.scopes), ("sub", ScopesOf::Token));
    assert_eq!(corp.types, ["at+jwt"]);
    assert_eq!(corp.algorithms, [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA]);
    assert!(Config::parse("", Path::new("/")).unwrap().into_parts().1.is_empty());
}

#[test]
fn each_fault_is_said_where_it_is() {
    let cases = [
        ("resource = \"https://tools.example.com/mcp\"", "", "resource is missing"),
        ("https://tools.example.com/mcp", "tools.example.com", "is no absolute https:// address"),
        ("https://tools.example.com/mcp", "http://tools.example.com/mcp", "is no absolute https:// address"),
        ("https://tools.example.com/mcp", "https://tools.example.com/mcp#x", "a query or a fragment"),
        ("\"https://id.example.com\"", "\"https://id.example.com?x=1\"", "[issuers.corp]: issuer"),
        ("\"https://id.example.com\"", "\"http://id.example.com\"", "is no absolute https:// address"),
        ("\"https://id.example.com\"", "\"https://ada@id.example.com\"", "is no absolute https:// address"),
        ("\"keys.json\"", "\"http://id.example.com/keys\"", "is no absolute https:// address"),
        ("\"keys.json\"", "\"ftp://id.example.com/keys\"", "is no absolute https:// address"),
        ("\"keys.json\"", "\"keys.json\"\nca = \"ca.pem\"", "ca is for a `jwks` that is fetched"),
        ("\"keys.json\"", "\"https://id.example.com/k\"\nca = \"not-there.pem\"", "not-there.pem"),
        ("\"keys.json\"", "\"keys.json\"\nalgorithms = [\"HS256\"]", "algorithms are of"),
        ("\"keys.json\"", "\"keys.json\"\nalgorithms = [\"none\", \"RS256\"]", "algorithms are of"),
        ("\"keys.json\"", "\"keys.json\"\nalgorithms = []", "algorithms are of"),
        ("\"keys.json\"", "\"keys.json\"\ntypes = []", "types is empty"),
        ("\"keys.json\"", "\"keys.json\"\nscopes = \"all\"", "unknown variant"),
        ("\"keys.json\"", "\"keys.json\"\nadmin = true", "unknown field"),
        ("value = \"agents\"", "value = \"agents\"\nscopes = \"x\"", "unknown field"),
        ("profile = \"developer\"", "profile = \"Not A Name\"", "profile"),
        (
            "[[issuers.corp.profile]]\nclaim = \"groups\"\nvalue = \"agents\"\nprofile = \"developer\"\n",
            "",
            "so nobody of it could come in",
        ),
        ("[issuers.corp]", "[issuers.\"Corp / x\"]", "unknown"),
    ];
    for (old, new, said) in cases {
        // A renamed table leaves its rows behind, which is another fault.
        let found = faults(old, new);
        let expected = if said == "unknown" { "missing field" } else { said };
        assert!(found.contains(expected), "{new}: {found}");
    }
    let named = GOOD.replace("issuers.corp", "issuers.\"Corp / x\"");
    assert!(Config::parse(&named, Path::new("/")).unwrap_err().join("").contains("1 to 32 of"));
    let twice =
        format!("{GOOD}{}", GOOD.split_once("\n[").map(|(_, rest)| format!("[{rest}")).unwrap().replace("corp", "two"));
    assert!(Config::parse(&twice, Path::new("/")).unwrap_err().join("").contains("the same `issuer`"));
}

#[test]
fn a_file_that_others_can_write_or_that_is_endless_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("identity.toml");
    std::fs::write(&path, GOOD).unwrap();
    for (mode, taken) in [(0o644, true), (0o600, true), (0o664, false), (0o646, false)] {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        assert_eq!(Config::read(&path).is_ok(), taken, "{mode:o}");
    }
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::write(&path, format!("{GOOD}#{}", "x".repeat(64 << 10))).unwrap();
    assert!(Config::read(&path).unwrap_err().to_string().contains("more than 65536 bytes"));
    assert!(matches!(Config::read(&dir.path().join("nothing")), Err(BadIdentity::Io { .. })));
}

#[test]
fn plain_http_is_for_this_machine_alone() {
    for (jwks, taken) in [
        ("http://127.0.0.1:1/keys", true),
        ("http://[::1]:1/keys", true),
        ("http://localhost:1/keys", true),
        ("http://127.0.0.1.example.com/keys", false),
        ("http://localhost.example.com/keys", false),
        ("http://10.0.0.1/keys", false),
        ("https://10.0.0.1/keys", true),
    ] {
        assert_eq!(faults("keys.json", jwks).is_empty(), taken, "{jwks}");
    }
}
