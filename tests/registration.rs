//! Components of a real toolchain whose list of tools is the attack. Adding a case is adding a file to
//! `guests/hostile-list/examples`; what is made to measure for one attack is in `hostile_components`.

use hub::{RegisterError, Registration};
use manifest::ComponentName;
use tests::handed;
use tests::running::running;

fn register(wasm: Vec<u8>) -> Result<Registration, RegisterError> {
    let hub = running();
    let name = ComponentName::try_from("candidate").unwrap();
    hub.block_on(hub.hub.add_component(&name, wasm))
}

/// The stems of the files of a folder of guests, with this ending.
fn cases(folder: &str, ending: &str) -> Vec<String> {
    let mut stems: Vec<String> = std::fs::read_dir(handed::repository().join("tests/guests").join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    stems.sort();
    assert!(stems.len() > 10, "{folder} has its cases");
    stems
}

/// One bounded sentence, whatever the component said.
fn refused(case: &str, result: Result<Registration, RegisterError>) -> String {
    let error = result.expect_err(case);
    let text = error.to_string();
    assert!(!matches!(error, RegisterError::Io { .. } | RegisterError::Draining), "{case}: {text}");
    assert!(text.len() < 4096 && !text.contains('\u{1b}'), "{case}: {text:?}");
    text
}

#[test]
fn hostile_lists_of_tools_are_refused() {
    for case in cases("hostile-list/examples", "rs") {
        let path = handed::repository()
            .join("tests/guests/target/wasm32-wasip2/release/examples")
            .join(format!("{case}.wasm"));
        let result = register(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())));
        match case.as_str() {
            // The control, and one that finds nothing to reach.
            "good_list" | "list_reaches_out" => assert!(result.is_ok(), "{case}: {result:?}"),
            // A linear-time engine may take the pattern; a list without tools offers none.
            "slow_pattern" | "no_tools" => drop(result),
            // Kept, and cut.
            "huge_description" => {
                if let Ok(registration) = result {
                    assert!(registration.tools.iter().all(|tool| tool.description.len() <= 16 << 10), "{case}");
                }
            }
            _ => drop(refused(&case, result)),
        }
    }
}
