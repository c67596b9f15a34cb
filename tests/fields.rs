//! Each field of a manifest is changed in an otherwise working one, a real hub is started with it, and a
//! guest, the container or a face of the hub sees the change. A field that is parsed and not enforced looks
//! the same before and after, so it fails here; so does a field without a case.

mod case;
mod eye;
mod rows;

use case::{Case, Eye};
use eye::Watched;
use manifest::{Read, SourceFile};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tests::handed;
use tests::own::Plan;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Hubs at once; more only wait for the same processors.
const AT_ONCE: usize = 3;

const BASE: &str = include_str!("fields/base.toml");

/// Every field, as `table.field`; a tool's limits are not its tier's.
fn fields() -> BTreeSet<String> {
    let all = manifest::fields().into_iter();
    all.flat_map(|(table, fields)| fields.iter().map(move |field| format!("{table}.{field}"))).collect()
}

#[test]
fn each_field_has_a_case_and_each_case_a_field() {
    let cases: BTreeSet<String> = rows::all().map(|case| case.field.to_owned()).collect();
    let fields = fields();
    let without: Vec<_> = fields.difference(&cases).collect();
    assert!(without.is_empty(), "fields without a case in tests/fields: {without:?}");
    let unknown: Vec<_> = cases.difference(&fields).collect();
    assert!(unknown.is_empty(), "cases for fields that are not there: {unknown:?}");
    for case in rows::all() {
        assert_ne!(case.before, case.after, "{}: a case that cannot fail", case.field);
    }
    // Past the test harness, which keeps what a passing test prints.
    let line = format!("fields {} / with a case that can fail {}\n", fields.len(), cases.len());
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// The last column of a field's row names its cases.
#[test]
fn the_readme_names_the_cases_of_each_field() {
    let readme = fs::read_to_string(handed::repository().join("manifests/README.md")).unwrap();
    let mut table = String::new();
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    for line in readme.lines() {
        if let Some(heading) = line.strip_prefix("### `") {
            table = heading.split('`').next().unwrap().trim_matches(['[', ']']).to_owned();
        } else if let Some(row) = line.strip_prefix("| `").filter(|_| !table.is_empty()) {
            let field = row.split('`').next().unwrap();
            let last = line.trim_end_matches('|').rsplit('|').next().unwrap().trim();
            named.insert(format!("{table}.{field}"), last.to_owned());
        }
    }
    for field in fields() {
        let cases: Vec<_> = rows::all().filter(|case| case.field == field).map(|case| case.name).collect();
        assert_eq!(named.get(&field).map(String::as_str), Some(cases.join("; ").as_str()), "the case of {field}");
    }
}

#[test]
fn a_changed_field_is_seen() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let wrong = runtime.block_on(async {
        let folder = tempfile::Builder::new().prefix("safeclaw-fields-").tempdir().unwrap();
        fill(folder.path());
        let text = Arc::new(BASE.replace("DIR", folder.path().to_str().unwrap()));
        let plan = Plan::of(read(&text).unwrap().manifest).guest("witness").guest("hello");
        let base = Arc::new(Watched::new(plan.start().await, read(&text).unwrap()));
        let wrong = Arc::new(Mutex::new(Vec::new()));
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut running = JoinSet::new();
        for case in rows::all() {
            let (base, text, wrong, places) = (base.clone(), text.clone(), wrong.clone(), places.clone());
            running.spawn(async move {
                let _place = places.acquire().await.unwrap();
                let (before, after) = look(case, &base, &text).await;
                for (when, wanted, seen) in [("before", case.before, before), ("after", case.after, after)] {
                    if seen != wanted {
                        let line = format!(
                            "{}, {}: {when} it should be\n    {wanted}\n  and is\n    {seen}",
                            case.field, case.name
                        );
                        wrong.lock().unwrap().push(line);
                    }
                }
            });
        }
        while let Some(done) = running.join_next().await {
            done.unwrap();
        }
        Arc::into_inner(base).unwrap().own.end().await;
        Arc::into_inner(wrong).unwrap().into_inner().unwrap()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the case's eye sees with the manifest as it is, and with the changed one.
async fn look(case: &Case, base: &Watched, text: &str) -> (String, String) {
    let dir = text.split("source = \"").nth(1).unwrap().split("/work\"").next().unwrap();
    let changed = case.change.iter().fold(text.to_owned(), |text, (from, to)| {
        let (from, to) = (from.replace("DIR", dir), to.replace("DIR", dir));
        assert_eq!(text.matches(&from).count(), 1, "{}: base.toml has `{from}` once", case.field);
        text.replace(&from, &to)
    });
    let before = base.seen(case.eye).await;
    let read = match read(&changed) {
        Ok(read) => read,
        Err(first) => return (before, first),
    };
    if let Eye::Reader = case.eye {
        return (before, "reads".to_owned());
    }
    let folder = tempfile::Builder::new().prefix("safeclaw-field-").tempdir().unwrap();
    let plan = Plan::of(read.manifest.clone()).compiled("witness").compiled("hello");
    if let Eye::Runtime(_) = case.eye
        && let Some(refusal) = refused(Plan::of(read.manifest.clone()), &folder.path().join("refused")).await
    {
        return (before, refusal);
    }
    let hub = Watched::new(plan.start().await, read);
    let seen = match case.eye {
        Eye::Idle(tool) => eye::idle(tool, base, &hub).await,
        _ => (before, hub.seen(case.eye).await),
    };
    hub.own.end().await;
    seen
}

/// Where there is no gVisor the hub does not start, and names the line that asks for it: that shows the field
/// as well. Where there is, it must start.
async fn refused(plan: Plan, data: &Path) -> Option<String> {
    match plan.start_in(data).await {
        Ok(hub) => {
            hub.drain(std::time::Duration::ZERO).await;
            None
        }
        Err(error) => {
            let said = eye::chain(&error);
            let names = ["[tiers.user]", "runsc", "daemon.json", "remove `runtime`"];
            assert!(names.iter().all(|name| said.contains(name)), "{said}");
            assert!(!handed::runsc(), "the engine has runsc, and the hub did not start: {said}");
            Some("runsc".to_owned())
        }
    }
}

fn read(text: &str) -> Result<Read, String> {
    let file = SourceFile { name: "base.toml".to_owned(), text: text.to_owned() };
    manifest::read(&[file]).map_err(|errors| {
        let first = errors.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        // A place in the file says nothing of the field.
        first.split(", at base.toml").next().unwrap_or_default().to_owned()
    })
}

/// Three directories that differ in one name. Runners are uid 1000, so everything is open to them.
fn fill(folder: &Path) {
    for name in ["work", "spare", "other"] {
        let docs = folder.join(name).join("docs");
        fs::create_dir_all(docs.join("deep")).unwrap();
        fs::write(docs.join(format!("of-{name}")), "x").unwrap();
        for open in [folder.to_owned(), folder.join(name), docs.clone(), docs.join("deep")] {
            fs::set_permissions(open, fs::Permissions::from_mode(0o777)).unwrap();
        }
    }
}
