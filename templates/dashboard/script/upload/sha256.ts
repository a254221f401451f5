/** SHA-256 of a content that comes in pieces (FIPS 180-4): `crypto.subtle` takes it whole only, and only over TLS. */

const CONSTANTS = new Int32Array(64);
const START = new Int32Array(8);
fillConstants();

export class Sha256 {
  private readonly state = START.slice();
  private readonly schedule = new Int32Array(64);
  private readonly rest = new Uint8Array(64);
  private restLength = 0;
  private total = 0;

  /** The next bytes. */
  update(bytes: Uint8Array): void {
    this.total += bytes.length;
    let start = 0;
    if (this.restLength > 0) {
      start = Math.min(64 - this.restLength, bytes.length);
      this.rest.set(bytes.subarray(0, start), this.restLength);
      this.restLength += start;
      if (this.restLength < 64) return;
      this.block(this.rest, 0);
      this.restLength = 0;
    }
    for (; start + 64 <= bytes.length; start += 64) this.block(bytes, start);
    this.rest.set(bytes.subarray(start));
    this.restLength = bytes.length - start;
  }

  /** In hexadecimal; nothing may follow. */
  digest(): string {
    const bits = this.total * 8;
    const padding = new Uint8Array(((this.restLength < 56 ? 56 : 120) - this.restLength) + 8);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.length - 8, Math.floor(bits / 0x1_0000_0000));
    view.setUint32(padding.length - 4, bits >>> 0);
    this.update(padding);
    return [...this.state].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  private block(bytes: Uint8Array, start: number): void {
    const w = this.schedule;
    for (let i = 0, at = start; i < 16; i++, at += 4) {
      w[i] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    }
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15]!, y = w[i - 2]!;
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) | 0;
    }
    this.mix(w);
  }

  private mix(w: Int32Array): void {
    let [a, b, c, d, e, f, g, h] = this.state as unknown as [number, number, number, number, number, number, number, number];
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + CONSTANTS[i]! + w[i]!) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    const mixed = [a, b, c, d, e, f, g, h];
    for (let i = 0; i < 8; i++) this.state[i] = (this.state[i]! + mixed[i]!) | 0;
  }
}

/** The first 32 bits of the fractions of the roots of the first primes: square roots to start, cube roots for rounds. */
function fillConstants(): void {
  let found = 0;
  for (let candidate = 2; found < 64; candidate++) {
    if (!isPrime(candidate)) continue;
    if (found < 8) START[found] = fraction(candidate, 2);
    CONSTANTS[found++] = fraction(candidate, 3);
  }
}

function isPrime(candidate: number): boolean {
  for (let divisor = 2; divisor * divisor <= candidate; divisor++) if (candidate % divisor === 0) return false;
  return true;
}

/** floor(2^32 * root(n)) mod 2^32, by whole numbers: a float's cube root is not exact everywhere. */
function fraction(n: number, degree: number): number {
  const target = BigInt(n) << BigInt(32 * degree);
  let low = 0n, high = 1n << 40n;
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** BigInt(degree) <= target) low = middle;
    else high = middle;
  }
  return Number(low & 0xffff_ffffn) | 0;
}
