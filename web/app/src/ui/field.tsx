import type { ComponentChildren, InputHTMLAttributes } from "preact";
import { useId } from "preact/hooks";
import "./field.css";

interface FieldProperties extends Omit<InputHTMLAttributes, "label"> {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly error?: string | undefined;
}

export function Field({ label, hint, error, ...rest }: FieldProperties) {
  const id = useId();
  const note = error ?? hint;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        {...rest}
        id={id}
        aria-invalid={error !== undefined}
        {...(note ? { "aria-describedby": `${id}-note` } : {})}
      />
      {note && (
        <p
          id={`${id}-note`}
          class={error === undefined ? "field-hint" : "field-error"}
          {...(error === undefined ? {} : { role: "alert" })}
        >
          {error === undefined ? note : <bdi>{note}</bdi>}
        </p>
      )}
    </div>
  );
}

interface SwitchProperties {
  readonly label: string;
  readonly hint?: string;
  readonly checked: boolean;
  readonly disabled?: boolean;
  readonly onChange: (checked: boolean) => void;
}

export function Switch({ label, hint, checked, disabled = false, onChange }: SwitchProperties) {
  const id = useId();
  return (
    <div class="switch">
      <div>
        <label for={id}>{label}</label>
        {hint !== undefined && (
          <p class="field-hint" id={`${id}-note`}>
            {hint}
          </p>
        )}
      </div>
      <input
        type="checkbox"
        role="switch"
        id={id}
        checked={checked}
        disabled={disabled}
        {...(hint === undefined ? {} : { "aria-describedby": `${id}-note` })}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
    </div>
  );
}

interface ChoiceProperties<V extends string> {
  readonly label: string;
  readonly value: V;
  readonly options: readonly (readonly [V, ComponentChildren])[];
  readonly onChange: (value: V) => void;
  readonly disabled?: boolean;
}

export function Choice<V extends string>({
  label,
  value,
  options,
  onChange,
  disabled = false,
}: ChoiceProperties<V>) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        disabled={disabled}
        onChange={(event) => onChange(event.currentTarget.value as V)}
      >
        {options.map(([option, text]) => (
          <option key={option} value={option}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}
