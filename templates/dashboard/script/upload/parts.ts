/** Parts of a file: cut in the same way at each try, so that those which the server has are known again. */

const MEBIBYTE = 1024 * 1024;
const MOST_PARTS = 2000;
export const PART_BYTES = 4 * MEBIBYTE;

export interface Part {
  /** From 1. */
  number: number;
  size_bytes: number;
}

/** All parts of a file of this size; of a very large one they are larger. */
export function partsOf(sizeBytes: number): Part[] {
  const each = partBytes(sizeBytes);
  const count = Math.ceil(sizeBytes / each);
  return Array.from({ length: count }, (_, place) => ({ number: place + 1, size_bytes: Math.min(each, sizeBytes - place * each) }));
}

/** Bytes of a file that are this part. */
export function cut(file: File, part: Part): Blob {
  const start = (part.number - 1) * partBytes(file.size);
  return file.slice(start, start + part.size_bytes);
}

/** Whether all that the server has are parts of such a file as they are cut here. */
export function areOurs(there: Part[], all: Part[]): boolean {
  return there.every((part) => all[part.number - 1]?.size_bytes === part.size_bytes);
}

/** The parts that the server does not have. */
export function missingOf(all: Part[], there: Part[]): Part[] {
  const numbers = new Set(there.map((part) => part.number));
  return all.filter((part) => !numbers.has(part.number));
}

export function bytesOf(parts: Part[]): number {
  return parts.reduce((sum, part) => sum + part.size_bytes, 0);
}

function partBytes(sizeBytes: number): number {
  return Math.max(PART_BYTES, Math.ceil(sizeBytes / MOST_PARTS / MEBIBYTE) * MEBIBYTE);
}
