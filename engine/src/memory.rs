//! The memory that slices at work may hold together.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A budget in bytes that slices reserve from before they start.
#[derive(Debug, Clone)]
pub struct MemoryBudget {
    permits: Arc<Semaphore>,
    /// In KiB: a semaphore counts in 32 bits.
    total: u32,
}

/// Bytes that are reserved until this is dropped.
#[derive(Debug)]
pub struct Reserved {
    _permit: OwnedSemaphorePermit,
}

impl MemoryBudget {
    /// A budget of `bytes`.
    pub fn new(bytes: u64) -> Self {
        let total = u32::try_from(bytes / 1024)
            .unwrap_or(u32::MAX >> 3)
            .clamp(2, u32::MAX >> 3);
        Self {
            permits: Arc::new(Semaphore::new(total as usize)),
            total,
        }
    }

    /// Waits until `bytes` are free and takes them; what is larger than the budget takes all of it,
    /// and so is alone.
    pub async fn reserve(&self, bytes: u64) -> Reserved {
        self.take(bytes, self.total).await
    }

    async fn take(&self, bytes: u64, most: u32) -> Reserved {
        let wanted = u32::try_from(bytes.div_ceil(1024))
            .unwrap_or(u32::MAX)
            .min(most);
        let permit = Arc::clone(&self.permits)
            .acquire_many_owned(wanted)
            .await
            .expect("the budget is never closed");
        Reserved { _permit: permit }
    }
}

/// What a unit holds besides its slices, from the first of them until it is committed or given up.
#[derive(Debug)]
pub struct UnitMemory {
    bytes: u64,
    held: Mutex<Held>,
}

#[derive(Debug)]
enum Held {
    NotYet,
    Since { _reserved: Reserved },
    Over,
}

impl UnitMemory {
    /// Of a unit that will hold `bytes`.
    pub fn new(bytes: u64) -> Self {
        Self {
            bytes,
            held: Mutex::new(Held::NotYet),
        }
    }

    /// Reserves `bytes` for a slice, and before its first one for the unit. A slice that is larger than
    /// what is left beside its unit takes all of that.
    pub async fn reserve_slice(&self, budget: &MemoryBudget, bytes: u64) -> Reserved {
        // Half of the budget stays for slices, or a large unit would wait for itself.
        let most = budget.total / 2;
        if matches!(*self.held.lock(), Held::NotYet) {
            let reserved = budget.take(self.bytes, most).await;
            let mut held = self.held.lock();
            if matches!(*held, Held::NotYet) {
                *held = Held::Since {
                    _reserved: reserved,
                };
            }
        }
        let own = u32::try_from(self.bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        budget.take(bytes, budget.total - own.min(most)).await
    }

    /// Gives back what the unit holds; it takes nothing from then on.
    pub fn release(&self) {
        *self.held.lock() = Held::Over;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MIB: u64 = 1 << 20;

    async fn waits<F: Future>(future: F) -> bool {
        tokio::time::timeout(Duration::from_millis(20), future)
            .await
            .is_err()
    }

    #[tokio::test]
    async fn a_unit_holds_its_bytes_until_it_is_over() {
        let budget = MemoryBudget::new(10 * MIB);
        let unit = UnitMemory::new(4 * MIB);
        let slice = unit.reserve_slice(&budget, 3 * MIB).await;
        assert!(waits(budget.reserve(4 * MIB)).await);
        drop(slice);
        assert!(waits(budget.reserve(7 * MIB)).await);
        drop(budget.reserve(6 * MIB).await);
        unit.release();
        drop(budget.reserve(10 * MIB).await);
        // A slice that starts late takes nothing for a unit that is over.
        let late = unit.reserve_slice(&budget, MIB).await;
        drop(budget.reserve(9 * MIB).await);
        drop(late);
    }

    #[tokio::test]
    async fn what_is_larger_than_the_budget_runs_alone() {
        let budget = MemoryBudget::new(10 * MIB);
        for bytes in [MIB, 100 * MIB, u64::MAX] {
            let unit = UnitMemory::new(bytes);
            let slice = unit.reserve_slice(&budget, u64::MAX).await;
            assert!(waits(budget.reserve(MIB)).await, "{bytes}");
            drop(slice);
            unit.release();
        }
        drop(budget.reserve(u64::MAX).await);
    }
}
