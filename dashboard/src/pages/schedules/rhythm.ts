/** When a schedule fires, in a few words. Pure. */
import type { Schedule } from "../../api/types.js";

/** Return its expressions as they were given, with the zone where that matters. */
export function rhythm(schedule: Pick<Schedule, "cron" | "crons" | "every" | "at" | "timezone"> & Partial<Pick<Schedule, "everyWeeks">>): string {
  const weeks = schedule.everyWeeks ? `, every ${schedule.everyWeeks} weeks` : "";
  const zone = schedule.timezone === "UTC" ? "UTC" : schedule.timezone;
  if (schedule.cron) return `${schedule.cron} (${zone})${weeks}`;
  if (schedule.crons?.length) return `${schedule.crons.join(" or ")} (${zone})${weeks}`;
  if (schedule.every) return `every ${interval(schedule.every)}`;
  return schedule.at ? `once, ${schedule.at}` : "never";
}

const SECONDS = [604_800, 86_400, 3600, 60, 1];
const PARTS = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;
const UNITS = ["week", "day", "hour", "minute", "second"];

/** Write an ISO 8601 duration in the largest unit that holds it evenly, as in `90 seconds`; other texts as they are. */
export function interval(text: string): string {
  const parts = PARTS.exec(text)?.slice(1);
  const seconds = (parts ?? []).reduce((sum, size, number) => sum + Number(size ?? 0) * (SECONDS[number] ?? 0), 0);
  const unit = SECONDS.findIndex((size) => seconds >= size && seconds % size === 0);
  if (unit < 0) return text;
  const count = seconds / (SECONDS[unit] ?? 1);
  return count === 1 ? `${UNITS[unit]}` : `${count} ${UNITS[unit]}s`;
}

const LOCAL = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2})(:\d{2})?.*?(Z|[+-]\d{2}:\d{2})$/;

/** Write a local time with its offset for people: without seconds that are none, and without fractions. */
export function localText(text: string): string {
  const [, day, minute, second = "", offset] = LOCAL.exec(text) ?? [];
  return day ? `${day} ${minute}${second === ":00" ? "" : second} ${offset}` : text;
}

const NOTES: Record<string, string> = {
  moved_out_of_gap: "moved: clocks go forward over its time",
  first_of_two: "first of two: clocks go back",
  second_of_two: "second of two: clocks go back",
  only_first_of_two: "first of two alone: clocks go back",
};

/** Say why a fire is odd; a note of a newer API as it is. */
export function noteText(note: string): string {
  return Object.hasOwn(NOTES, note) ? (NOTES[note] ?? note) : note;
}
