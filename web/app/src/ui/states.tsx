import type { LucideIcon } from "lucide-preact";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";
import { Icon } from "./button";
import "./states.css";

/** The shape of what comes; shown only when that takes longer than 150 ms (styles). */
export function Skeleton({
  shape,
  count = 3,
}: {
  shape: "rooms" | "messages" | "lines";
  count?: number;
}) {
  return (
    <div class="skeleton" data-shape={shape} role="status" aria-label={t("loading")}>
      {Array.from({ length: count }, (_, index) => (
        <div key={index} class="skeleton-row" data-width={index % 4}>
          <span class="skeleton-head" />
          <span class="skeleton-line" />
          <span class="skeleton-line" />
        </div>
      ))}
    </div>
  );
}

interface EmptyProperties {
  readonly icon: LucideIcon;
  readonly title: string;
  readonly text: string;
  readonly children?: ComponentChildren;
  /** The level of its heading in the outline of the page. */
  readonly level?: 1 | 2 | 3;
}

/** Says what a place is for, and offers the next step. */
export function Empty({ icon, title, text, children, level = 3 }: EmptyProperties) {
  const Heading = `h${level}` as const;
  return (
    <div class="empty">
      <span class="empty-icon">
        <Icon icon={icon} size={22} />
      </span>
      <Heading>{title}</Heading>
      <p>{text}</p>
      {children}
    </div>
  );
}

/** Renders after a delay, so that what is quick does not flicker. */
export function After({ ms, children }: { ms: number; children: ComponentChildren }) {
  const [due, setDue] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setDue(true), ms);
    return () => clearTimeout(timer);
  }, [ms]);
  return <>{due && children}</>;
}
