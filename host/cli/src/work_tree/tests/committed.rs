//! What is committed, and what only looks like it.

use super::*;

#[test]
fn a_directory_outside_of_any_work_tree_has_none() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.toml"), "").unwrap();
    assert_eq!(look_at(dir.path()).unwrap(), WorkTree::None);
}

#[test]
fn what_is_committed_is_clean_and_names_its_commit() {
    let (repo, commit) = Repo::with(&[("a.toml", "a"), ("b.toml", "b"), ("notes.md", "n")]);
    assert_eq!(repo.look().unwrap(), clean(&commit));
    // Other files are no part of a manifest.
    repo.write("policy/notes.md", "changed");
    repo.write("policy/.toml", "no manifest reads it");
    repo.write("other.toml", "new");
    assert_eq!(repo.look().unwrap(), clean(&commit));
}

#[test]
fn a_manifest_at_the_top_of_its_work_tree_is_looked_at_there() {
    let repo = Repo::new();
    let blob = repo.object(Kind::Blob, b"a");
    let commit = repo.commit_of(&[("100644", "a.toml", blob)]);
    repo.write(".git/HEAD", &commit);
    repo.write("a.toml", "a");
    assert_eq!(look_at(repo.top()).unwrap(), clean(&commit));
    repo.write("b.toml", "b");
    assert_eq!(look_at(repo.top()).unwrap(), dirty(&commit, &["b.toml"]));
}

#[test]
fn changed_new_and_missing_files_are_named() {
    let (repo, commit) = Repo::with(&[("a.toml", "a"), ("b.toml", "b"), ("c.toml", "c")]);
    repo.write("policy/a.toml", "a ");
    fs::remove_file(repo.at("policy/b.toml")).unwrap();
    repo.write("policy/n\u{1b}[2J.toml", "new");
    let paths = ["policy/a.toml", "policy/b.toml", "policy/n\\u{1b}[2J.toml"];
    assert_eq!(repo.look().unwrap(), dirty(&commit, &paths));
}

/// The files are read by somebody else, before, and an agent can change them meanwhile.
#[test]
fn what_was_read_is_judged_and_not_what_is_there_now() {
    let (repo, commit) = Repo::with(&[("a.toml", "committed")]);
    let dir = repo.at("policy");
    repo.write("policy/a.toml", "planted");
    let read = crate::manifests::files(&dir).unwrap();
    repo.write("policy/a.toml", "committed");
    assert_eq!(look(&dir, &read).unwrap(), dirty(&commit, &["policy/a.toml"]));
    let read = crate::manifests::files(&dir).unwrap();
    fs::remove_dir_all(&dir).unwrap();
    fs::create_dir(&dir).unwrap();
    assert_eq!(look(&dir, &read).unwrap(), clean(&commit));
}

/// Git would call this clean: what a tree says of line endings and filters is the tree's to say.
#[test]
fn attributes_change_nothing() {
    let (repo, commit) = Repo::with(&[("a.toml", "a\nb\n")]);
    repo.write(".gitattributes", "*.toml text eol=crlf filter=x ident working-tree-encoding=UTF-16\n");
    repo.write("policy/a.toml", "a\r\nb\r\n");
    assert_eq!(repo.look().unwrap(), dirty(&commit, &["policy/a.toml"]));
}

/// `assume-unchanged` and the like are kept in the index, which nobody looks at.
#[test]
fn an_index_changes_nothing() {
    let (repo, commit) = Repo::with(&[TOOLS]);
    repo.write(".git/index", vec![0xff; 4_096]);
    assert_eq!(repo.look().unwrap(), clean(&commit));
}

#[test]
fn a_directory_that_is_not_committed_is_dirty_whole() {
    let (repo, commit) = Repo::with(&[TOOLS]);
    repo.write("new/a.toml", "a");
    assert_eq!(look_at(&repo.at("new")).unwrap(), dirty(&commit, &["new/a.toml"]));
    // Also where the commit has something else of that name, or the directory is the repository's own.
    for mode in ["100644", "120000", "160000"] {
        let commit = repo.commit_of(&[(mode, "new", repo.object(Kind::Blob, b"a"))]);
        repo.write(".git/refs/heads/main", &commit);
        assert_eq!(look_at(&repo.at("new")).unwrap(), dirty(&commit, &["new/a.toml"]), "{mode}");
    }
    repo.write(".git/policy/a.toml", "a");
    let WorkTree::Dirty { paths, .. } = look_at(&repo.at(".git/policy")).unwrap() else { panic!("clean") };
    assert_eq!(paths, [".git/policy/a.toml"]);
}

/// The bytes are equal, and what was committed is a link.
#[test]
fn a_committed_link_is_no_file() {
    let repo = Repo::new();
    repo.write("policy/a.toml", "/etc/passwd");
    let policy = repo.tree(&[("120000", "a.toml", repo.object(Kind::Blob, b"/etc/passwd"))]);
    let commit = repo.commit_of(&[("40000", "policy", policy)]);
    repo.write(".git/refs/heads/main", &commit);
    assert_eq!(repo.look().unwrap(), dirty(&commit, &["policy/a.toml"]));
}

#[test]
fn so_many_names_are_told() {
    let (repo, _) = Repo::with(&[TOOLS]);
    let blob = repo.object(Kind::Blob, b"");
    let names: Vec<String> = (0..300).map(|at| format!("{at:03}.toml")).collect();
    let policy = repo.tree(&names.iter().map(|name| ("100644", name.as_str(), blob)).collect::<Vec<_>>());
    repo.write(".git/refs/heads/main", repo.commit_of(&[("40000", "policy", policy)]));
    let WorkTree::Dirty { paths, .. } = repo.look().unwrap() else { panic!("clean") };
    assert_eq!((paths.len(), paths.last().unwrap().as_str()), (101, "and 201 more"));
}

#[test]
fn a_repository_without_a_commit_says_so() {
    let repo = Repo::new();
    repo.write("policy/a.toml", "a");
    assert!(matches!(repo.look(), Err(WorkTreeError::NoCommit { .. })));
    repo.write(".git/packed-refs", "# pack-refs with: peeled\n");
    assert!(matches!(repo.look(), Err(WorkTreeError::NoCommit { .. })));
}

#[test]
fn packed_references_are_read_and_loose_ones_come_first() {
    let (repo, commit) = Repo::with(&[TOOLS]);
    fs::remove_file(repo.at(".git/refs/heads/main")).unwrap();
    let other = "1".repeat(40);
    let packed = format!("# pack-refs\n{other} refs/heads/main2\n{other} xrefs/heads/main\n{commit} refs/heads/main\n");
    repo.write(".git/packed-refs", packed);
    assert_eq!(repo.look().unwrap(), clean(&commit));
    let second = repo.commit(&[("tools.toml", "changed")]);
    repo.write(".git/refs/heads/main", &second);
    assert_eq!(repo.look().unwrap(), dirty(&second, &["policy/tools.toml"]));
}
