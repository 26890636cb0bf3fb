import { ArrowLeft, X } from "lucide-preact";
import type { ComponentChildren, ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { closePanel, openPanel, route, type Panel } from "../router";
import { complain } from "../state/errors";
import { IconButton } from "../ui/button";
import { Skeleton } from "../ui/states";
import { ThreadPanel } from "./thread";
import "./panel.css";

/** Panels are loaded when they are first opened; threads are part of reading. */
const loaders: Record<Panel, () => Promise<ComponentType>> = {
  search: async () => (await import("./search")).SearchPanel,
  members: async () => (await import("./members")).MembersPanel,
  pins: async () => (await import("./pins")).PinsPanel,
  room: async () => (await import("./room-settings")).RoomSettingsPanel,
  "room-audit": async () => (await import("./audit-log")).RoomAuditPanel,
  "room-filters": async () => (await import("./filters")).RoomFiltersPanel,
  "room-invites": async () => (await import("./room-invites")).RoomInvitesPanel,
  "room-requests": async () => (await import("./room-requests")).RoomRequestsPanel,
  "room-permissions": async () => (await import("./room-permissions")).RoomPermissionsPanel,
  "room-reports": async () => (await import("./reports")).RoomReportsPanel,
  "room-sanctions": async () => (await import("./room-sanctions")).RoomSanctionsPanel,
  notifications: async () => (await import("./notifications")).NotificationsPanel,
  threads: async () => (await import("./threads")).ThreadsPanel,
  mentions: async () => (await import("./mentions")).MentionsPanel,
  saved: async () => (await import("./saved")).SavedPanel,
  scheduled: async () => (await import("./scheduled")).ScheduledPanel,
  preferences: async () => (await import("./preferences")).PreferencesPanel,
  status: async () => (await import("./status")).StatusPanel,
  "audit-log": async () => (await import("./audit-log")).ServerAuditPanel,
  blocked: async () => (await import("./blocked")).BlockedPanel,
  filters: async () => (await import("./filters")).ServerFiltersPanel,
  group: async () => (await import("./group")).GroupPanel,
  groups: async () => (await import("./groups")).GroupsPanel,
  "my-reports": async () => (await import("./reports")).OwnReportsPanel,
  reports: async () => (await import("./reports")).ServerReportsPanel,
  shortcuts: async () => (await import("./shortcuts")).ShortcutsPanel,
};

export function PanelHost() {
  const { room, thread, panel, group } = route.value;
  if (room !== null && thread !== null)
    return <ThreadPanel key={`${room} ${thread}`} room={room} root={thread} />;
  if (panel === null) return null;
  // The search goes through all rooms: it stays while its hits are opened.
  const key = panel === "search" ? panel : `${panel} ${group ?? room ?? ""}`;
  return <LazyPanel key={key} panel={panel} />;
}

function LazyPanel({ panel }: { panel: Panel }) {
  const [Content, setContent] = useState<ComponentType | null>(null);
  useEffect(() => {
    loaders[panel]().then((component) => setContent(() => component), complain);
  }, [panel]);
  return Content === null ? (
    <PanelFrame title="">{<Skeleton shape="lines" count={5} />}</PanelFrame>
  ) : (
    <Content />
  );
}

interface FrameProperties {
  readonly title: string;
  readonly subtitle?: ComponentChildren;
  readonly actions?: ComponentChildren;
  /** The panel that this one is a part of. */
  readonly back?: Panel;
  readonly children: ComponentChildren;
}

/** For when what had the focus is gone. */
export function focusPanel(): void {
  document.querySelector<HTMLElement>("aside.panel")?.focus({ preventScroll: true });
}

export function PanelFrame({ title, subtitle, actions, back, children }: FrameProperties) {
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    const panel = box.current;
    panel?.focus({ preventScroll: true });
    return () => {
      const { activeElement, body } = document;
      if (activeElement === body || panel?.contains(activeElement) === true) returnFocus(before);
    };
  }, []);
  return (
    <aside class="panel" aria-label={title} tabIndex={-1} ref={box}>
      <header class="bar panel-top">
        {back !== undefined && (
          <IconButton
            icon={ArrowLeft}
            class="panel-back mirrored"
            label={t("back")}
            onClick={() => openPanel(back)}
          />
        )}
        <h2>{title}</h2>
        <p dir="auto">{subtitle}</p>
        {actions}
        <IconButton icon={X} label={t("close")} keys="Esc" onClick={closePanel} />
      </header>
      {children}
    </aside>
  );
}

/** To where it was before a panel had it, unless it has gone on: that is seen after rendering. */
function returnFocus(before: Element | null): void {
  queueMicrotask(() => {
    const lost = document.activeElement === document.body;
    if (lost && before instanceof HTMLElement) before.focus({ preventScroll: true });
  });
}
