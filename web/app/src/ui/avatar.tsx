import { t } from "../i18n";
import "./avatar.css";

const HUES = 10;

export type PresenceSign = "online" | "away" | "do_not_disturb" | "offline" | "unknown";

interface Properties {
  /** Decides the colour, so that a person keeps it when the name changes. */
  readonly id: string;
  readonly name: string;
  readonly size?: 20 | 22 | 28 | 36 | 64;
  readonly presence?: PresenceSign | undefined;
}

/** Decorative: the name stands beside it. */
export function Avatar({ id, name, size = 36, presence }: Properties) {
  return (
    <span class="avatar" data-size={size} data-hue={hueOf(id)}>
      <span aria-hidden="true">{initial(name)}</span>
      {presence !== undefined && presence !== "unknown" && (
        <span class="presence" data-state={presence} role="img" aria-label={t(presence)} />
      )}
    </span>
  );
}

function hueOf(id: string): number {
  let sum = 0;
  for (const character of id) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 9973;
  return sum % HUES;
}

const segmenter = new Intl.Segmenter();

export function initial(name: string): string {
  const first = segmenter.segment(name.trim())[Symbol.iterator]().next();
  return first.done === true ? "?" : first.value.segment.toLocaleUpperCase();
}
