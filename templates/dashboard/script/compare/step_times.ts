/** Seconds of a run at each step, from its table of metrics. */

/** Seconds since the first line of the training log, by step; waits between attempts are left out. */
export async function stepSeconds(jobId: string): Promise<Map<number, number>> {
  const answer = await fetch(`/api/v1/jobs/${jobId}/metrics.csv`, { credentials: "same-origin" });
  return answer.ok ? secondsByStep(await answer.text()) : new Map();
}

/** The same from the table's text: `attempt,step,kind,at,...`. Pure. */
export function secondsByStep(table: string): Map<number, number> {
  const found = new Map<number, number>();
  let attempt = "";
  let began = 0;
  let before = 0;
  let last = 0;
  for (const line of table.split("\n").slice(1)) {
    const [number = "", step, , at = ""] = line.split(",", 4);
    const time = Date.parse(at) / 1000;
    if (Number.isNaN(time)) continue;
    if (number !== attempt) {
      attempt = number;
      began = time;
      before = last;
    }
    last = before + time - began;
    found.set(Number(step), last);
  }
  return found;
}
