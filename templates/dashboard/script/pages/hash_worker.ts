/** Worker that reads a file and tells its SHA-256, so that the page stays quick. */

import { Sha256 } from "../upload/sha256.ts";

const PIECE_BYTES = 4 * 1024 * 1024;

self.addEventListener("message", (event: MessageEvent<File>) => void hash(event.data));

async function hash(file: File): Promise<void> {
  try {
    const hashing = new Sha256();
    for (let start = 0; start < file.size; start += PIECE_BYTES) {
      hashing.update(new Uint8Array(await file.slice(start, start + PIECE_BYTES).arrayBuffer()));
      self.postMessage({ readBytes: Math.min(start + PIECE_BYTES, file.size) });
    }
    self.postMessage({ sha256: hashing.digest() });
  } catch {
    self.postMessage({ sha256: null });
  }
}
