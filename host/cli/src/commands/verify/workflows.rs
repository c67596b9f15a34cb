//! What workflows start, against the posture: a workflow that somebody reverted starts containers that
//! look the same and hold less.

mod expected;
mod flags;
mod script;
mod shell;
mod start;
mod yaml;

#[cfg(test)]
mod tests;

use super::check::{Check, State};
use super::reading;
use container::ImageId;
use script::{Found, Seen};
use std::collections::BTreeMap;
use std::path::Path;
use yaml::Node;

const CHECK: &str = "workflow";
const REMEDY: &str = "print the step anew: safeclaw posture --format actions --tier TIER, or the same for a tool";

/// Every workflow of a directory.
pub(super) fn check(directory: &Path, recorded: Option<&ImageId>) -> Vec<Check> {
    let files = match reading::yaml_files(directory) {
        Ok(files) => files,
        Err(why) => {
            return vec![Check::unknown(CHECK, format!("{}: {why}", directory.display()), "say --workflows DIR")];
        }
    };
    if files.is_empty() {
        let found = format!("there is no workflow in {}", directory.display());
        return vec![Check::unknown(CHECK, found, "say --workflows DIR, with .yml or .yaml files in it")];
    }
    // The repository, for files that a workflow names.
    let root = directory.ancestors().nth(2).filter(|_| directory.ends_with(".github/workflows"));
    let mut seen = Vec::new();
    let mut checks = Vec::new();
    for file in &files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match reading::text(file).and_then(|text| Ok((yaml::read(&text)?, text))) {
            Ok((documents, text)) => {
                let of = |document| workflow(document, &text, root);
                seen.extend(
                    documents
                        .iter()
                        .flat_map(of)
                        .map(|found| Found { place: format!("{name}{}", found.place), ..found }),
                );
            }
            Err(why) => {
                checks.push(Check::unknown(CHECK, format!("{name}: {why}"), "make it a workflow, or remove it"))
            }
        }
    }
    let mut others = Vec::new();
    let mut images: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for Found { place, what } in seen {
        match what {
            Seen::Other(image) => others.push(image),
            Seen::Unread(why) => {
                checks.push(Check::unknown(
                    CHECK,
                    format!("{place}: cannot be checked: {why}"),
                    "write the command out, in plain words",
                ));
            }
            Seen::Weakened(what) => checks.push(Check::differs(CHECK, format!("{place}: {what}"), REMEDY)),
            Seen::Runner { image, compared } => {
                images.entry(image).or_default().push(place.clone());
                checks.push(match (compared.certain.len(), compared.unread.first()) {
                    (0, None) => Check::ok(CHECK, format!("{place}: starts a container as rendered")),
                    (0, Some(unread)) => {
                        let found = format!("{place}: cannot be checked: {unread}");
                        Check::unknown(CHECK, found, "write the value out, or put it into `env:` of the workflow")
                    }
                    (count, _) => {
                        Check::differs(CHECK, format!("{place}: {count} settings are not as rendered"), REMEDY)
                            .with(compared.certain)
                    }
                });
            }
        }
    }
    checks.extend(same_image(&images, recorded));
    if checks.iter().all(|check| check.state == State::Ok) {
        let runners: usize = images.values().map(Vec::len).sum();
        others.sort();
        others.dedup();
        let beside =
            if others.is_empty() { String::new() } else { format!("; not ours, not compared: {}", others.join(", ")) };
        let found =
            format!("{} files read, {runners} of their commands start a runner's container{beside}", files.len());
        checks.push(Check::ok(CHECK, found));
    }
    checks
}

/// One image in all of them, named by its digest, and the one that the hub uses.
fn same_image(images: &BTreeMap<String, Vec<String>>, recorded: Option<&ImageId>) -> Vec<Check> {
    let mut checks = Vec::new();
    for (image, places) in known_images(images) {
        let places = places.join(", ");
        match image
            .rsplit_once("sha256:")
            .map(|(before, digest)| (before, digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit())))
        {
            Some(("", true)) if recorded.is_some_and(|id| id.to_string() != *image) => {
                let recorded = recorded.map(ToString::to_string).unwrap_or_default();
                let found = format!("{places}: starts {image}, and the hub's is {recorded}");
                checks.push(Check::differs(CHECK, found, "name the image that `safeclaw image load` recorded"));
            }
            Some((before, true)) if before.is_empty() || before.ends_with('@') => {}
            _ => {
                let found = format!("{places}: starts {image}: a name or tag can be moved to another image");
                checks.push(Check::differs(CHECK, found, "name it by its digest: sha256:ID, or NAME@sha256:DIGEST"));
            }
        }
    }
    let known: Vec<_> = known_images(images).collect();
    if known.len() > 1 {
        let each: Vec<String> =
            known.iter().map(|(image, places)| format!("{image} in {}", places.join(" and "))).collect();
        checks.push(Check::differs(
            CHECK,
            format!("not one image: {}", each.join("; ")),
            "name one digest in all of them",
        ));
    }
    checks
}

/// Those that are not in a variable.
fn known_images(images: &BTreeMap<String, Vec<String>>) -> impl Iterator<Item = (&String, &Vec<String>)> {
    images.iter().filter(|(image, _)| !image.starts_with('$'))
}

/// All that a workflow starts.
fn workflow(document: &Node, text: &str, root: Option<&Path>) -> Vec<Found> {
    let mut found = Vec::new();
    let mut global = BTreeMap::new();
    script::add_variables(document, &mut global);
    for (name, job) in document.at("jobs").map(Node::entries).unwrap_or_default() {
        let mut of_job = global.clone();
        script::add_variables(job, &mut of_job);
        let containers = job.at("container").into_iter().map(|container| ("container", container));
        let services = job.at("services").map(Node::entries).unwrap_or_default();
        for (what, container) in containers.chain(services.iter().map(|(name, container)| (name.as_str(), container))) {
            let image = container.text().or_else(|| container.at("image")?.text()).unwrap_or("$IMAGE");
            let seen = if script::is_ours(image) {
                Seen::Weakened(format!(
                    "{what} of job {name} is the runner image: the service adds a network, mounts and a shell to it"
                ))
            } else if image.contains('$') {
                Seen::Unread(format!("{what} of job {name} has an image that is in a variable"))
            } else {
                Seen::Other(image.to_owned())
            };
            found.push(Found { place: String::new(), what: seen });
        }
        for step in job.at("steps").map(Node::list).unwrap_or_default() {
            let mut variables = of_job.clone();
            script::add_variables(step, &mut variables);
            found.extend(script::step(step, variables, text, root));
        }
    }
    found
}
