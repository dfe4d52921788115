//! How many processes of clients run and start at once, so that what a case sees is not the work of
//! starting others.
//!
//! A driver serves one case after the other. A case has taps of its own, on ports of their own, and
//! no pool takes a connection to one port for another: what earlier cases left is of no use to it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::driver::Driver;
use super::table::Kind;
use super::Client;
use crate::case::Failure;

/// How many programs run at once.
const PROGRAMS: usize = 8;

/// How many drivers of a client live at once. They wait most of the time, but take memory.
const DRIVERS: usize = 4;

/// How many drivers start at once: that takes a core each.
const STARTS: usize = 2;

/// Gives leave to start processes.
#[derive(Clone, Debug)]
pub struct Leave {
    programs: Arc<Semaphore>,
    starts: Arc<Semaphore>,
    homes: Arc<[Arc<Home>]>,
}

/// The drivers of one client.
#[derive(Debug)]
struct Home {
    turns: Arc<Semaphore>,
    free: Mutex<Vec<Driver>>,
}

/// A driver that is a case's own until this is dropped.
#[derive(Debug)]
pub struct Lease {
    // Taken out when it goes back.
    driver: Option<Driver>,
    home: Arc<Home>,
    _turn: Option<OwnedSemaphorePermit>,
}

/// What the client of a case has before the case begins.
#[derive(Debug, Default)]
pub struct Prepared {
    /// The driver, of a client that has one.
    pub driver: Option<Lease>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Leave {
    /// For one run.
    pub fn new() -> Leave {
        let home = |_| {
            Arc::new(Home {
                turns: Arc::new(Semaphore::new(DRIVERS)),
                free: Mutex::default(),
            })
        };
        Leave {
            programs: Arc::new(Semaphore::new(PROGRAMS)),
            starts: Arc::new(Semaphore::new(STARTS)),
            homes: Client::all().map(home).collect(),
        }
    }

    /// Waits for the turn of a client, and for its driver to start where none is free: neither is
    /// part of a case. The turn lasts until what is returned is dropped.
    pub async fn prepare(&self, client: Client) -> Result<Prepared, Failure> {
        let mut prepared = Prepared::default();
        match client.kind() {
            Kind::Within => {}
            Kind::Program => {
                prepared._permit = self.programs.clone().acquire_owned().await.ok();
            }
            Kind::Driver(command) => {
                let home = &self.homes[client as usize];
                let turn = home.turns.clone().acquire_owned().await.ok();
                let free = home.free().pop();
                let driver = match free {
                    Some(driver) => driver,
                    None => {
                        let _starting = self.starts.acquire().await;
                        Driver::start(client, command).await?
                    }
                };
                prepared.driver = Some(Lease {
                    driver: Some(driver),
                    home: home.clone(),
                    _turn: turn,
                });
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

impl Home {
    fn free(&self) -> MutexGuard<'_, Vec<Driver>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// The driver.
    pub fn driver(&mut self) -> Result<&mut Driver, Failure> {
        let none = || Failure::wrong("a driver", "a lease that is over");
        self.driver.as_mut().ok_or_else(none)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // One that owes an answer would give it to another case.
        if let Some(driver) = self.driver.take().filter(Driver::is_free) {
            self.home.free().push(driver);
        }
    }
}
