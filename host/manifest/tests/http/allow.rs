//! The line that an operator is told allows the request that was denied, and nothing else.

use super::{corpus, runner};
use manifest::http::{Method, Target, line_that_would_allow};
use manifest::{SourceFile, ToolName};
use proptest::sample::select;

const TOOL: &str = r#"
component = "c"
tier = "user"
reason = "r"
"#;

/// A manifest that lets its tool ask for what the line says.
fn manifest(tool: &str, line: &str, target: &Target) -> manifest::Manifest {
    let (place, line) = line.strip_prefix("in ").unwrap().split_once(": ").unwrap();
    let text = format!(
        "name = \"m\"\n[components.c]\n[tiers.user]\nconcurrent_calls = 1\ncalls_per_hour = 1\nidle = \"1h\"\n\
         [tiers.user.ceiling]\nlimits = {{ memory = \"1MiB\", cpu = \"1s\", deadline = \"2s\", arguments = \"1KiB\", \
         result = \"1KiB\", log = \"1KiB\", handles = 16 }}\n[[tiers.user.ceiling.http]]\nscheme = \"{}\"\nhost = \"{}\"\n\
         port = {}\nmethods = [\"GET\", \"DELETE\"]\npaths = [\"/**\"]\n{place}{TOOL}{line}\n",
        target.scheme(),
        target.name(),
        target.port(),
    );
    let file = SourceFile { name: "m.toml".to_owned(), text: text.clone() };
    let read = manifest::read(&[file]).unwrap_or_else(|errors| unreachable!("{text}\n{errors}"));
    assert!(read.manifest.tools.contains_key(&ToolName::try_from(tool).unwrap()));
    read.manifest
}

#[test]
fn the_line_allows_the_request_and_no_other_method() {
    let urls: Vec<String> = corpus().into_iter().filter(|url| url.reads.is_some()).map(|url| url.text).collect();
    let long = format!("https://h.example/a/{}", "b".repeat(500));
    let urls: Vec<String> = urls.into_iter().chain([long, "http://h.example:81/a".to_owned()]).collect();
    runner(400)
        .run(&(select(urls), select(vec!["t", "with.dots", "T-1"])), |(url, tool)| {
            let target = Target::parse(&url).unwrap();
            let name = ToolName::try_from(tool).unwrap();
            let line = line_that_would_allow(&name, Method::Get, &target);
            assert!(!line.contains(char::is_control), "{line:?}");
            let manifest = manifest(tool, &line, &target);
            let [grant] = manifest.tools[&name].grants.http.as_slice() else { unreachable!("one grant") };
            assert!(grant.allows(&Method::Get, &target), "{line} and {url}");
            assert!(!grant.allows(&Method::Delete, &target), "{line}");
            assert!(grant.credential.is_none() && grant.private.is_empty());
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_line_is_the_one_to_write() {
    let line = |url: &str| {
        line_that_would_allow(&ToolName::try_from("get_file").unwrap(), Method::Get, &Target::parse(url).unwrap())
    };
    assert_eq!(
        line("https://api.github.com/repos/o/r/contents?ref=x"),
        "in [tools.get_file]: http = [{ host = \"api.github.com\", methods = [\"GET\"], paths = [\"/repos/o/r/contents\"] }]"
    );
    assert_eq!(
        line("http://h.example:81/a"),
        "in [tools.get_file]: http = [{ scheme = \"http\", host = \"h.example\", port = 81, methods = [\"GET\"], paths = [\"/a\"] }]"
    );
    assert!(line(&format!("https://h.example{}", "/a".repeat(600))).contains("longer than a pattern"));
}
