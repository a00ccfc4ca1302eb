//! How often passwords may be tried: by one address for one user, by one address, and for one user.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Counters that are kept before those that are full again are dropped.
const MAX_KEPT: usize = 10_000;

/// How many tries there are at once, and how long until there is another.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    tries: u32,
    each: Duration,
}

const OF_ADDRESS_AND_USER: Allowance = Allowance {
    tries: 10,
    each: Duration::from_secs(30),
};
const OF_ADDRESS: Allowance = Allowance {
    tries: 50,
    each: Duration::from_secs(5),
};
/// Wider than that of an address, so that a stranger does not easily keep a user out.
const OF_USER: Allowance = Allowance {
    tries: 100,
    each: Duration::from_secs(10),
};

/// Counts tries of passwords. A right one costs nothing.
#[derive(Default)]
pub(crate) struct Throttle(Mutex<Tries>);

#[derive(Default)]
struct Tries {
    of_address_and_user: Counters<(IpAddr, String)>,
    of_address: Counters<IpAddr>,
    of_user: Counters<String>,
}

impl Throttle {
    /// Takes a try of `username`'s password from `address`.
    ///
    /// # Errors
    /// How long until there is one again. Whether there is such a user makes no difference.
    pub(crate) fn take(&self, address: IpAddr, username: &str) -> Result<(), Duration> {
        let now = Instant::now();
        let address = network(address);
        let pair = (address, username.to_owned());
        let mut tries = self.0.lock();
        let wait = [
            tries
                .of_address_and_user
                .wait(&pair, OF_ADDRESS_AND_USER, now),
            tries.of_address.wait(&address, OF_ADDRESS, now),
            tries.of_user.wait(&pair.1, OF_USER, now),
        ];
        if let Some(wait) = wait.into_iter().flatten().max() {
            return Err(wait);
        }
        tries.of_user.take(pair.1.clone(), OF_USER, now);
        tries.of_address.take(address, OF_ADDRESS, now);
        tries
            .of_address_and_user
            .take(pair, OF_ADDRESS_AND_USER, now);
        Ok(())
    }

    /// Gives a try back: the password was right.
    pub(crate) fn give_back(&self, address: IpAddr, username: &str) {
        let address = network(address);
        let pair = (address, username.to_owned());
        let mut tries = self.0.lock();
        tries.of_user.give_back(&pair.1, OF_USER);
        tries.of_address.give_back(&address, OF_ADDRESS);
        tries
            .of_address_and_user
            .give_back(&pair, OF_ADDRESS_AND_USER);
    }
}

/// What one customer of a network provider has: an address of IPv4, 64 bits of IPv6.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
    }
}

/// For each key, when its allowance will be whole again: a bucket that fills by itself.
struct Counters<K>(HashMap<K, Instant>);

impl<K> Default for Counters<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq> Counters<K> {
    /// How long until there is a try; `None` when there is one now.
    fn wait(&self, key: &K, allowance: Allowance, now: Instant) -> Option<Duration> {
        let whole = self.0.get(key)?;
        let missing = whole.saturating_duration_since(now) + allowance.each;
        let wait = missing.saturating_sub(allowance.each * allowance.tries);
        (!wait.is_zero()).then_some(wait)
    }

    fn take(&mut self, key: K, allowance: Allowance, now: Instant) {
        if self.0.len() >= MAX_KEPT {
            self.0.retain(|_, whole| *whole > now);
        }
        let whole = self.0.entry(key).or_insert(now);
        *whole = (*whole).max(now) + allowance.each;
    }

    fn give_back(&mut self, key: &K, allowance: Allowance) {
        if let Some(whole) = self.0.get_mut(key) {
            *whole -= allowance.each;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn tries_run_out_by_pair_address_and_user() {
        let throttle = Throttle::default();
        for _ in 0..OF_ADDRESS_AND_USER.tries {
            throttle.take(address(1), "vera").unwrap();
        }
        let wait = throttle.take(address(1), "vera").unwrap_err();
        assert!(wait <= OF_ADDRESS_AND_USER.each && wait > OF_ADDRESS_AND_USER.each / 2);
        // Others go on, until the address is known for it.
        for user in 0..OF_ADDRESS.tries - OF_ADDRESS_AND_USER.tries {
            throttle.take(address(1), &user.to_string()).unwrap();
        }
        throttle.take(address(1), "olga").unwrap_err();
        throttle.take(address(2), "vera").unwrap();
    }

    #[test]
    fn many_addresses_cannot_guess_one_user() {
        let throttle = Throttle::default();
        for last in 0..OF_USER.tries {
            throttle.take(address(last as u8), "vera").unwrap();
        }
        throttle.take(address(200), "vera").unwrap_err();
        throttle.take(address(200), "olga").unwrap();
    }

    #[test]
    fn right_passwords_cost_nothing() {
        let throttle = Throttle::default();
        for _ in 0..1000 {
            throttle.take(address(1), "vera").unwrap();
            throttle.give_back(address(1), "vera");
        }
    }
}
