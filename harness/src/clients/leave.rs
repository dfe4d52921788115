//! How many processes of clients run and start at once, so that what a case sees is not the work of
//! starting others.
//!
//! A driver serves one case after the other. A case has taps of its own, on ports of their own, and
//! no pool takes a connection to one port for another: what earlier cases left is of no use to it.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::chromium::Chromium;
use super::driver::Driver;
use super::table::Kind;
use super::Client;
use crate::case::Failure;

/// How many programs run at once.
const PROGRAMS: usize = 8;

/// How many drivers of a client live at once. They wait most of the time, but take memory.
const DRIVERS: usize = 4;

/// How many browsers live at once. One takes a core while it loads a page, and others wait for theirs.
const BROWSERS: usize = 1;

/// How many drivers start at once: that takes a core each.
const STARTS: usize = 2;

/// Gives leave to start processes.
#[derive(Clone, Debug)]
pub struct Leave {
    programs: Arc<Semaphore>,
    starts: Arc<Semaphore>,
    homes: Arc<[Arc<Home<Driver>>]>,
    browsers: Arc<Home<Chromium>>,
}

/// What serves one case after the other.
pub trait Reusable {
    /// Whether it may serve another case.
    fn is_free(&self) -> bool;
}

impl Reusable for Driver {
    fn is_free(&self) -> bool {
        // One that owes an answer would give it to another case.
        Driver::is_free(self)
    }
}

/// The drivers of one client.
#[derive(Debug)]
struct Home<T> {
    turns: Arc<Semaphore>,
    free: Mutex<Vec<T>>,
}

/// A driver that is a case's own until this is dropped.
#[derive(Debug)]
pub struct Lease<T: Reusable = Driver> {
    // Taken out when it goes back.
    driver: Option<T>,
    home: Arc<Home<T>>,
    _turn: Option<OwnedSemaphorePermit>,
}

/// What the client of a case has before the case begins.
#[derive(Debug, Default)]
pub struct Prepared {
    /// The driver, of a client that has one.
    pub driver: Option<Lease>,
    /// The browser, of the client that is one.
    pub browser: Option<Lease<Chromium>>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Leave {
    /// For one run.
    pub fn new() -> Leave {
        Leave {
            programs: Arc::new(Semaphore::new(PROGRAMS)),
            starts: Arc::new(Semaphore::new(STARTS)),
            homes: Client::all().map(|_| Home::of(DRIVERS)).collect(),
            browsers: Home::of(BROWSERS),
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
                let start = || Driver::start(client, command);
                prepared.driver = Some(home.lease(&self.starts, start).await?);
            }
            Kind::Browser => {
                let lease = self.browsers.lease(&self.starts, Chromium::start);
                prepared.browser = Some(lease.await?);
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

impl<T: Reusable> Home<T> {
    /// Of at most so many at once.
    fn of(most: usize) -> Arc<Home<T>> {
        Arc::new(Home {
            turns: Arc::new(Semaphore::new(most)),
            free: Mutex::default(),
        })
    }

    /// Waits for a turn, and takes one that is free or starts one.
    async fn lease<F>(
        self: &Arc<Self>,
        starts: &Semaphore,
        start: impl FnOnce() -> F,
    ) -> Result<Lease<T>, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let turn = self.turns.clone().acquire_owned().await.ok();
        let free = self.free().pop();
        let driver = match free {
            Some(driver) => driver,
            None => {
                let _starting = starts.acquire().await;
                start().await?
            }
        };
        Ok(Lease {
            driver: Some(driver),
            home: self.clone(),
            _turn: turn,
        })
    }

    fn free(&self) -> MutexGuard<'_, Vec<T>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Reusable> Lease<T> {
    /// The driver.
    pub fn driver(&mut self) -> Result<&mut T, Failure> {
        let none = || Failure::wrong("a driver", "a lease that is over");
        self.driver.as_mut().ok_or_else(none)
    }
}

impl<T: Reusable> Drop for Lease<T> {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.take().filter(T::is_free) {
            self.home.free().push(driver);
        }
    }
}
