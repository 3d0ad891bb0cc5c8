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

const PARTS = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;
const UNITS = ["week", "day", "hour", "minute", "second"];

/** Write an ISO 8601 duration in words; as it is if it has other parts. */
export function interval(text: string): string {
  const parts = PARTS.exec(text)?.slice(1);
  const words = parts?.flatMap((size, number) => (size && size !== "0" ? [`${size} ${UNITS[number]}${size === "1" ? "" : "s"}`] : []));
  return words?.length ? words.join(" ") : text;
}
