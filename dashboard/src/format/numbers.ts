/** Numbers for people. */

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** Write a count, as in `12,345`. */
export function count(value: number): string {
  return WHOLE.format(value);
}

/** Write a large count short, as in `1.2M`. */
export function compact(value: number): string {
  return COMPACT.format(value);
}

/** Write a size, as in `1.5 MiB`. */
export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  const units = ["KiB", "MiB", "GiB"];
  let size = value / 1024;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

/** Write a sum of money in US dollars with as many digits as say something. */
export function dollars(value: number): string {
  if (value === 0) return "$0";
  const digits = value >= 100 ? 0 : value >= 0.01 ? 2 : 6;
  return `$${value.toFixed(digits)}`;
}

/** Write a number of things with its noun, as in `1 job` or `3 jobs`. */
export function things(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}
