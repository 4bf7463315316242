//! Argon2id by itself: the crate and parameters of the daemon, on all cores.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::Failure;
use crate::plan::Plan;
use crate::process;
use crate::site::PASSWORD;
use crate::stats::Window;

/// Where a hash gets its memory from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Memory {
    /// Kept by the thread from hash to hash, as the daemon does.
    Reused,
    /// Fresh for each hash: what the crate's own call, `hash_password_into`, does.
    Allocated,
}

/// Hashes on one thread a core for a round and counts.
pub(crate) fn measure(memory: Memory, plan: &Plan) -> Result<Window, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let done = Arc::new(AtomicU64::new(0));
    let threads: Vec<_> = (0..cores())
        .map(|_| {
            let (stop, done) = (Arc::clone(&stop), Arc::clone(&done));
            thread::spawn(move || hash_until(memory, &stop, &done))
        })
        .collect();
    thread::sleep(plan.warm_up);
    let own = std::process::id();
    let (from, cpu, before) = (
        Instant::now(),
        process::cpu(own)?,
        done.load(Ordering::Relaxed),
    );
    thread::sleep(plan.round);
    let window = Window {
        done: done.load(Ordering::Relaxed) - before,
        elapsed: from.elapsed(),
        cpu: process::cpu(own)?.saturating_sub(cpu),
    };
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().map_err(|_| "a hashing thread panicked")??;
    }
    Ok(window)
}

/// Cores this process may use.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

fn hash_until(memory: Memory, stop: &AtomicBool, done: &AtomicU64) -> Result<(), Failure> {
    // The defaults of the daemon: m = 19,456 KiB, t = 2, p = 1.
    let params = Params::new(19_456, 2, 1, Some(32))?;
    let mut blocks = match memory {
        Memory::Reused => vec![Block::default(); params.block_count()],
        Memory::Allocated => Vec::new(),
    };
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let (password, salt, mut out) = (PASSWORD.as_bytes(), [7_u8; 16], [0_u8; 32]);
    while !stop.load(Ordering::Relaxed) {
        match memory {
            Memory::Reused => {
                argon2.hash_password_into_with_memory(password, &salt, &mut out, &mut blocks)?;
            }
            Memory::Allocated => argon2.hash_password_into(password, &salt, &mut out)?,
        }
        std::hint::black_box(&out);
        done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
