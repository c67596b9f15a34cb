//! What ships reads without an error or a warning, grants what its words say, and explains itself.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use manifest::http::{Method, Scheme, Target};
use manifest::{Access, Gate, LoopAfter, RunnerScope, Tier};
use std::path::{Path, PathBuf};

fn shipped(name: &str) -> manifest::Read {
    let directory = root().join("manifests").join(name);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        files.push(manifest::SourceFile { name, text: std::fs::read_to_string(&path).unwrap() });
    }
    manifest::read(&files).unwrap_or_else(|errors| panic!("{name}:\n{errors}"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn both_read_without_a_warning_and_have_the_same_tools() {
    let (default, strict) = (shipped("default"), shipped("strict"));
    assert_eq!(default.warnings, []);
    assert_eq!(strict.warnings, []);
    let names =
        |read: &manifest::Read| read.manifest.tools.keys().map(|name| name.as_str().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&default), names(&strict));
    assert_eq!(default.manifest.tools.len(), 14);
    let rates =
        |read: &manifest::Read| read.manifest.tiers.values().map(|tier| tier.calls_per_hour).collect::<Vec<_>>();
    assert_eq!(rates(&default), [6000, 600, 2, 2]);
    assert_eq!(rates(&strict), [100, 10, 2, 2]);
    assert_ne!(default.manifest.digest(), strict.manifest.digest());
    for read in [&default, &strict] {
        for rules in read.manifest.tiers.values() {
            let tier = rules.tier;
            assert!(rules.budget.calls.is_some() && rules.budget.wall_s.is_some(), "{tier}");
            assert_eq!(rules.principal_calls_per_hour, rules.calls_per_hour, "{tier}");
            assert_eq!(rules.loop_after == LoopAfter::Never, tier == Tier::User, "{tier}");
        }
    }
}

#[test]
fn strict_is_never_wider_than_default() {
    let (default, strict) = (shipped("default").manifest, shipped("strict").manifest);
    for (tight, wide) in strict.tiers.values().zip(default.tiers.values()) {
        assert!(tight.budget.calls < wide.budget.calls && tight.budget.wall_s < wide.budget.wall_s, "{}", tight.tier);
        assert!(tight.loop_after <= wide.loop_after && tight.calls_per_hour <= wide.calls_per_hour, "{}", tight.tier);
    }
    for (name, tool) in &strict.tools {
        let wide = default.tools.get(name).unwrap();
        assert!(tool.tier >= wide.tier && tool.size <= wide.size && tool.runner >= wide.runner, "{name}");
        let (tight, wide) = (&tool.grants, &wide.grants);
        assert!(tight.fs.iter().all(|grant| wide.fs.contains(grant)), "{name}");
        assert!(tight.clocks.is_subset(&wide.clocks) && tight.env.is_empty(), "{name}");
        let (tight, wide) = (&tight.limits, &wide.limits);
        assert!(
            tight.memory_bytes < wide.memory_bytes
                && tight.cpu_ms < wide.cpu_ms
                && tight.deadline_ms < wide.deadline_ms
        );
        assert!(tight.arguments_bytes < wide.arguments_bytes && tight.result_bytes < wide.result_bytes);
        assert!(tight.log_bytes < wide.log_bytes && tight.handles < wide.handles);
    }
}

#[test]
fn grants_are_those_that_the_tools_need() {
    for name in ["default", "strict"] {
        let manifest = shipped(name).manifest;
        for tool in manifest.tools.values() {
            let writes = tool.grants.fs.iter().any(|grant| grant.access == Access::Write);
            assert_eq!(writes, tool.tier == Tier::Write, "{}", tool.name);
            assert_eq!(!tool.grants.fs.is_empty(), tool.component.as_str() == "files", "{}", tool.name);
            assert_eq!(!tool.grants.clocks.is_empty(), tool.name.as_str() == "time_now", "{}", tool.name);
            assert!(tool.grants.env.is_empty() && tool.grants.trap_imports.is_empty());
            let per_call = tool.name.as_str() == "files_delete" || (name == "strict" && tool.tier == Tier::Write);
            assert_eq!(tool.runner == RunnerScope::Call, per_call, "{}", tool.name);
        }
        assert_eq!(manifest.mounts.values().next().unwrap().source, None);
    }
}

/// Each tool of the GitHub manifest makes the one kind of request that it is for, with the one credential.
#[test]
fn github_grants_one_request_a_tool() {
    let read = shipped("github");
    assert_eq!(read.warnings, []);
    let credential = "github".try_into().unwrap();
    let asked = [
        ("comment", Tier::Write, "POST", "/repos/o/r/issues/7/comments"),
        ("create_issue", Tier::Write, "POST", "/repos/o/r/issues"),
        ("delete_issue_comment", Tier::Admin, "DELETE", "/repos/o/r/issues/comments/9"),
        ("delete_repo", Tier::Critical, "DELETE", "/repos/o/r"),
        ("get_file", Tier::User, "GET", "/repos/o/r/contents/a%20b/c.txt?ref=v1%2Fx"),
        ("list_issues", Tier::User, "GET", "/repos/o/r/issues?state=all&labels=bug%2Ca%20b&per_page=3&page=2"),
        ("list_pull_requests", Tier::User, "GET", "/repos/o/r/pulls?state=open"),
        ("search_code", Tier::User, "GET", "/search/code?q=parse%20repo%3Ao%2Fr&per_page=10"),
    ];
    assert!(read.manifest.tools.keys().map(|name| name.as_str()).eq(asked.iter().map(|(name, ..)| *name)));
    for (name, tier, method, path) in asked {
        let tool = read.manifest.tools.get(&name.try_into().unwrap()).unwrap();
        assert_eq!((tool.tier, tool.component.as_str()), (tier, "github"), "{name}");
        assert_eq!(tool.is_escalated(), tier >= Tier::Admin, "{name}");
        assert!(tool.grants.fs.is_empty() && tool.grants.env.is_empty() && tool.grants.clocks.is_empty(), "{name}");
        let [grant] = tool.grants.http.as_slice() else { panic!("{name} has one grant") };
        assert_eq!((grant.scheme, grant.port, grant.redirects), (Scheme::Https, 443, 0), "{name}");
        assert_eq!(grant.credential.as_ref(), Some(&credential), "{name}");
        assert!(grant.private.is_empty() && grant.content_types.is_some() && grant.per_call == 1, "{name}");
        let url = |path: &str| Target::parse(&format!("https://api.github.com{path}")).unwrap();
        // Nothing of what the others do, and no other method.
        for other in Method::ALL {
            assert_eq!(grant.allows(&other, &url(path)), other.as_str() == method, "{name} {other}");
        }
        for (other, _, their_method, theirs) in asked.iter().filter(|(other, ..)| *other != name) {
            let method = Method::read(their_method).unwrap();
            assert!(!grant.allows(&method, &url(theirs)), "{name} may do what {other} does");
        }
        assert!(
            !grant
                .allows(&Method::read(method).unwrap(), &Target::parse(&format!("https://github.com{path}")).unwrap())
        );
    }
    for (tier, rules) in &read.manifest.tiers {
        assert!(rules.budget.egress_bytes.is_some(), "{tier}");
        assert_eq!(rules.after_outside == Gate::Approval, *tier == Tier::Write, "{tier}");
    }
}

/// No page and no server is granted by what ships; how to grant one is in the README, and reads.
#[test]
fn the_readme_shows_how_a_host_is_granted() {
    for name in ["default", "strict"] {
        assert!(shipped(name).manifest.tools.values().all(|tool| tool.grants.http.is_empty()), "{name}");
    }
    let readme = std::fs::read_to_string(root().join("manifests/README.md")).unwrap();
    let (_, section) = readme.split_once("## Granting a host").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let blocks: Vec<&str> =
        section.split("```toml\n").skip(1).map(|block| block.split("```").next().unwrap()).collect();
    let [tiers, tools] = blocks.as_slice() else { panic!("one block for the tiers and one for the tools") };
    let file = |name: &str| std::fs::read_to_string(root().join("manifests/default").join(name)).unwrap();
    let files = [
        ("tiers.toml", format!("{}\n{tiers}", file("tiers.toml"))),
        ("tools.toml", file("tools.toml")),
        ("web.toml", (*tools).to_owned()),
    ];
    let files = files.map(|(name, text)| manifest::SourceFile { name: name.to_owned(), text });
    let read = manifest::read(&files).unwrap_or_else(|errors| panic!("{errors}"));
    let warned: Vec<&str> = read.warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert_eq!(warned, ["`tools.mcp_call.http` may POST to `/mcp`, where the body says what is done"]);
    let allows = |tool: &str, method: Method, url: &str| {
        let tool = read.manifest.tools.get(&tool.try_into().unwrap()).unwrap();
        tool.grants.http.iter().any(|grant| grant.allows(&method, &Target::parse(url).unwrap()))
    };
    assert!(allows("fetch", Method::Get, "https://docs.example.com/manual/a/b"));
    assert!(!allows("fetch", Method::Get, "https://docs.example.com/admin"));
    assert!(!allows("fetch", Method::Get, "https://mcp.example.com/mcp"));
    assert!(allows("mcp_call", Method::Post, "https://mcp.example.com/mcp"));
}

#[test]
fn every_tool_explains_itself_with_origins() {
    for name in ["default", "strict", "github"] {
        let read = shipped(name);
        for tool in read.manifest.tools.keys() {
            let explanation = manifest::explain(&read, tool).unwrap();
            let text = explanation.to_string();
            assert!(!text.contains("unknown"), "{text}");
            assert!(text.contains("network: the container has none"), "{text}");
            assert!(explanation.limits.iter().all(|fact| fact.origin.contains(".toml:")), "{text}");
            assert_eq!(explanation.limits.len(), 7);
            serde_json::to_value(&explanation).unwrap();
        }
    }
}

#[test]
fn a_tool_that_is_not_there_is_named_with_the_nearest() {
    let read = shipped("default");
    let error = manifest::explain(&read, &"files_raed".try_into().unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "there is no tool `files_raed` in this manifest; did you mean `files_read`?");
}

/// The README documents each field in a table under a heading that names the TOML table.
#[test]
fn the_readme_documents_every_field_and_no_other() {
    let readme = std::fs::read_to_string(root().join("manifests/README.md")).expect("manifests/README.md");
    let mut documented: Vec<(String, Vec<String>)> = Vec::new();
    for line in readme.lines() {
        if let Some(heading) = line.strip_prefix("### `") {
            let (table, _) = heading.split_once('`').expect("a heading names its table in backticks");
            documented.push((table.trim_matches(['[', ']']).to_owned(), Vec::new()));
        } else if let Some((_, fields)) = documented.last_mut()
            && let Some(row) = line.strip_prefix("| `")
        {
            fields.push(row.split_once('`').unwrap().0.to_owned());
        }
    }
    for (table, fields) in manifest::fields() {
        let (_, rows) =
            documented.iter().find(|(name, _)| name == table).unwrap_or_else(|| panic!("no heading for `{table}`"));
        assert_eq!(rows, fields, "fields of `{table}`");
    }
    assert_eq!(documented.len(), manifest::fields().len());
}
