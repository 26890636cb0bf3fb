import { X } from "lucide-preact";
import type { ComponentChildren, ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { closePanel, route, type Panel } from "../router";
import { complain } from "../state/errors";
import { IconButton } from "../ui/button";
import { Skeleton } from "../ui/states";
import { ThreadPanel } from "./thread";
import "./panel.css";

/** Panels are loaded when they are first opened; threads are part of reading. */
const loaders: Record<Panel, () => Promise<ComponentType>> = {
  members: async () => (await import("./members")).MembersPanel,
  pins: async () => (await import("./pins")).PinsPanel,
  room: async () => (await import("./room-settings")).RoomSettingsPanel,
  notifications: async () => (await import("./notifications")).NotificationsPanel,
  threads: async () => (await import("./threads")).ThreadsPanel,
  mentions: async () => (await import("./mentions")).MentionsPanel,
  saved: async () => (await import("./saved")).SavedPanel,
  scheduled: async () => (await import("./scheduled")).ScheduledPanel,
  preferences: async () => (await import("./preferences")).PreferencesPanel,
  shortcuts: async () => (await import("./shortcuts")).ShortcutsPanel,
};

export function PanelHost() {
  const { room, thread, panel } = route.value;
  if (room !== null && thread !== null)
    return <ThreadPanel key={`${room} ${thread}`} room={room} root={thread} />;
  return panel === null ? null : <LazyPanel key={`${panel} ${room ?? ""}`} panel={panel} />;
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
  readonly children: ComponentChildren;
}

export function PanelFrame({ title, subtitle, actions, children }: FrameProperties) {
  const box = useRef<HTMLElement>(null);
  useEffect(() => box.current?.focus({ preventScroll: true }), []);
  return (
    <aside class="panel" aria-label={title} tabIndex={-1} ref={box}>
      <header class="bar panel-top">
        <h2>{title}</h2>
        <p dir="auto">{subtitle}</p>
        {actions}
        <IconButton icon={X} label={t("close")} keys="Esc" onClick={closePanel} />
      </header>
      {children}
    </aside>
  );
}
