/** Dialogs on the browser's own element: focus, Escape and the page behind are its business. */
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { asApiError } from "../api/problems.js";
import { Notice } from "./states.js";

interface DialogProps {
  title: string;
  close: () => void;
  wide?: boolean;
  children: ComponentChildren;
}

export function Dialog({ title, close, wide, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const shown = dialog.current;
    const before = document.activeElement;
    shown?.showModal();
    return () => {
      shown?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} class={wide ? "dialog dialog-wide" : "dialog"} aria-labelledby={id} onCancel={close}>
      <div class="dialog-body">
        <h2 id={id}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  /** What happens, in a sentence. */
  children: ComponentChildren;
  /** The verb on the button. */
  verb: string;
  danger?: boolean;
  wide?: boolean;
  /** Carries it out; what it throws is shown, and the dialog stays. */
  carryOut: () => Promise<void>;
  close: () => void;
}

/** Asks before something is done, and shows how that goes. */
export function Confirm({ title, children, verb, danger, wide, carryOut, close }: ConfirmProps) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await carryOut();
      close();
    } catch (thrown) {
      setProblem(asApiError(thrown).detail);
      setBusy(false);
    }
  }
  return (
    <Dialog title={title} close={close} wide={wide ?? false}>
      <form class="stack confirm" onSubmit={(event) => void submit(event)}>
        <div class="stack">{children}</div>
        {problem ? <Notice tone="bad">{problem}</Notice> : null}
        <div class="dialog-actions">
          <button type="button" class="button" onClick={close}>
            Back
          </button>
          <button type="submit" class={danger ? "button button-danger" : "button button-primary"} disabled={busy}>
            {busy ? "Working…" : verb}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
