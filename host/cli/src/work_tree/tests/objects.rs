//! Objects that claim what they are not, or more than there is room for.

use super::*;

/// `HEAD` is an object that is written here.
fn at(id: &str) -> Repo {
    let (repo, _) = Repo::with(&[TOOLS]);
    repo.write(".git/HEAD", id);
    repo
}

const ID: &str = "0123456789012345678901234567890123456789";

#[test]
fn a_header_that_claims_ten_gibibytes_gets_no_room() {
    for size in ["10737418240", "18446744073709551615", "4194305"] {
        let repo = at(ID);
        repo.loose(ID, format!("commit {size}\0").as_bytes(), b"tree");
        assert!(matches!(repo.look(), Err(WorkTreeError::TooLarge { .. })), "{size}");
    }
    let repo = at(ID);
    repo.loose(ID, b"commit 99999999999999999999999999\0", b"tree");
    assert!(matches!(repo.look(), Err(WorkTreeError::Damaged { .. })));
}

#[test]
fn what_inflates_beyond_its_header_is_not_inflated() {
    let repo = at(ID);
    repo.loose(ID, b"commit 4\0", &vec![0; 256 << 20]);
    assert!(fs::metadata(repo.at(&format!(".git/objects/01/{}", &ID[2..]))).unwrap().len() < 4 << 20);
    assert!(matches!(repo.look(), Err(WorkTreeError::Damaged { what: "it is another object than its name says", .. })));
    let repo = at(ID);
    repo.loose(ID, &vec![b'c'; 256 << 20], b"");
    assert!(matches!(repo.look(), Err(WorkTreeError::Damaged { .. })));
}

#[test]
fn a_file_that_is_no_object_is_damage() {
    let name = format!(".git/objects/01/{}", &ID[2..]);
    for bytes in [&b""[..], b"\x78\x9c", b"commit 4\0tree", &[0xff; 100]] {
        let repo = at(ID);
        repo.write(&name, bytes);
        assert!(matches!(repo.look(), Err(WorkTreeError::Damaged { .. })), "{bytes:?}");
    }
    for header in [&b"commit 5\0"[..], b"commit -1\0", b"commit\0", b"other 4\0", b"commit 4"] {
        let repo = at(ID);
        repo.loose(ID, header, b"tree");
        assert!(matches!(repo.look(), Err(WorkTreeError::Damaged { .. })), "{header:?}");
    }
    let repo = at(ID);
    fs::create_dir_all(repo.at(".git/objects/01")).unwrap();
    fs::File::create(repo.at(&name)).unwrap().set_len(1 << 40).unwrap();
    assert!(matches!(repo.look(), Err(WorkTreeError::TooLarge { .. })));
    fs::remove_file(repo.at(&name)).unwrap();
    fifo(&repo.at(&name));
    assert!(matches!(repo.look(), Err(WorkTreeError::Refused { .. })));
    fs::remove_file(repo.at(&name)).unwrap();
    symlink("/etc/passwd", repo.at(&name)).unwrap();
    assert!(matches!(repo.look(), Err(WorkTreeError::Refused { .. })));
}

/// The commit, or the tree of the manifest, under the name of what was reviewed.
#[test]
fn an_object_under_anothers_name_is_found_out() {
    let (repo, commit) = Repo::with(&[("tools.toml", "reviewed")]);
    repo.write("policy/tools.toml", "planted");
    let planted = repo.commit(&[("tools.toml", "planted")]);
    let object = |id: &str| format!(".git/objects/{}/{}", &id[..2], &id[2..]);
    let honest = fs::read(repo.at(&object(&commit))).unwrap();
    fs::copy(repo.at(&object(&planted)), repo.at(&object(&commit))).unwrap();
    let other = "it is another object than its name says";
    assert!(matches!(repo.look(), Err(WorkTreeError::Damaged { what, .. }) if what == other));
    repo.write(&object(&commit), honest);
    assert_eq!(repo.look().unwrap(), dirty(&commit, &["policy/tools.toml"]));
    let tree =
        |text: &str| repo.tree(&[("100644", "tools.toml", repo.object(Kind::Blob, text.as_bytes()))]).to_string();
    fs::copy(repo.at(&object(&tree("planted"))), repo.at(&object(&tree("reviewed")))).unwrap();
    // `tree` wrote the honest one again before it was overwritten.
    assert!(matches!(repo.look(), Err(WorkTreeError::Damaged { what, .. }) if what == other));
}

#[test]
fn head_is_a_commit_and_its_tree_a_tree() {
    let (repo, _) = Repo::with(&[TOOLS]);
    let blob = repo.object(Kind::Blob, b"tree 0123456789012345678901234567890123456789\n");
    let tag = repo.object(Kind::Tag, b"object 0123456789012345678901234567890123456789\ntype commit\ntag x\n\n");
    let empty = repo.object(Kind::Commit, b"");
    let no_tree = repo.object(Kind::Commit, format!("tree {blob}\n").as_bytes());
    for id in [blob, tag, empty, no_tree] {
        repo.write(".git/HEAD", id.to_string());
        assert!(matches!(repo.look(), Err(WorkTreeError::Damaged { .. })), "{id}");
    }
    let torn = repo.object(Kind::Tree, b"40000 policy\0short");
    let commit = format!("tree {torn}\nauthor a <a> 0 +0000\ncommitter a <a> 0 +0000\n\n");
    repo.write(".git/HEAD", repo.object(Kind::Commit, commit.as_bytes()).to_string());
    assert!(matches!(repo.look(), Err(WorkTreeError::Damaged { .. })));
}

/// Whoever reads the first of the two sees another manifest than whoever reads the second.
#[test]
fn a_tree_with_a_name_twice_is_damage() {
    let (repo, _) = Repo::with(&[TOOLS]);
    let (one, two) = (repo.object(Kind::Blob, TOOLS.1.as_bytes()), repo.object(Kind::Blob, b"other"));
    for pair in [[one, two], [two, one]] {
        let policy = repo.tree(&[("100644", TOOLS.0, pair[0]), ("100644", TOOLS.0, pair[1])]);
        repo.write(".git/HEAD", repo.commit_of(&[("40000", "policy", policy)]));
        assert!(matches!(repo.look(), Err(WorkTreeError::Damaged { what: "a tree in it has a name twice", .. })));
    }
    let policies = [repo.tree(&[("100644", TOOLS.0, one)]), repo.tree(&[])];
    repo.write(".git/HEAD", repo.commit_of(&[("40000", "policy", policies[0]), ("40000", "policy", policies[1])]));
    assert!(matches!(repo.look(), Err(WorkTreeError::Damaged { .. })));
}

#[test]
fn packs_are_bounded_and_indices_are_checked() {
    let repo = at(ID);
    let pack = |name: &str| repo.at(".git/objects/pack").join(name);
    fs::write(pack("pack-1.idx"), b"\xfftOc").unwrap();
    assert!(matches!(repo.look(), Err(WorkTreeError::Damaged { .. })));
    fs::File::create(pack("pack-1.idx")).unwrap().set_len(1 << 40).unwrap();
    assert!(matches!(repo.look(), Err(WorkTreeError::TooLarge { .. })));
    fs::remove_file(pack("pack-1.idx")).unwrap();
    fifo(&pack("pack-1.idx"));
    assert!(matches!(repo.look(), Err(WorkTreeError::Refused { .. })));
    fs::remove_file(pack("pack-1.idx")).unwrap();

    let index = index(&[(ID, 12)]);
    fs::write(pack("pack-1.idx"), &index).unwrap();
    assert!(matches!(repo.look(), Err(WorkTreeError::Damaged { what: "there is only its index", .. })));
    fs::File::create(pack("pack-1.pack")).unwrap().set_len(1 << 40).unwrap();
    assert!(matches!(repo.look(), Err(WorkTreeError::TooLarge { .. })));
    fs::remove_file(pack("pack-1.pack")).unwrap();
    symlink("/etc/passwd", pack("pack-1.pack")).unwrap();
    assert!(matches!(repo.look(), Err(WorkTreeError::Refused { .. })));
    fs::remove_file(pack("pack-1.pack")).unwrap();
    fs::remove_file(pack("pack-1.idx")).unwrap();
    for at in 0..=512 {
        fs::write(pack(&format!("pack-{at}.idx")), "").unwrap();
    }
    assert!(matches!(repo.look(), Err(WorkTreeError::TooMany { what: "packs", .. })));
    for at in 0..8_192 {
        fs::write(pack(&at.to_string()), "").unwrap();
    }
    assert!(matches!(repo.look(), Err(WorkTreeError::TooMany { what: "files", .. })));
}

/// Entries of a pack whose headers claim gibibytes, bases that are themselves, bases before the pack, and nothing.
#[test]
fn hostile_entries_of_a_pack_are_damage() {
    let huge = [0x9f, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x78, 0x9c];
    let own_base = {
        let mut entry = vec![0x74];
        entry.extend(hex::decode(ID).unwrap());
        entry
    };
    let entries: [&[u8]; 6] = [&huge, &own_base, &[0x64, 0x00], &[0x64, 0x7f], &[0x14], &[]];
    for entry in entries {
        for offset in [12_u64, 13, 4_000, u64::from(u32::MAX >> 1)] {
            let repo = at(ID);
            let mut pack = b"PACK\0\0\0\x02\0\0\0\x01".to_vec();
            pack.extend(entry);
            pack.extend([0; 20]);
            repo.write(".git/objects/pack/pack-1.pack", &pack);
            repo.write(".git/objects/pack/pack-1.idx", index(&[(ID, offset)]));
            assert!(matches!(repo.look(), Err(WorkTreeError::Damaged { .. })), "{entry:?} at {offset}");
        }
    }
}

/// An index that says that these objects are there.
fn index(objects: &[(&str, u64)]) -> Vec<u8> {
    let mut bytes = b"\xfftOc\0\0\0\x02".to_vec();
    let ids: Vec<Vec<u8>> = objects.iter().map(|(id, _)| hex::decode(id).unwrap()).collect();
    for first in 0..=255_u8 {
        let below = ids.iter().filter(|id| id[0] <= first).count();
        bytes.extend(u32::try_from(below).unwrap().to_be_bytes());
    }
    bytes.extend(ids.concat());
    bytes.extend(vec![0; 4 * ids.len()]);
    for (_, offset) in objects {
        bytes.extend(u32::try_from(*offset).unwrap().to_be_bytes());
    }
    bytes.extend([0; 40]);
    bytes
}
