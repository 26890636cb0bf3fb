import type { LucideIcon } from "lucide-preact";
import type { ButtonHTMLAttributes, ComponentChildren, Ref } from "preact";
import "./button.css";

export function Icon({ icon: Drawing, size = 18 }: { icon: LucideIcon; size?: number }) {
  return <Drawing size={size} strokeWidth={1.75} aria-hidden="true" class="icon" />;
}

type ButtonProperties = Omit<ButtonHTMLAttributes, "icon" | "size" | "ref">;

interface IconButtonProperties extends ButtonProperties {
  readonly icon: LucideIcon;
  readonly label: string;
  /** Keys that do the same, for the tooltip. */
  readonly keys?: string;
  readonly size?: number;
  readonly buttonRef?: Ref<HTMLButtonElement>;
}

export function IconButton({
  icon,
  label,
  keys,
  size,
  buttonRef,
  class: name,
  ...rest
}: IconButtonProperties) {
  return (
    <button
      type="button"
      {...rest}
      {...(buttonRef ? { ref: buttonRef } : {})}
      class={`icon-button ${typeof name === "string" ? name : ""}`}
      aria-label={label}
      title={keys === undefined ? label : `${label} (${keys})`}
    >
      <Icon icon={icon} {...(size === undefined ? {} : { size })} />
    </button>
  );
}

interface TextButtonProperties extends ButtonProperties {
  readonly kind?: "primary" | "plain" | "danger";
  readonly children: ComponentChildren;
}

export function Button({ kind = "plain", class: name, ...rest }: TextButtonProperties) {
  return (
    <button
      type="button"
      {...rest}
      class={`button ${typeof name === "string" ? name : ""}`}
      data-kind={kind}
    />
  );
}
