//! A reader of OpenMetrics' text format for tests: strict, so that what it takes every collector takes.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

/// One metric, all its samples together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) help: String,
    samples: Vec<Sample>,
}

#[derive(Debug, Clone, PartialEq)]
struct Sample {
    suffix: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// Everything that was exposed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exposition(pub(crate) Vec<Family>);

impl Exposition {
    /// # Errors
    /// The first line that is not as the format has it.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let body = text.strip_suffix("# EOF\n").ok_or("it does not end with `# EOF`")?;
        let mut families: Vec<Family> = Vec::new();
        for line in body.split_terminator('\n') {
            match line.strip_prefix("# ") {
                Some(comment) => begin(comment, &mut families)?,
                None => families.last_mut().ok_or("a sample before its family")?.add(line)?,
            }
        }
        if !body.is_empty() && !body.ends_with('\n') {
            return Err("the last line is cut".into());
        }
        families.iter().try_for_each(Family::check)?;
        Ok(Self(families))
    }

    /// The value of one sample.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels: BTreeMap<String, String> = labels.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        let family = self.0.iter().find(|family| name.strip_prefix(&family.name).is_some_and(|s| family.has(s)))?;
        let suffix = name.strip_prefix(&family.name)?;
        family.samples.iter().find(|s| s.suffix == suffix && s.labels == labels).map(|sample| sample.value)
    }

    /// How many samples there are.
    pub(crate) fn samples(&self) -> usize {
        self.0.iter().map(|family| family.samples.len()).sum()
    }

    /// The samples of a counter that are not zero, as `label,label value`.
    pub(crate) fn counted(&self, name: &str) -> Vec<String> {
        let family = self.0.iter().find(|family| family.name == name).unwrap();
        let words = |labels: &BTreeMap<String, String>| labels.values().cloned().collect::<Vec<_>>().join(",");
        let counted = family.samples.iter().filter(|sample| sample.value > 0.0);
        let mut counted: Vec<_> = counted.map(|sample| format!("{} {}", words(&sample.labels), sample.value)).collect();
        counted.sort();
        counted
    }
}

impl Family {
    /// The names of its labels, but for a histogram's own.
    pub(crate) fn labels(&self) -> BTreeSet<String> {
        let names = self.samples.iter().flat_map(|sample| sample.labels.keys().cloned());
        names.filter(|name| name != "le").collect()
    }

    fn has(&self, suffix: &str) -> bool {
        match self.kind.as_str() {
            "counter" => suffix == "_total",
            "gauge" => suffix.is_empty(),
            "info" => suffix == "_info",
            "histogram" => matches!(suffix, "_bucket" | "_sum" | "_count"),
            _ => false,
        }
    }

    fn add(&mut self, line: &str) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("{what}: {line}"));
        let end = line.find(['{', ' ']).ok_or_else(|| format!("no value: {line}"))?;
        let (name, mut rest) = line.split_at(end);
        let Some(suffix) = name.strip_prefix(&self.name).filter(|suffix| self.has(suffix)) else {
            return wrong("a sample of another family, or of a kind that this one does not have");
        };
        let mut labels = BTreeMap::new();
        if let Some(inner) = rest.strip_prefix('{') {
            let (read, after) = pairs(inner).ok_or_else(|| format!("bad labels: {line}"))?;
            (labels, rest) = (read, after);
        }
        let Some(Ok(value)) = rest.strip_prefix(' ').map(str::parse::<f64>) else { return wrong("bad value") };
        if self.kind != "gauge" && !(value.is_finite() && value >= 0.0) {
            return wrong("a count that is none");
        }
        let sample = Sample { suffix: suffix.to_owned(), labels, value };
        if self.samples.iter().any(|other| other.suffix == sample.suffix && other.labels == sample.labels) {
            return wrong("twice");
        }
        self.samples.push(sample);
        Ok(())
    }

    /// A histogram's buckets rise, and the last one holds all.
    fn check(&self) -> Result<(), String> {
        let sets = |suffix: &str| self.samples.iter().filter(move |sample| sample.suffix == suffix).collect::<Vec<_>>();
        for count in sets("_count") {
            let mut last = (f64::NEG_INFINITY, 0.0);
            let of_count = |sample: &&&Sample| {
                let mut labels = sample.labels.clone();
                labels.remove("le").is_some() && labels == count.labels
            };
            for bucket in sets("_bucket").iter().filter(of_count) {
                let bound: f64 = bucket.labels.get("le").unwrap().parse().map_err(|_| "a bound that is none")?;
                if bound <= last.0 || bucket.value < last.1 {
                    return Err(format!("{}: buckets that do not rise", self.name));
                }
                last = (bound, bucket.value);
            }
            if last != (f64::INFINITY, count.value) {
                return Err(format!("{}: the last bucket does not hold all", self.name));
            }
        }
        Ok(())
    }
}

/// A line of a family's head: in this order, and each family once.
fn begin(comment: &str, families: &mut Vec<Family>) -> Result<(), String> {
    let mut words = comment.splitn(3, ' ');
    let (Some(what), Some(name), Some(rest)) = (words.next(), words.next(), words.next()) else {
        return Err(format!("a comment: {comment}"));
    };
    if what == "HELP" {
        if !is_name(name) || families.iter().any(|family| family.name == name) {
            return Err(format!("a bad name, or twice: {name}"));
        }
        families.push(Family { name: name.into(), kind: String::new(), help: rest.into(), samples: Vec::new() });
        return Ok(());
    }
    let current = families.last_mut().filter(|family| family.name == name && family.samples.is_empty());
    let current = current.ok_or_else(|| format!("out of place: {comment}"))?;
    match what {
        "TYPE" if current.kind.is_empty() && ["counter", "gauge", "info", "histogram"].contains(&rest) => {
            current.kind = rest.into();
            Ok(())
        }
        "UNIT" if name.ends_with(&format!("_{rest}")) => Ok(()),
        _ => Err(format!("a comment that says nothing: {comment}")),
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// `name="value",…}`, and what comes after it.
fn pairs(mut text: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut pairs = BTreeMap::new();
    loop {
        let (name, rest) = text.split_once("=\"")?;
        let mut value = String::new();
        let mut chars = rest.char_indices();
        let end = loop {
            match chars.next()? {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next()?.1 {
                    'n' => '\n',
                    c @ ('"' | '\\') => c,
                    _ => return None,
                }),
                (_, c) => value.push(c),
            }
        };
        if !is_name(name) || pairs.insert(name.to_owned(), value).is_some() {
            return None;
        }
        let after = rest.get(end + 1..)?;
        if let Some(after) = after.strip_prefix('}') {
            return Some((pairs, after));
        }
        text = after.strip_prefix(',')?;
    }
}
