/** When a schedule fires, in a few words. Pure. */
import type { Schedule } from "../../api/types.js";

/** Return its expressions as they were given, with the zone where that matters. */
export function rhythm(schedule: Pick<Schedule, "cron" | "crons" | "every" | "at" | "timezone">): string {
  const zone = schedule.timezone === "UTC" ? "UTC" : schedule.timezone;
  if (schedule.cron) return `${schedule.cron} (${zone})`;
  if (schedule.crons?.length) return `${schedule.crons.join(" or ")} (${zone})`;
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
