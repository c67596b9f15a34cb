//! Whether a grant is within a ceiling, one field at a time: what is not within it is refused and named.

use manifest::http::{HttpGrant, Method, PathRecord};
use manifest::{Manifest, SourceFile};

/// A ceiling's entry with all that it can have.
const CEILING: &str = r#"
host = "*.example.com"
methods = ["GET", "POST", "DELETE"]
paths = ["/a/**", "/b/*"]
request = "64KiB"
response = "1MiB"
first_byte = "2s"
total = "8s"
per_call = 10
per_minute = 100
concurrent = 8
content_types = ["application/json", "text/*"]
credential = "key"
redirects = 2
private = ["10.0.0.0/8"]
approve = ["DELETE"]
record = "path"
"#;

fn read(tool: &str) -> Result<Manifest, String> {
    let text = format!(
        "name = \"m\"\n[components.c]\n[tiers.user]\nconcurrent_calls = 1\ncalls_per_hour = 1\nidle = \"1h\"\n\
         [tiers.user.ceiling]\nlimits = {{ memory = \"1MiB\", cpu = \"1s\", deadline = \"9s\", arguments = \"1KiB\", \
         result = \"1KiB\", log = \"1KiB\", handles = 16 }}\n[[tiers.user.ceiling.http]]{CEILING}\n\
         [tools.t]\ncomponent = \"c\"\ntier = \"user\"\nreason = \"r\"\n[[tools.t.http]]\n{tool}\n"
    );
    manifest::read(&[SourceFile { name: "m.toml".to_owned(), text }])
        .map(|read| read.manifest)
        .map_err(|errors| errors.to_string().lines().next().unwrap_or_default().to_owned())
}

const PLAIN: [(&str, &str); 3] =
    [("host", "\"a.example.com\""), ("methods", "[\"GET\", \"DELETE\"]"), ("paths", "[\"/a/b\"]")];

/// The plain grant with one field more, or other.
fn with(field: &str, value: &str) -> String {
    let others = PLAIN.iter().filter(|(name, _)| *name != field).map(|(name, value)| format!("{name} = {value}\n"));
    others.chain([format!("{field} = {value}\n")]).collect()
}

#[test]
fn what_a_tool_does_not_say_is_its_ceilings() {
    let manifest = read(&with("host", "\"a.example.com\"")).unwrap();
    let tool = &manifest.tools.values().next().unwrap().grants.http[0];
    let ceiling = &manifest.tiers.values().next().unwrap().ceiling.http[0];
    let expected = HttpGrant {
        host: tool.host.clone(),
        methods: [Method::Get, Method::Delete].into(),
        paths: tool.paths.clone(),
        // Nobody is given what he does not ask for.
        credential: None,
        redirects: 0,
        private: [].into(),
        ..ceiling.clone()
    };
    assert_eq!(*tool, expected);
    assert_eq!((tool.record, tool.approve.len(), tool.total_ms), (PathRecord::Path, 1, 8_000));
}

#[test]
fn each_field_is_held_against_the_ceiling() {
    let cases = [
        ("host", "\"example.com\"", "\"b.example.com\"", "has host example.com"),
        ("scheme", "\"http\"", "\"https\"", "has scheme http"),
        ("port", "444", "443", "has port 444"),
        ("methods", "[\"GET\", \"PUT\"]", "[\"GET\"]", "has methods PUT"),
        ("paths", "[\"/a/b\", \"/b/c/d\"]", "[\"/a\", \"/b/c\", \"/a/*/x/**\"]", "has paths /b/c/d"),
        ("request", "\"65KiB\"", "\"64KiB\"", "has request 65KiB"),
        ("response", "\"2MiB\"", "\"1MiB\"", "has response 2MiB"),
        ("first_byte", "\"3s\"", "\"2s\"", "has first_byte 3s"),
        ("total", "\"9s\"", "\"8s\"", "has total 9s"),
        ("per_call", "11", "10", "has per_call 11"),
        ("per_minute", "101", "100", "has per_minute 101"),
        ("concurrent", "9", "8", "has concurrent 9"),
        ("content_types", "[\"image/png\"]", "[\"text/html\", \"application/json\"]", "has content_types image/png"),
        ("content_types", "[\"application/*\"]", "[\"text/*\"]", "has content_types application/*"),
        ("credential", "\"other\"", "\"key\"", "has credential other"),
        ("redirects", "3", "2", "has redirects 3"),
        ("private", "[\"192.168.0.0/16\"]", "[\"10.1.0.0/16\"]", "has private 192.168.0.0/16"),
        ("approve", "[\"GET\"]", "[\"DELETE\", \"GET\"]", "has approve without DELETE"),
    ];
    for (field, beyond, within, says) in cases {
        let error = read(&with(field, beyond)).unwrap_err();
        assert!(error.contains(says) && error.ends_with("at m.toml:9"), "{field}: {error}");
        assert_eq!(read(&with(field, within)).err(), None, "{field}");
    }
    // Two words for the log, and either may be said under either.
    assert!(read(&with("record", "\"digest\"")).is_ok());
}

/// The rules once more, over the values and not over the text.
#[test]
fn within_says_which_field() {
    let manifest = read(&with("host", "\"a.example.com\"")).unwrap();
    let ceiling = &manifest.tiers.values().next().unwrap().ceiling.http[0];
    assert_eq!(ceiling.within(ceiling), Ok(()));
    let other = HttpGrant { content_types: None, ..ceiling.clone() };
    assert_eq!(other.within(ceiling).unwrap_err().field, "content_types");
    assert_eq!(ceiling.within(&other), Ok(()));
    let other = HttpGrant { approve: [].into(), ..ceiling.clone() };
    assert_eq!(other.within(ceiling).unwrap_err().field, "approve");
    let other = HttpGrant { approve: [].into(), methods: [Method::Get].into(), ..ceiling.clone() };
    assert_eq!(other.within(ceiling), Ok(()), "of a method that is not granted nobody is asked");
}
