/** Steps of an upload, for the page to show. */
export interface Steps {
  /** Bytes read or sent so far. */
  onBytes(step: "reading" | "sending" | "checking", bytes: number): void;
  /** So many bytes have arrived in an earlier try; 0 = it is the first. */
  onFound(bytes: number): void;
  /** There is no answer; another try follows. So many bytes have arrived for good. */
  onPause(bytes: number): void;
}
