//! Nothing is mapped but a regular file with the right digest, compiled for this very engine.

use crate::harness::*;
use engine::{Engine, LoadError};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;

fn artefact() -> Vec<u8> {
    engine::compile::compile(&PLAIN.wasm(), &BTreeSet::new()).unwrap().bytes
}

fn error(fd: &OwnedFd, digest: &manifest::Digest) -> LoadError {
    engine::load_artefact(&engine(), fd, digest).expect_err("it was loaded")
}

#[test]
fn one_flipped_bit_is_refused_before_anything_is_mapped() {
    let bytes = artefact();
    for at in [0, 100, bytes.len() / 2, bytes.len() - 1] {
        let (dir, fd, digest) = stored(&bytes);
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        fs::write(dir.path().join(format!("{digest}.cwasm")), &changed).unwrap();
        assert!(matches!(error(&fd, &digest), LoadError::Tampered { .. }));
    }
}

#[test]
fn a_longer_or_shorter_file_is_refused() {
    let bytes = artefact();
    let (dir, fd, digest) = stored(&bytes);
    let path = dir.path().join(format!("{digest}.cwasm"));
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert!(matches!(error(&fd, &digest), LoadError::Tampered { .. }));
    fs::write(&path, [bytes.as_slice(), b"x"].concat()).unwrap();
    assert!(matches!(error(&fd, &digest), LoadError::Tampered { .. }));
    File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
    assert!(matches!(error(&fd, &digest), LoadError::TooLarge { .. }));
}

#[test]
fn links_directories_and_fifos_are_not_followed_and_not_waited_for() {
    let bytes = artefact();
    let (dir, fd, digest) = stored(&bytes);
    let path = dir.path().join(format!("{digest}.cwasm"));
    let aside = dir.path().join("aside");
    fs::rename(&path, &aside).unwrap();
    assert!(matches!(error(&fd, &digest), LoadError::Open { .. }), "missing");
    symlink("aside", &path).unwrap();
    assert!(matches!(error(&fd, &digest), LoadError::Open { .. }), "a link, even to the right bytes");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(matches!(error(&fd, &digest), LoadError::NotAFile(_)));
    fs::remove_dir(&path).unwrap();
    make_fifo(&path);
    assert!(matches!(error(&fd, &digest), LoadError::NotAFile(_)));
}

#[test]
fn an_artefact_of_another_version_or_policy_is_refused_with_what_to_do() {
    let ours = Engine::compatibility();
    let mut bytes = artefact();
    let at = bytes.windows(ours.len()).position(|window| window == ours.as_bytes()).expect("it names its maker");
    bytes[at + ours.len() - 1] ^= 1;
    let (_dir, fd, digest) = stored(&bytes);
    let error = error(&fd, &digest);
    assert!(matches!(error, LoadError::Incompatible { .. }));
    assert!(error.to_string().contains(ours) && error.to_string().contains("add the component again"), "{error}");
}

#[test]
fn what_is_no_artefact_at_all_is_refused_even_with_the_right_digest() {
    for bytes in [b"".as_slice(), b"hello", &PLAIN.wasm(), &[0x7f; 5000]] {
        let (_dir, fd, digest) = stored(bytes);
        assert!(matches!(error(&fd, &digest), LoadError::Incompatible { .. }));
    }
}

#[test]
fn the_version_in_the_artefact_is_the_whole_version() {
    let lock = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock")).unwrap();
    let version = Engine::compatibility().split('+').next().unwrap();
    assert_eq!(version.split('.').count(), 3);
    assert!(lock.contains(&format!("name = \"wasmtime\"\nversion = \"{version}\"")));
}

#[test]
fn compiling_twice_gives_the_same_bytes() {
    assert_eq!(digest(&artefact()), digest(&artefact()));
}
