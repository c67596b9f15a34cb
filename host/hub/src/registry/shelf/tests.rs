#![expect(clippy::unwrap_used, reason = "tests")]
use super::*;
use crate::testing::{fifo, registration};
use std::fs;

struct Bench {
    _dir: tempfile::TempDir,
    data: DataDir,
    shelf: Shelf,
    ours: Registration,
}

/// A shelf with one component on it.
async fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::open(dir.path()).unwrap();
    let shelf = Shelf::new(&data, Sealer::from_seed(&[1; 32]));
    let ours = registration(&["read"]);
    shelf.store_artefact(&ours.artefact, b"artefact".to_vec()).await.unwrap().keep();
    shelf.store(&ours, Arc::new(b"wasm".to_vec())).await.unwrap();
    Bench { _dir: dir, data, shelf, ours }
}

impl Bench {
    fn wasm(&self) -> PathBuf {
        self.shelf.wasm_path(&self.ours.component)
    }

    fn artefact(&self) -> PathBuf {
        self.shelf.artefact_path(&self.ours.artefact)
    }

    /// Puts other bytes in the place of a file.
    fn replace(&self, path: &Path, bytes: &[u8]) {
        fs::remove_file(path).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn files(&self) -> usize {
        [self.data.components(), self.data.artefacts()].iter().map(|d| d.read_dir().unwrap().count()).sum()
    }
}

#[tokio::test]
async fn what_is_stored_is_found() {
    let bench = bench().await;
    assert!(bench.shelf.has_artefact(&bench.ours).await.unwrap());
    bench.shelf.check_wasm(&bench.ours).await.unwrap();
    assert_eq!(bench.shelf.wasm(&bench.ours.component).await.unwrap(), b"wasm");
    let found = bench.shelf.registrations().unwrap();
    let [(name, Ok(registration))] = found.as_slice() else { unreachable!("{found:?}") };
    assert_eq!((name, registration), (&bench.ours.name, &bench.ours));
}

#[tokio::test]
async fn a_damaged_record_says_so_and_holds_nobody() {
    let bench = bench().await;
    let at = |name: &str| bench.data.components().join(name);
    fs::write(at("empty.json"), b"{}").unwrap();
    fs::copy(at("demo.json"), at("copy.json")).unwrap();
    fs::create_dir(at("folder.json")).unwrap();
    fifo(&at("fifo.json"));
    let said: Vec<String> = bench
        .shelf
        .registrations()
        .unwrap()
        .into_iter()
        .filter_map(|(name, found)| Some(format!("{name}: {}", found.err()?)))
        .collect();
    assert_eq!(
        said,
        [
            "copy: its registration is that of `demo`: register it again",
            "empty: its registration is damaged (missing field `seal` at line 1 column 2): register it again",
            "fifo: its registration is not a regular file: register it again",
            "folder: its registration is not a regular file: register it again",
        ]
    );
}

#[tokio::test]
async fn a_changed_byte_is_noticed_and_a_missing_artefact_is_only_missing() {
    let bench = bench().await;
    bench.replace(&bench.artefact(), b"Artefact");
    let said = bench.shelf.has_artefact(&bench.ours).await.unwrap_err().to_string();
    assert!(said.starts_with("its artefact was changed (its digest is now "), "{said}");
    fs::remove_file(bench.artefact()).unwrap();
    assert!(!bench.shelf.has_artefact(&bench.ours).await.unwrap());

    bench.replace(&bench.wasm(), b"Wasm");
    for said in [
        bench.shelf.check_wasm(&bench.ours).await.unwrap_err(),
        bench.shelf.wasm(&bench.ours.component).await.unwrap_err(),
    ] {
        assert!(said.to_string().starts_with("its component file was changed (its digest is now "), "{said}");
    }
    fs::remove_file(bench.wasm()).unwrap();
    let said = bench.shelf.check_wasm(&bench.ours).await.unwrap_err().to_string();
    assert_eq!(said, "its component file is missing: register it again");
}

#[tokio::test]
async fn tidying_keeps_what_is_registered_and_what_may_be() {
    let bench = bench().await;
    bench.shelf.store_artefact(&Digest::of(b"old"), b"old".to_vec()).await.unwrap().keep();
    fs::write(bench.data.artefacts().join(".new-1234"), b"half").unwrap();
    fs::create_dir(bench.data.artefacts().join("folder.cwasm")).unwrap();
    bench.shelf.tidy(None).unwrap();
    assert_eq!(bench.files(), 5, "only the draft is gone");
    bench.shelf.tidy(Some(&[(bench.ours.name.clone(), Arc::new(bench.ours.clone()))].into())).unwrap();
    assert!(bench.shelf.has_artefact(&bench.ours).await.unwrap());
    assert_eq!(bench.files(), 4, "what no record names is gone, and a folder stays");
}

#[tokio::test]
async fn a_refused_component_leaves_no_artefact_and_takes_nobody_elses() {
    let bench = bench().await;
    let other = Digest::of(b"other");
    let refused = bench.shelf.store_artefact(&other, b"other".to_vec()).await.unwrap();
    assert!(bench.shelf.artefact_path(&other).exists());
    drop(refused);
    assert!(!bench.shelf.artefact_path(&other).exists());
    // The same artefact as that of a component that is registered.
    drop(bench.shelf.store_artefact(&bench.ours.artefact, b"artefact".to_vec()).await.unwrap());
    assert!(bench.shelf.has_artefact(&bench.ours).await.unwrap());
}
