//! Text to manifest: every file as TOML, the files as one document, the document as types that cannot be
//! wrong. What is wrong is collected, never the first of it only.

pub(crate) mod fs;
mod http;
pub(crate) mod limits;
mod mounts;
pub(crate) mod paths;
mod profiles;
mod tiers;
pub(crate) mod tools;
mod uses;

use crate::bounds;
use crate::diagnostics::{Diagnostic, Diagnostics, quote};
use crate::model::{Component, Manifest, Tier};
use crate::names::{ComponentName, MountName, ProfileName, ToolName};
use crate::origin::Origins;
use crate::raw::{Entries, Field, Located, RawComponent, RawFile, RawMount, RawProfile, RawTier, RawTool, Reading};
use crate::source::{SourceFile, Sources, Spot};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use toml::Spanned;
use toml::de::DeTable;

/// A manifest that is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// What it means.
    pub manifest: Manifest,
    /// Where each value came from.
    pub origins: Origins,
    /// What is no mistake and probably not meant: something declared that nothing uses.
    pub warnings: Vec<Diagnostic>,
}

/// Reads the files of one manifest, in the order of their names, as one document.
///
/// # Errors
///
/// Everything that is wrong, at once.
pub fn read(files: &[SourceFile]) -> Result<Read, Diagnostics> {
    let mut files: Vec<&SourceFile> = files.iter().collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let sources = Sources::new(files.iter().copied());
    let mut reading = Reading::new(&sources);
    let Some(document) = document(&mut reading, &sources) else {
        reading.incomplete = true;
        reading.finish()?;
        // Not reached: an unread file is an error. Should it be, nothing is granted.
        return Err(Diagnostics { list: Vec::new(), more: 0, incomplete: true });
    };
    let meant = meaning(&mut reading, document);
    let warnings = reading.finish()?;
    let Some((manifest, origins)) = meant else {
        return Err(Diagnostics { list: Vec::new(), more: 0, incomplete: true });
    };
    Ok(Read { manifest, origins, warnings })
}

/// One file as a table. Nesting is bounded by the parser, at 80.
pub(crate) fn parse<'i>(reading: &mut Reading<'_>, file: &'i SourceFile) -> Option<Spanned<DeTable<'i>>> {
    let top = Spot { file: reading.file, offset: 0 };
    if file.text.len() > bounds::MAX_FILE_BYTES {
        let message = format!("the file is too large: {} bytes", file.text.len());
        reading.report(top, message, format!("a file has at most {} bytes", bounds::MAX_FILE_BYTES));
        return None;
    }
    let (table, errors) = DeTable::parse_recoverable(&file.text);
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        let offset = span.start;
        let mut message = format!("not TOML: {}", error.message());
        let help = if error.message().contains("duplicate key") {
            message = format!("{message} {}", quote(file.text.get(span).unwrap_or_default()));
            "each table and each field is written once"
        } else if error.message().contains("recurs") {
            "nest tables and lists at most 80 deep"
        } else {
            "write it as TOML: `field = value`, one a line, texts in double quotes"
        };
        reading.report(Spot { offset, ..top }, message, help);
    }
    errors.is_empty().then_some(table)
}

/// A table of the document: where it stands, what is in it, and whether that was sound.
struct Section<V> {
    spot: Spot,
    raw: V,
    sound: bool,
}

type Sections<K, V> = BTreeMap<K, Section<V>>;

/// All files together.
#[derive(Default)]
struct Document {
    name: Option<Located<String>>,
    tiers: Sections<Tier, RawTier>,
    mounts: Sections<MountName, RawMount>,
    components: Sections<ComponentName, RawComponent>,
    tools: Sections<ToolName, RawTool>,
    profiles: Sections<ProfileName, RawProfile>,
}

/// The document, or `None` if a file could not be read as TOML.
fn document(reading: &mut Reading<'_>, sources: &Sources<'_>) -> Option<Document> {
    let top = Spot { file: 0, offset: 0 };
    let count = sources.files().count();
    if count == 0 || count > bounds::MAX_FILES {
        let message = format!("a manifest of {count} files");
        reading.report(top, message, format!("a manifest is a directory with 1 to {} .toml files", bounds::MAX_FILES));
        return None;
    }
    let mut document = Document::default();
    let (mut complete, mut names) = (true, false);
    for (index, file) in sources.files() {
        reading.file = index;
        let Some(table) = parse(reading, file) else {
            complete = false;
            continue;
        };
        let raw = RawFile::from_table(reading, table.get_ref(), "");
        names |= !matches!(raw.name, Field::Absent);
        if let Some(name) = raw.name.given() {
            let name = Located { value: name.value.0, spot: name.spot };
            if let Some(first) = &document.name {
                let message = format!("`name` is written twice, first at {}", reading.line(first.spot));
                reading.report(name.spot, message, "a manifest has one name, whatever the number of its files");
            } else {
                document.name = Some(name);
            }
        }
        merge(reading, "tier", &mut document.tiers, raw.tiers);
        merge(reading, "mount", &mut document.mounts, raw.mounts);
        merge(reading, "component", &mut document.components, raw.components);
        merge(reading, "tool", &mut document.tools, raw.tools);
        merge(reading, "profile", &mut document.profiles, raw.profiles);
    }
    if complete && !names {
        reading.report(top, "the manifest has no `name`", "write name = \"default\" at the top of a file");
    }
    complete.then_some(document)
}

fn merge<K: Ord + Display, V>(
    reading: &mut Reading<'_>,
    kind: &str,
    into: &mut Sections<K, V>,
    entries: Field<Entries<K, V>>,
) {
    for entry in entries.given().into_iter().flat_map(|entries| entries.value) {
        let Located { value: key, spot } = entry.key;
        if let Some(first) = into.get(&key) {
            let message =
                format!("{kind} {} is defined twice, first at {}", quote(&key.to_string()), reading.line(first.spot));
            reading.report(spot, message, format!("each {kind} is defined once, in one file"));
            continue;
        }
        if into.len() == bounds::MAX_ENTRIES {
            reading.report(
                spot,
                format!("there are too many {kind}s"),
                format!("at most {} of them", bounds::MAX_ENTRIES),
            );
            continue;
        }
        into.insert(key, Section { spot, raw: entry.value, sound: entry.sound });
    }
}

/// What the document means; `None` if its name is missing. What else is missing or wrong is reported, and
/// the value is then of no use.
fn meaning(reading: &mut Reading<'_>, document: Document) -> Option<(Manifest, Origins)> {
    let (mounts, mount_spots) = mounts::read(reading, document.mounts);
    let known_mounts: BTreeSet<MountName> = mount_spots.keys().cloned().collect();
    let tiers = tiers::read(reading, document.tiers, &known_mounts);
    let component_spots: BTreeMap<ComponentName, Spot> =
        document.components.iter().map(|(name, section)| (name.clone(), section.spot)).collect();
    let components = document.components.into_iter().map(|(name, section)| {
        let digest = section.raw.digest.given().map(|digest| digest.value);
        (name.clone(), Component { name, digest })
    });
    let components: BTreeMap<_, _> = components.collect();
    let tool_tiers = tools::tiers(&document.tools);
    let (profiles, profile_spots) = profiles::read(reading, document.profiles, &tiers, &tool_tiers);
    let (tools, tool_origins) = tools::read(reading, document.tools, &tiers, &known_mounts, &component_spots);
    warn_unused(reading, &tools, &mount_spots, &component_spots);
    let name = document.name?;
    let origins = Origins {
        name: reading.sources.line(name.spot),
        tiers: tiers.iter().filter_map(|(tier, read)| Some((*tier, read.as_ref()?.origins.clone()))).collect(),
        mounts: lines(reading, &mount_spots),
        components: lines(reading, &component_spots),
        tools: tool_origins,
        profiles: lines(reading, &profile_spots),
    };
    let tiers = tiers.into_iter().filter_map(|(tier, read)| Some((tier, read?.rules))).collect();
    Some((Manifest { name: name.value, tiers, mounts, components, tools, profiles }, origins))
}

fn lines<K: Ord + Clone>(reading: &Reading<'_>, spots: &BTreeMap<K, Spot>) -> BTreeMap<K, crate::source::Line> {
    spots.iter().map(|(name, spot)| (name.clone(), reading.sources.line(*spot))).collect()
}

fn warn_unused(
    reading: &mut Reading<'_>,
    tools: &BTreeMap<ToolName, crate::model::Tool>,
    mounts: &BTreeMap<MountName, Spot>,
    components: &BTreeMap<ComponentName, Spot>,
) {
    for (name, spot) in mounts {
        if !tools.values().any(|tool| tool.grants.fs.iter().any(|grant| grant.mount == *name)) {
            reading.warn(*spot, format!("no tool is granted mount `{name}`"), "remove it, or grant it to a tool");
        }
    }
    for (name, spot) in components {
        if !tools.values().any(|tool| tool.component == *name) {
            reading.warn(*spot, format!("no tool is of component `{name}`"), "remove it, or list its tools");
        }
    }
}
