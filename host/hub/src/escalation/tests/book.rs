//! The book with more in it than a hub ever has.

use super::*;
use crate::escalation::asked::Asked;
use crate::escalation::binding::ApprovalId;
use crate::escalation::book::{Book, Full, Standing};
use manifest::{Digest, ProfileName};
use std::sync::Arc;

fn asked(number: usize) -> Arc<Asked> {
    let arguments = format!(r#"{{"n":{number}}}"#);
    let binding = Binding {
        principal: format!("p{}", number / 64),
        session: SessionId(format!("s{}", number / 8)),
        arguments: Digest::of(arguments.as_bytes()),
        ..binding()
    };
    Arc::new(Asked {
        id: ApprovalId::random().unwrap(),
        binding,
        profile: ProfileName::try_from("everyone").unwrap(),
        arguments,
        grants: Vec::new(),
        tool_says: String::new(),
        outside: None,
        requested: at(0),
    })
}

#[test]
fn a_thousand_wait_and_no_more_and_each_is_found() {
    let mut book = Book::default();
    let all: Vec<_> = (0..1000).map(asked).collect();
    for asked in &all {
        assert_eq!(book.room(&asked.binding), Ok(()));
        book.open(asked.clone());
    }
    assert_eq!(book.room(&asked(5000).binding), Err(Full { limit: "pending_approvals", value: 1000 }));
    for asked in &all {
        assert_eq!(book.standing(&asked.binding, at(599)), Standing::Pending(asked.clone(), at(600)));
    }
    // One that is answered makes room for one.
    assert!(book.take_back(&all[0].id, "test"));
    assert_eq!(book.room(&asked(5000).binding), Ok(()));
    // All of them end, are told to the store once, and are forgotten.
    book.sweep(at(600));
    assert_eq!(book.take_unwritten().len(), 1000);
    book.sweep(at(1199));
    assert_eq!(book.entries().count(), 1000);
    book.sweep(at(1200));
    assert_eq!((book.entries().count(), book.take_unwritten().len()), (0, 0));
    assert_eq!(book.standing(&all[1].binding, at(1200)), Standing::Unasked);
}
