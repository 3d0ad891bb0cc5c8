/** Copies a text to the clipboard. */
import { toast } from "./toasts.js";
import { Icon } from "./icons.js";

export function Copy({ text, what }: { text: string; what: string }) {
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      toast(`Copied ${what}.`);
    } catch {
      toast(`The browser did not let ${what} be copied.`, false);
    }
  }
  return (
    <button
      type="button"
      class="button button-quiet button-icon button-small"
      aria-label={`Copy ${what}`}
      title={`Copy ${what}`}
      onClick={() => void copy()}
    >
      <Icon name="copy" />
    </button>
  );
}
