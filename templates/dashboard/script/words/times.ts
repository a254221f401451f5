/** Times in the reader's zone: relative as text, the exact one on hover. */

import { language } from "./texts.ts";

const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
const exact = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "long" });
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const dayAndClock = new Intl.DateTimeFormat(language, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** "in 5 min.", "3 hr. ago". */
export function relativeTo(moment: Date, now: Date): string {
  const seconds = Math.round((moment.getTime() - now.getTime()) / 1000);
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return relative.format(Math.trunc(seconds / size), unit);
}

/** The time of day, with the day where it is not today. */
export function clockTime(moment: Date, now: Date): string {
  return moment.toDateString() === now.toDateString() ? clock.format(moment) : dayAndClock.format(moment);
}

/** Write every `<time datetime>` below `root` anew: relative, or as a time of day where `data-form="clock"`. */
export function writeTimes(root: ParentNode = document, now = new Date()): void {
  for (const element of root.querySelectorAll<HTMLTimeElement>("time[datetime]")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    const words = element.dataset.form === "clock" ? clockTime(moment, now) : relativeTo(moment, now);
    if (element.textContent !== words) element.textContent = words;
    element.title = exact.format(moment);
  }
  for (const element of root.querySelectorAll<SVGTextElement>("text[data-time]")) {
    element.textContent = clockTime(new Date(element.dataset.time ?? ""), now);
  }
}

/** Keep the relative times right. */
export function keepTimes(everySeconds = 10): void {
  writeTimes();
  setInterval(() => writeTimes(), everySeconds * 1000);
}
