/** What the keys do: `?`. */
import { signal } from "@preact/signals";
import { Dialog } from "../ui/dialog.js";
import { shortcuts } from "./keys.js";

/** Whether it is open. */
export const isHelpOpen = signal(false);

export function Help() {
  if (!isHelpOpen.value) return null;
  const close = () => (isHelpOpen.value = false);
  const all = [{ keys: "Ctrl K", text: "Open the command palette" }, ...shortcuts.value, { keys: "Esc", text: "Close what is open" }];
  return (
    <Dialog title="Keys" close={close}>
      <dl class="keys">
        {all.map(({ keys, text }) => (
          <>
            <dt key={`${keys} key`}>
              {keys.split(" ").map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd key={`${keys} text`}>{text}</dd>
          </>
        ))}
      </dl>
      <div class="dialog-actions">
        <button type="button" class="button" onClick={close}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
