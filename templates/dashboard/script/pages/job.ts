/** Script of the page of a job: progress as it comes, curves, logs, files, and the way to a job that a button made. */

import { serveCurves } from "../job/curves.ts";
import { serveFiles } from "../job/files.ts";
import { serveLog } from "../job/log_view.ts";
import { showProgress } from "../job/progress.ts";
import { RENEWED, renewSoon } from "../live/fragment.ts";
import { onProgress } from "../live/stream.ts";

interface Called {
  target: string;
  answer: unknown;
}

const MAKES_A_JOB = /^POST .*\/(retry|jobs)$/;
/** Of these a new place or forecast is told as progress. */
const WAITS = new Set(["held", "queued", "submitting", "pending"]);
const job = document.getElementById("job");
if (job?.dataset.job) serve(job.dataset.job);

function serve(id: string): void {
  const renewCurves = serveCurves();
  let renewLog = serveLog(id);
  serveFiles();
  serveEditing();
  document.addEventListener("packtrain:called", (event) => openMade((event as CustomEvent<Called>).detail));
  document.addEventListener(RENEWED, () => {
    renewCurves();
    if (renewLog === null) renewLog = serveLog(id);
    else renewLog();
  });
  onProgress((progress) => {
    if (progress.job_id !== id) return;
    showProgress(progress);
    if (WAITS.has(progress.status)) renewSoon();
    else renewCurves();
  });
}

/** The page of a job that was made here is next. */
function openMade({ target, answer }: Called): void {
  const made = answer as { id?: string } | undefined;
  if (MAKES_A_JOB.test(target) && made?.id) location.assign(`/jobs/${made.id}`);
}

/** What is being typed stays while the page is renewed around it, until it is saved. */
function serveEditing(): void {
  document.addEventListener("input", (event) => {
    const form = (event.target as Element).closest<HTMLFormElement>("#edit-form");
    if (form !== null) form.dataset.keep = "";
  });
  document.addEventListener("packtrain:called", () => {
    delete document.getElementById("edit-form")?.dataset.keep;
  });
}
