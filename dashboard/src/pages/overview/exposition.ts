/** Metrics in Prometheus' text format, as far as the API writes it. Pure. https://prometheus.io/docs/instrumenting/exposition_formats/ */

export interface Sample {
  name: string;
  labels: Readonly<Record<string, string>>;
  value: number;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const ESCAPES: Record<string, string> = { "\\n": "\n", '\\"': '"', "\\\\": "\\" };

/** Read samples; comments, and lines that are none, are left out. */
export function samplesOf(text: string): Sample[] {
  return text.split("\n").flatMap((line) => {
    const [, name, labels = "", value = ""] = LINE.exec(line) ?? [];
    const number = value === "+Inf" ? Number.POSITIVE_INFINITY : Number(value);
    return name && !Number.isNaN(number) ? [{ name, labels: labelsOf(labels), value: number }] : [];
  });
}

function labelsOf(text: string): Record<string, string> {
  const found = Array.from(text.matchAll(LABEL), ([, name = "", value = ""]) => [name, value.replace(/\\./g, (each) => ESCAPES[each] ?? each)]);
  return Object.fromEntries(found) as Record<string, string>;
}
