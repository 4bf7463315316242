//! Argon2id by itself: the crate and parameters of the daemon, on all cores.

use std::num::NonZero;
use std::thread;

use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::Failure;
use crate::busy;
use crate::home::PASSWORD;
use crate::plan::Plan;
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
    busy::measure(cores(), plan, None, |_| hash_again_and_again(memory))
}

/// Cores this process may use.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

fn hash_again_and_again(memory: Memory) -> Result<impl FnMut() -> Result<(), Failure>, Failure> {
    // The defaults of the daemon: m = 19,456 KiB, t = 2, p = 1.
    let params = Params::new(19_456, 2, 1, Some(32))?;
    let mut blocks = match memory {
        Memory::Reused => vec![Block::default(); params.block_count()],
        Memory::Allocated => Vec::new(),
    };
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let (password, salt, mut out) = (PASSWORD.as_bytes(), [7_u8; 16], [0_u8; 32]);
    Ok(move || {
        match memory {
            Memory::Reused => {
                argon2.hash_password_into_with_memory(password, &salt, &mut out, &mut blocks)?;
            }
            Memory::Allocated => argon2.hash_password_into(password, &salt, &mut out)?,
        }
        std::hint::black_box(&out);
        Ok(())
    })
}
