//! How many processes of clients run and start at once, so that what a case sees is not the work of
//! starting others.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::driver::Driver;
use super::table::Kind;
use super::Client;
use crate::case::Failure;
use crate::wire::Transport;

/// How many programs run at once.
const PROGRAMS: usize = 8;

/// How many drivers live at once. They wait most of the time; it is their memory that counts.
const DRIVERS: usize = 32;

/// How many drivers start at once: that takes a core each.
const STARTS: usize = 2;

/// Gives leave to start processes.
#[derive(Clone, Debug)]
pub struct Leave {
    programs: Arc<Semaphore>,
    drivers: Arc<Semaphore>,
    starts: Arc<Semaphore>,
}

/// What the client of a case has before the case begins.
#[derive(Debug, Default)]
pub struct Prepared {
    /// The driver, of a client that has one.
    pub driver: Option<Driver>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Leave {
    /// For one run.
    pub fn new() -> Leave {
        Leave {
            programs: Arc::new(Semaphore::new(PROGRAMS)),
            drivers: Arc::new(Semaphore::new(DRIVERS)),
            starts: Arc::new(Semaphore::new(STARTS)),
        }
    }

    /// Waits for the turn of a client, and starts its driver: neither is part of a case. The turn
    /// lasts until what is returned is dropped.
    pub async fn prepare(&self, client: Client, over: Transport) -> Result<Prepared, Failure> {
        let turn = |of: &Arc<Semaphore>| of.clone().acquire_owned();
        let mut prepared = Prepared::default();
        match client.kind() {
            Kind::Within => {}
            Kind::Program => prepared._permit = turn(&self.programs).await.ok(),
            Kind::Driver(command) => {
                prepared._permit = turn(&self.drivers).await.ok();
                let _starting = turn(&self.starts).await;
                prepared.driver = Some(Driver::start(client, command, over).await?);
            }
        }
        Ok(prepared)
    }
}

impl Default for Leave {
    fn default() -> Leave {
        Leave::new()
    }
}
