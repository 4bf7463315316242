//! RSA keys of the flawed Infineon library (ROCA, CVE-2017-15361).

/// The primes by which such moduli are told, from the authors' fingerprint.
const PRIMES: [u32; 17] = [
    3, 5, 7, 11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109,
];
/// The generator of the flawed primes.
const GENERATOR: u32 = 65_537;

/// Whether the modulus (big-endian bytes) has the fingerprint: its remainder by every prime is a
/// power of the generator. A sound modulus has it with a chance below one in 2^27.
pub(super) fn is_roca(modulus: &[u8]) -> bool {
    PRIMES
        .iter()
        .all(|&prime| is_power_of_generator(remainder(modulus, prime), prime))
}

fn remainder(number: &[u8], prime: u32) -> u32 {
    number
        .iter()
        .fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime)
}

fn is_power_of_generator(value: u32, prime: u32) -> bool {
    let step = GENERATOR % prime;
    let mut power = 1;
    (0..prime).any(|_| {
        power = power * step % prime;
        power == value
    })
}
