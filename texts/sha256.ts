// The numbers that SHA-256 begins with (FIPS 180-4, 4.2.2 and 5.3.3): of the square roots of the first eight primes, and of
// the cube roots of the first 64, the first 32 bits of the fraction. Computed, so that no digit has to be believed.
// A word is five digits to the base 85, of which the first, 0, is "(": fewer than in hexadecimal, and all of them printable.

const BITS = 32n;

function primes(count: number): bigint[] {
  const found: bigint[] = [];
  for (let n = 2n; found.length < count; n++) if (found.every((each) => n % each !== 0n)) found.push(n);
  return found;
}

/** The first 32 bits behind the point of the root of this degree. */
function fraction(n: bigint, degree: bigint): bigint {
  const scaled = n << (BITS * degree);
  let low = 0n;
  let high = 1n << 48n;
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** degree <= scaled) low = middle;
    else high = middle;
  }
  return low & ((1n << BITS) - 1n);
}

const BASE = 85n;
const ZERO = 40n;

function digits(word: bigint): string {
  const all = [4n, 3n, 2n, 1n, 0n].map((place) => (word / BASE ** place) % BASE);
  return all.map((digit) => String.fromCharCode(Number(ZERO + digit))).join("");
}

/** The eight words of the first hash, then the constant of each round. */
export const SHA256_CONSTANTS = [
  ...primes(8).map((prime) => fraction(prime, 2n)),
  ...primes(64).map((prime) => fraction(prime, 3n)),
]
  .map(digits)
  .join("");
