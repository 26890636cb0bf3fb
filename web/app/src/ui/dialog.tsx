import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { X } from "lucide-preact";
import { t } from "../i18n";
import { IconButton } from "./button";
import "./dialog.css";

interface Properties {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  /** Without a heading that is seen, for the palette. */
  readonly bare?: boolean;
  readonly class?: string;
}

export function Dialog({ title, onClose, children, bare = false, class: name = "" }: Properties) {
  const box = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useLayoutEffect(() => box.current?.showModal(), []);
  return (
    <dialog
      ref={box}
      class={`dialog ${name}`}
      aria-labelledby={heading}
      onClose={onClose}
      onClick={(event) => {
        if (event.target === box.current) box.current?.close();
      }}
    >
      <div class="dialog-body">
        <header class={bare ? "quiet-text" : "dialog-top"}>
          <h2 id={heading}>{title}</h2>
          {!bare && <IconButton icon={X} label={t("close")} onClick={() => box.current?.close()} />}
        </header>
        {children}
      </div>
    </dialog>
  );
}
