//! A governor that says what a test wants and keeps what it is told.

use egress::{Approval, Behalf, Described, Egress, Ended, Governor, Refused, Standing};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use manifest::Tier;
use manifest::http::HttpGrant;
use protocol::HttpFault;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

pub struct Desk {
    pub grants: Mutex<Vec<HttpGrant>>,
    pub told: watch::Sender<Vec<Egress>>,
    pub asked: Mutex<Vec<Described>>,
    pub approval: Mutex<Approval>,
    pub budget: Mutex<u64>,
    /// Nothing can be written down.
    pub mute: Mutex<bool>,
}

impl Desk {
    pub fn new(grants: impl IntoIterator<Item = HttpGrant>) -> Arc<Self> {
        Arc::new(Self {
            grants: Mutex::new(grants.into_iter().collect()),
            told: watch::channel(Vec::new()).0,
            asked: Mutex::default(),
            approval: Mutex::new(Approval::Wanted),
            budget: Mutex::new(u64::MAX),
            mute: Mutex::new(false),
        })
    }

    pub fn told(&self) -> Vec<Egress> {
        self.told.borrow().clone()
    }

    /// How requests ended, in words.
    pub fn ends(&self) -> Vec<Ended> {
        self.told().into_iter().map(|egress| egress.ended).collect()
    }

    /// Waits until somebody is told something like it.
    pub async fn until(&self, like: impl Fn(&Egress) -> bool) -> Egress {
        let mut told = self.told.subscribe();
        let told = told.wait_for(|told| told.iter().any(&like)).await.unwrap();
        told.iter().find(|egress| like(egress)).unwrap().clone()
    }

    /// The reason that an operator gets for the last one.
    pub fn why(&self) -> String {
        match self.ends().pop() {
            Some(Ended::Failed(_, why)) => why,
            other => format!("{other:?}"),
        }
    }
}

impl Governor for Desk {
    fn standing(&self) -> Result<Standing, Refused> {
        Ok(Standing { grants: self.grants.lock().unwrap().clone().into() })
    }

    fn approval(&self, request: &Described) -> BoxFuture<'_, Approval> {
        self.asked.lock().unwrap().push(request.clone());
        let approval = *self.approval.lock().unwrap();
        async move { approval }.boxed()
    }

    fn spend(&self, bytes: u64) -> Result<(), Refused> {
        let mut budget = self.budget.lock().unwrap();
        match budget.checked_sub(bytes) {
            Some(left) => *budget = left,
            None => return Err(Refused { fault: HttpFault::Budget, operator: "the budget is used up".to_owned() }),
        }
        Ok(())
    }

    fn record(&self, egress: Egress) -> BoxFuture<'_, Result<(), Refused>> {
        let mute = *self.mute.lock().unwrap();
        if mute {
            let refused = Refused { fault: HttpFault::Unrecorded, operator: "the disk is full".to_owned() };
            return async { Err(refused) }.boxed();
        }
        self.told.send_modify(|told| told.push(egress));
        async { Ok(()) }.boxed()
    }
}

pub fn behalf(session: &str, principal: &str) -> Behalf {
    Behalf {
        used: Vec::new(),
        call: uuid::Uuid::new_v4(),
        session: session.to_owned(),
        principal: principal.to_owned(),
        tool: "tool".to_owned(),
        tier: Tier::User,
    }
}
