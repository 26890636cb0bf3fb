import type { ComponentChildren } from "preact";
import { showProfile } from "./open";
import "./people.css";

interface Properties {
  readonly id: string;
  readonly children: ComponentChildren;
  /** Of a picture beside a name that opens the same: for the pointer only. */
  readonly decorative?: boolean;
  /** -1 in a list of which only the chosen row takes part in the order of Tab. */
  readonly tabIndex?: 0 | -1;
}

/** A name or a picture that opens the profile of its person. */
export function PersonButton({ id, children, decorative = false, tabIndex = 0 }: Properties) {
  return (
    <button
      type="button"
      class="person-button"
      aria-haspopup="dialog"
      {...(decorative ? { tabIndex: -1, "aria-hidden": true } : { tabIndex })}
      onClick={(event) => showProfile(id, event.currentTarget)}
    >
      {children}
    </button>
  );
}
