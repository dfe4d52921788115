//! The idle connections of a service, in the order in which they became idle.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many locks the connections are spread over.
const SHARDS: usize = 16;

/// The idle connections of a service, so that the longest idle can make room.
///
/// Which one that is, is approximate where several threads come and go at the same moment.
#[derive(Debug)]
pub struct IdleConnections<T> {
    shards: [Mutex<BTreeMap<u64, T>>; SHARDS],
    count: AtomicUsize,
    next: AtomicU64,
}

/// A place among the idle connections.
#[derive(Debug, PartialEq, Eq)]
pub struct IdlePlace(u64);

impl<T> Default for IdleConnections<T> {
    fn default() -> Self {
        Self {
            shards: Default::default(),
            count: AtomicUsize::new(0),
            next: AtomicU64::new(0),
        }
    }
}

impl<T> IdleConnections<T> {
    /// A connection becomes idle. Returns its place, and the connection that is to go where there
    /// are more than `max` now: the longest idle, be it the new one itself.
    pub fn enter(&self, connection: T, max: usize) -> (IdlePlace, Option<T>) {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        // Counted before anybody can take it out, so that the count is never below what is there: the
        // lock of the shard orders the two for whoever does.
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        self.shard(key).insert(key, connection);
        let shed = if count > max { self.shed() } else { None };
        (IdlePlace(key), shed)
    }

    /// A connection is idle no more. `None`: it was to go, and no longer has its place.
    pub fn leave(&self, place: IdlePlace) -> Option<T> {
        let connection = self.shard(place.0).remove(&place.0);
        self.taken(connection)
    }

    /// How many connections are idle.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Takes out the longest idle.
    fn shed(&self) -> Option<T> {
        let head = |shard: u64| self.shard(shard).first_key_value().map(|(key, _)| *key);
        let oldest = (0..SHARDS as u64).filter_map(head).min()?;
        let connection = self.shard(oldest).pop_first().map(|(_, it)| it);
        self.taken(connection)
    }

    fn taken(&self, connection: Option<T>) -> Option<T> {
        if connection.is_some() {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
        connection
    }

    /// The shard of `key`. Keys are given out in turn, so that the heads of the shards are the
    /// longest idle.
    fn shard(&self, key: u64) -> MutexGuard<'_, BTreeMap<u64, T>> {
        let shard = &self.shards[(key % SHARDS as u64) as usize];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[test]
    fn the_longest_idle_makes_room() {
        let idle = IdleConnections::default();
        for name in 0..40 {
            assert_eq!(idle.enter(name, 40).1, None);
        }
        assert_eq!(idle.enter(40, 40).1, Some(0));
        assert_eq!(idle.enter(41, 40).1, Some(1));
        assert_eq!(idle.count(), 40);
    }

    #[test]
    fn where_none_may_be_idle_the_new_one_goes() {
        let idle = IdleConnections::default();
        let (place, shed) = idle.enter("new", 0);
        assert_eq!(shed, Some("new"));
        assert_eq!(idle.leave(place), None);
        assert_eq!(idle.count(), 0);
    }

    #[test]
    fn a_connection_is_counted_before_it_can_be_taken_out() {
        let idle = IdleConnections::default();
        std::thread::scope(|scope| {
            let held = idle.shard(0);
            let entering = scope.spawn(|| idle.enter("new", 1));
            let started = std::time::Instant::now();
            while idle.count() == 0 {
                assert!(
                    started.elapsed().as_secs() < 30,
                    "it waits to be there first"
                );
                std::thread::yield_now();
            }
            assert!(held.is_empty());
            drop(held);
            let (place, shed) = entering.join().unwrap();
            assert_eq!(shed, None);
            assert_eq!(idle.leave(place), Some("new"));
            assert_eq!(idle.count(), 0);
        });
    }

    #[test]
    fn threads_never_see_more_than_there_are() {
        const THREADS: usize = 4;
        let idle = IdleConnections::default();
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..5_000 {
                        let (place, _) = idle.enter((), 0);
                        idle.leave(place);
                        assert!(idle.count() <= THREADS);
                    }
                });
            }
        });
        assert_eq!(idle.count(), 0);
    }

    proptest! {
        #[test]
        fn one_thread_sees_an_exact_queue(
            max in 0..24usize,
            steps in proptest::collection::vec(proptest::option::of(0..64usize), 0..200),
        ) {
            let idle = IdleConnections::default();
            let mut places = Vec::new();
            let mut model = VecDeque::new();
            for (name, step) in steps.into_iter().enumerate() {
                match step {
                    None => {
                        model.push_back(name);
                        let (place, shed) = idle.enter(name, max);
                        prop_assert_eq!(shed, if model.len() > max { model.pop_front() } else { None });
                        places.push((name, place));
                    }
                    Some(at) if !places.is_empty() => {
                        let (name, place) = places.swap_remove(at % places.len());
                        let there = model.iter().position(|it| *it == name);
                        prop_assert_eq!(idle.leave(place), there.and_then(|at| model.remove(at)));
                    }
                    Some(_) => {}
                }
                prop_assert_eq!(idle.count(), model.len());
                prop_assert!(idle.count() <= max);
            }
        }
    }
}
