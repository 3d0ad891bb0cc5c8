/** Fields with their labels. */
import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";

interface Common {
  label: string;
  hint?: string;
  problem?: string | null;
}

function Frame({ id, label, hint, problem, children }: Common & { id: string; children: ComponentChildren }) {
  return (
    <div class="field">
      <label class="field-label" for={id}>
        {label}
      </label>
      {children}
      {hint ? (
        <span class="field-hint" id={`${id}-hint`}>
          {hint}
        </span>
      ) : null}
      {problem ? (
        <span class="field-problem" role="alert">
          {problem}
        </span>
      ) : null}
    </div>
  );
}

interface InputProps extends Common {
  value: string;
  change: (value: string) => void;
  type?: "text" | "search" | "password" | "number" | "datetime-local";
  placeholder?: string;
  required?: boolean;
  list?: readonly string[];
  min?: number;
  max?: number;
  pattern?: string;
  /** A number is typed; unlike `type="number"`, what is none can be told. */
  numeric?: boolean;
  focus?: boolean;
}

export function Input({ label, hint, problem, value, change, type = "text", list, focus, numeric, ...more }: InputProps) {
  const id = useId();
  return (
    <Frame id={id} label={label} {...(hint ? { hint } : {})} problem={problem ?? null}>
      <input
        id={id}
        class="input"
        type={type}
        value={value}
        step={type === "datetime-local" ? 1 : undefined}
        autocomplete="off"
        autofocus={focus}
        inputMode={numeric ? "decimal" : undefined}
        aria-invalid={problem ? "true" : undefined}
        aria-describedby={hint ? `${id}-hint` : undefined}
        list={list ? `${id}-list` : undefined}
        onInput={(event: JSX.TargetedInputEvent<HTMLInputElement>) => change(event.currentTarget.value)}
        {...more}
      />
      {list ? (
        <datalist id={`${id}-list`}>
          {list.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
      ) : null}
    </Frame>
  );
}

interface TextProps extends Common {
  value: string;
  change: (value: string) => void;
}

export function TextArea({ label, hint, problem, value, change }: TextProps) {
  const id = useId();
  return (
    <Frame id={id} label={label} {...(hint ? { hint } : {})} problem={problem ?? null}>
      <textarea
        id={id}
        class="input"
        value={value}
        spellcheck={false}
        aria-invalid={problem ? "true" : undefined}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onInput={(event) => change(event.currentTarget.value)}
      />
    </Frame>
  );
}

interface SelectProps extends Common {
  value: string;
  change: (value: string) => void;
  options: readonly (readonly [value: string, text: string])[];
}

export function Select({ label, hint, value, change, options }: SelectProps) {
  const id = useId();
  return (
    <Frame id={id} label={label} {...(hint ? { hint } : {})}>
      <select id={id} class="input" value={value} onChange={(event) => change(event.currentTarget.value)}>
        {options.map(([option, text]) => (
          <option key={option} value={option}>
            {text}
          </option>
        ))}
      </select>
    </Frame>
  );
}
