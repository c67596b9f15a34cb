//! What it costs to search a body: GB/s over 100 MiB in pieces of a frame's size, with one credential, with four, and
//! with none. `cargo run --profile ci -p egress --example search_cost`.

use egress::config::{Config, Environment};
use egress::credentials::{Secret, Store, Value};
use egress::leaks::Seen;
use manifest::http::{Method, Target};
use manifest::{CredentialName, Tier};
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

const BODY_BYTES: usize = 100 << 20;
const RUNS: usize = 5;

/// A credential with a value of this length; its source is a program, so that no file is needed.
fn secret(nth: usize, length: usize) -> Result<Arc<Secret>, Box<dyn Error>> {
    let text = format!(
        "[credentials.c{nth}]\nsource = {{ command = [\"echo\", \"any-value-to-start-with\"] }}\nhosts = [\"a.example\"]\n\
         methods = [\"GET\"]\npaths = [\"/**\"]\ntiers = [\"user\"]\nadd = \"bearer\"\nleaks = \"remove\"\n"
    );
    let config = Config::parse(&text, ".".as_ref()).map_err(|faults| faults.concat())?;
    let store = Store::load(&config, &Environment::default()).map_err(|faults| faults.concat())?;
    let name = CredentialName::try_from(format!("c{nth}"))?;
    let value: String = noise(nth as u64 + 7).filter(u8::is_ascii_alphanumeric).take(length).map(char::from).collect();
    store.put(store.fresh(&name, Value::copied(value.as_bytes())?)?);
    Ok(store.grant(&name, Tier::User, Method::Get, &Target::parse("https://a.example/")?)?)
}

/// Bytes without an end or a meaning.
fn noise(seed: u64) -> impl Iterator<Item = u8> {
    let step =
        |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
    std::iter::successors(Some(seed), step).map(|state| (state >> 56) as u8)
}

fn main() -> Result<(), Box<dyn Error>> {
    let words =
        b"{\"id\": 1187, \"title\": \"Something is not as it should be\", \"user\": {\"login\": \"octocat\"}}, ";
    let json: Vec<u8> = words.iter().copied().cycle().take(BODY_BYTES).collect();
    let binary: Vec<u8> = noise(1).take(BODY_BYTES).collect();
    for (what, credentials, length) in
        [("none", 0, 0), ("one of 40", 1, 40), ("four of 40", 4, 40), ("one of 3200", 1, 3200)]
    {
        let seen = Seen::default();
        let secrets = (0..credentials).map(|nth| secret(nth, length)).collect::<Result<Vec<_>, _>>()?;
        let began = Instant::now();
        secrets.iter().for_each(|secret| seen.used(secret));
        let made = began.elapsed();
        for (kind, body) in [("JSON", &json), ("binary", &binary)] {
            let mut best = f64::MAX;
            for _ in 0..RUNS {
                let began = Instant::now();
                let mut searcher = seen.searcher("answer body");
                for piece in body.chunks(16 << 10) {
                    black_box(searcher.push(piece)?);
                }
                black_box(searcher.finish()?);
                best = best.min(began.elapsed().as_secs_f64());
            }
            println!("{what:12} {kind:7} {:5.2} GB/s  (made in {made:?})", BODY_BYTES as f64 / best / 1e9);
        }
    }
    Ok(())
}
