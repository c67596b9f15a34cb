//! What holds for every text: reading ends with an answer, points into the text, and whatever it accepts
//! is within the ceilings. Those are judged here by rules of their own, not by the reader's.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use manifest::http::{HttpGrant, Method, Scheme, Target};
use manifest::{Access, Diagnostics, Limits, Manifest, RunnerScope, SourceFile, Tier};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

fn read(text: &str) -> Result<Manifest, Diagnostics> {
    let file = SourceFile { name: "m.toml".to_owned(), text: text.to_owned() };
    manifest::read(&[file]).map(|read| read.manifest)
}

/// Reads, and checks what holds for every outcome.
fn sound(text: &str) {
    match read(text) {
        Ok(manifest) => within_ceilings(&manifest),
        Err(errors) => {
            assert!(!errors.list.is_empty() && errors.list.len() <= 100);
            assert!(errors.list.is_sorted_by_key(|error| (error.place.line, error.place.column)));
            for error in &errors.list {
                let lines: Vec<&str> = text.split('\n').collect();
                let line = lines[usize::try_from(error.place.line).unwrap() - 1];
                assert!(usize::try_from(error.place.column).unwrap() <= line.chars().count() + 1, "{error}");
                assert!(!error.message.is_empty() && !error.help.is_empty());
                assert!(!error.to_string().chars().any(|c| c.is_control() && c != '\n'), "{error:?}");
            }
        }
    }
}

fn numbers(limits: &Limits) -> [u64; 7] {
    let Limits { memory_bytes, cpu_ms, deadline_ms, arguments_bytes, result_bytes, log_bytes, handles } =
        limits.clone();
    [
        memory_bytes,
        cpu_ms.into(),
        deadline_ms.into(),
        arguments_bytes.into(),
        result_bytes.into(),
        log_bytes.into(),
        handles.into(),
    ]
}

fn components(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| *part != ".").collect()
}

fn requests() -> Vec<(Method, Target)> {
    let urls = ["/", "/a", "/a/", "/a/b", "/a/b/c", "/b"].into_iter().flat_map(|path| {
        ["https://a.x.y", "https://b.x.y", "http://a.x.y", "https://a.x.y:444"].map(|o| format!("{o}{path}"))
    });
    let targets: Vec<Target> = urls.map(|url| Target::parse(&url).unwrap()).collect();
    [Method::Get, Method::Post].into_iter().flat_map(|m| targets.clone().into_iter().map(move |t| (m, t))).collect()
}

/// Of requests that tell grants apart, and of every number.
fn asks_no_more(grant: &HttpGrant, allowed: &HttpGrant) -> bool {
    let numbers = |grant: &HttpGrant| {
        [
            grant.request_bytes,
            grant.response_bytes,
            grant.first_byte_ms.into(),
            grant.total_ms.into(),
            grant.per_call.into(),
            grant.per_minute.into(),
            grant.concurrent.into(),
            grant.redirects.into(),
        ]
    };
    requests().iter().all(|(method, target)| !grant.allows(method, target) || allowed.allows(method, target))
        && numbers(grant).iter().zip(numbers(allowed)).all(|(tool, tier)| *tool <= tier)
        && (grant.credential.is_none() || grant.credential == allowed.credential)
        && grant.private.iter().all(|range| {
            allowed.private.iter().any(|wide| wide.contains(&range.network()) && wide.contains(&range.broadcast()))
        })
        && allowed.approve.iter().all(|method| !grant.methods.contains(method) || grant.approve.contains(method))
}

fn within_ceilings(manifest: &Manifest) {
    for rules in manifest.tiers.values() {
        assert!(rules.tier != Tier::User || rules.ceiling.fs.iter().all(|grant| grant.access == Access::Read));
        assert!(rules.ceiling.limits.cpu_ms <= rules.ceiling.limits.deadline_ms);
        assert!(u64::from(rules.ceiling.limits.deadline_ms) < u64::from(rules.idle_s) * 1000);
    }
    for tool in manifest.tools.values() {
        let rules = &manifest.tiers[&tool.tier];
        let (ceiling, grants) = (&rules.ceiling, &tool.grants);
        for grant in &grants.fs {
            assert!(manifest.mounts.contains_key(&grant.mount));
            let covered = ceiling.fs.iter().any(|allowed| {
                allowed.mount == grant.mount
                    && (allowed.access == Access::Write || grant.access == Access::Read)
                    && components(&grant.path).starts_with(&components(&allowed.path))
            });
            assert!(covered && !components(&grant.path).contains(&".."), "{grant:?} in {ceiling:?}");
        }
        for (at, grant) in grants.http.iter().enumerate() {
            assert!(ceiling.http.iter().any(|allowed| asks_no_more(grant, allowed)), "{grant:?} in {ceiling:?}");
            assert!(grant.credential.is_none() || grant.scheme == Scheme::Https, "{grant:?}");
            assert!(grant.first_byte_ms <= grant.total_ms && grant.total_ms <= grants.limits.deadline_ms, "{grant:?}");
            assert!(grant.approve.is_subset(&grant.methods) && !grant.methods.is_empty() && !grant.paths.is_empty());
            // One request, one grant.
            for (method, target) in requests() {
                let other = grants.http.iter().skip(at + 1).find(|other| other.allows(&method, &target));
                assert!(!grant.allows(&method, &target) || other.is_none(), "{grant:?} and {other:?} at {target}");
            }
        }
        assert!(grants.env.keys().all(|name| ceiling.env.contains(name)));
        assert!(grants.clocks.iter().all(|clock| ceiling.clocks.contains(clock)));
        assert!(tool.size <= ceiling.size);
        assert!(tool.runner == RunnerScope::Call || ceiling.runner == RunnerScope::Session);
        assert!(tool.runner == RunnerScope::Call || matches!(tool.tier, Tier::User | Tier::Write));
        assert!(
            numbers(&grants.limits).iter().zip(numbers(&ceiling.limits)).all(|(tool, tier)| (1..=tier).contains(tool))
        );
        assert!(grants.limits.cpu_ms <= grants.limits.deadline_ms);
        let calls = if tool.runner == RunnerScope::Call { 1 } else { u64::from(rules.concurrent_calls) };
        let room_mib = if tool.size == manifest::ContainerSize::Small { 512 - 64 - 16 - 64 } else { 2048 - 64 };
        assert!(grants.limits.memory_bytes * calls <= room_mib << 20);
        assert!(manifest.components.contains_key(&tool.component));
    }
}

/// Pieces of manifests in any order: much nearer to one than arbitrary characters are.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "[tiers.user]\n",
        "[tiers.user.ceiling]\n",
        "[tools.a]\n",
        "[mounts.w]\n",
        "[[tools]]\n",
        "[",
        "]",
        "{",
        "}",
        "=",
        ",",
        "\"",
        "'''",
        "\n",
        "\r\n",
        "\t",
        "#",
        ".",
        "-1",
        "1",
        "0x1F",
        "1e9",
        "true",
        "1979-05-27",
        "\"64MiB\"",
        "\"1h\"",
        "name = \"x\"\n",
        "fs = [{ mount = \"w\", access = \"read\" }]\n",
        "tier = \"user\"\n",
        "limits = { memory = \"1MiB\" }\n",
        "idle = 3\n",
        "é",
        "\u{feff}",
        "\u{0}",
        "\u{202e}",
        "\u{1b}",
        "\\u0000",
        "\u{10ffff}",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// The manifests that ship, with some characters removed or put in.
fn mutated() -> impl Strategy<Value = String> {
    let text = concat!(
        include_str!("../../../manifests/default/tiers.toml"),
        include_str!("../../../manifests/default/tools.toml")
    );
    let edit =
        (0..text.len(), 0..40usize, prop::sample::select(vec!["", "\"", "[", "]", "0", "x", "\n", "= ", "..", "é"]));
    prop::collection::vec(edit, 1..4).prop_map(move |edits| {
        let mut chars: Vec<char> = text.chars().collect();
        for (at, length, put) in edits {
            let at = at.min(chars.len());
            let end = (at + length).min(chars.len());
            chars.splice(at..end, put.chars());
        }
        chars.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(Config { cases: 512, failure_persistence: None, ..Config::default() })]

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        sound(&text);
    }

    #[test]
    fn any_soup_is_answered(text in soup()) {
        sound(&text);
    }

    #[test]
    fn any_mutation_is_answered(text in mutated()) {
        sound(&text);
    }
}

const PATHS: [&str; 6] = [".", "a", "a/b", "a/b/c", "ab", "b"];

/// Grants of HTTP that may go beyond one another.
fn asked() -> impl Strategy<Value = String> {
    let pick = |words: &[&'static str]| prop::sample::select(words.to_vec());
    let one = (
        pick(&["a.x.y", "*.x.y", "*.x.y"]),
        pick(&["\"GET\"", "\"POST\"", "\"GET\", \"POST\""]),
        pick(&["/", "/a", "/a/*", "/a/**", "/**", "/**"]),
        prop::sample::subsequence(
            vec![
                "scheme = \"http\"",
                "port = 444",
                "per_call = 5",
                "response = \"2KiB\"",
                "total = \"2s\"",
                "first_byte = \"1s\"",
                "credential = \"k\"",
                "redirects = 1",
                "private = [\"10.1.0.0/16\"]",
                "private = [\"10.0.0.0/8\"]",
                "approve = [\"GET\"]",
                "approve = []",
            ],
            0..4,
        ),
    );
    prop::collection::vec(one, 0..3).prop_map(|grants| {
        let text = |(host, methods, path, more): (&str, &str, &str, Vec<&str>)| {
            let mut fields: Vec<&str> = Vec::new();
            for field in more {
                let name = field.split(' ').next();
                if !fields.iter().any(|other| other.split(' ').next() == name) {
                    fields.push(field);
                }
            }
            let more: String = fields.iter().map(|field| format!(", {field}")).collect();
            format!("{{ host = \"{host}\", methods = [{methods}], paths = [\"{path}\"]{more} }}")
        };
        let list: Vec<String> = grants.into_iter().map(text).collect();
        format!("http = [{}]\n", list.join(", "))
    })
}

/// A manifest of the right shape whose values may go beyond one another.
fn shaped() -> impl Strategy<Value = String> {
    let tier = prop::sample::select(vec!["user", "write", "admin", "critical"]);
    let fs = || {
        prop::collection::vec(
            (prop::sample::select(PATHS.to_vec()), prop::sample::select(vec!["read", "read", "write"])),
            0..3,
        )
    };
    let words = |words: &[&'static str]| prop::sample::subsequence(words.to_vec(), 0..=words.len());
    let grants = move || {
        (fs(), words(&["A", "B"]), words(&["wall", "monotonic"]), words(&["runner = \"call\"", "size = \"large\""]))
    };
    let limits = || prop::collection::vec(prop::option::weighted(0.3, prop::sample::select(vec![1u64, 2, 8])), 7);
    (tier, 1..8u64, grants(), grants(), limits(), 1..120u64).prop_map(|(tier, concurrent, ceiling, tool, limits, memory)| {
        let fs = |grants: &[(&str, &str)]| {
            let list: Vec<String> = grants.iter().map(|(path, access)| format!("{{ mount = \"w\", path = \"{path}\", access = \"{access}\" }}")).collect();
            list.join(", ")
        };
        let fields = ["memory", "cpu", "deadline", "arguments", "result", "log", "handles"];
        let units = ["MiB", "s", "s", "KiB", "KiB", "KiB", ""];
        let own: Vec<String> = limits.iter().enumerate().filter_map(|(at, value)| {
            let value = (*value)?;
            Some(if at == 6 { format!("handles = {}", value * 16) } else { format!("{} = \"{value}{}\"", fields[at], units[at]) })
        }).collect();
        let idle = if matches!(tier, "admin" | "critical") || ceiling.3.contains(&"runner = \"call\"") { "" } else { "idle = \"1h\"" };
        let env: Vec<String> = tool.1.iter().map(|name| format!("{name} = \"1\"")).collect();
        format!(
            "name = \"x\"\n[mounts.w]\npath = \"/w\"\nreason = \"r\"\n[components.c]\n[tiers.{tier}]\nconcurrent_calls = {concurrent}\ncalls_per_hour = 9\n{idle}\n\
             [tiers.{tier}.ceiling]\nfs = [{}]\nenv = {:?}\nclocks = {:?}\n{}\n\
             limits = {{ memory = \"{memory}MiB\", cpu = \"2s\", deadline = \"4s\", arguments = \"4KiB\", result = \"4KiB\", log = \"4KiB\", handles = 64 }}\n\
             [tools.t]\ncomponent = \"c\"\ntier = \"{tier}\"\nreason = \"r\"\nfs = [{}]\nenv = {{ {} }}\nclocks = {:?}\n{}\nlimits = {{ {} }}\n",
            fs(&ceiling.0), ceiling.1, ceiling.2, ceiling.3.join("\n"), fs(&tool.0), env.join(", "), tool.2, tool.3.join("\n"), own.join(", "),
        )
    })
}

#[test]
fn what_is_accepted_is_within_its_ceiling() {
    let (mut accepted, mut refused) = (0u32, 0u32);
    let mut runner = TestRunner::new(Config { cases: 4096, failure_persistence: None, ..Config::default() });
    let counts = std::cell::RefCell::new((&mut accepted, &mut refused));
    runner
        .run(&shaped(), |text| {
            sound(&text);
            let mut counts = counts.borrow_mut();
            match read(&text) {
                Ok(_) => *counts.0 += 1,
                Err(errors) => {
                    assert!(!errors.incomplete, "{text}\n{errors}");
                    *counts.1 += 1;
                }
            }
            Ok(())
        })
        .unwrap();
    // Neither answer is the only one, or the property would hold of nothing.
    assert!(accepted > 40 && refused > 40, "{accepted} accepted, {refused} refused");
}

/// The same of what may be asked of the outside, in tools and ceilings that have nothing else.
#[test]
fn what_may_be_asked_is_within_its_ceiling() {
    let (mut accepted, mut refused) = (0u32, 0u32);
    let mut runner = TestRunner::new(Config { cases: 6000, failure_persistence: None, ..Config::default() });
    let counts = std::cell::RefCell::new((&mut accepted, &mut refused));
    let limits = "limits = { memory = \"1MiB\", cpu = \"1s\", deadline = \"4s\", arguments = \"4KiB\", \
                  result = \"4KiB\", log = \"4KiB\", handles = 64 }\n";
    runner
        .run(&(asked(), asked()), |(ceiling, tool)| {
            let text = format!(
                "name = \"x\"\n[components.c]\n[tiers.user]\nconcurrent_calls = 1\ncalls_per_hour = 9\nidle = \"1h\"\n\
                 [tiers.user.ceiling]\n{ceiling}{limits}[tools.t]\ncomponent = \"c\"\ntier = \"user\"\nreason = \"r\"\n{tool}"
            );
            sound(&text);
            let mut counts = counts.borrow_mut();
            match read(&text) {
                Ok(manifest) => *counts.0 += u32::from(manifest.tools.values().any(|tool| !tool.grants.http.is_empty())),
                Err(errors) => {
                    assert!(!errors.incomplete, "{text}\n{errors}");
                    *counts.1 += 1;
                }
            }
            Ok(())
        })
        .unwrap();
    assert!(accepted > 100 && refused > 100, "{accepted} accepted, {refused} refused");
}
