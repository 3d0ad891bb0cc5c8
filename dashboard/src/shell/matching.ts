/** Which commands a few letters mean. Pure. */

export interface Command<Name extends string = string> {
  text: string;
  icon: Name;
  keys?: string;
  run: () => void;
}

/** Return the commands whose text has all the words of what was typed; those that begin with it come first. */
export function found<Name extends string>(commands: readonly Command<Name>[], typed: string): Command<Name>[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const matching = commands.filter(({ text }) => words.every((word) => text.toLowerCase().includes(word)));
  return matching
    .map((command, number) => ({ command, number, rank: rankOf(command.text.toLowerCase(), words) }))
    .sort((one, other) => one.rank - other.rank || one.number - other.number)
    .map(({ command }) => command);
}

function rankOf(text: string, words: readonly string[]): number {
  const parts = text.split(/[^a-z0-9]+/);
  return words.filter((word) => !parts.some((part) => part.startsWith(word))).length;
}
