import type { Signal } from "@preact/signals";
import type { Room } from "chat-client";
import { AlarmClock, BellOff, CalendarClock, ChartBarBig } from "lucide-preact";
import { showDialog } from "../dialogs/open";
import { t } from "../i18n";
import type { MenuItem } from "../ui/menu";

export function composerMenu(
  room: Room,
  thread: number | null,
  text: Signal<string>,
  silent: Signal<boolean>,
  forget: () => void,
): MenuItem[][] {
  const place = thread === null ? {} : { thread };
  const schedule = (): void =>
    showDialog({
      kind: "schedule",
      room,
      text: text.peek(),
      ...place,
      onDone: () => {
        text.value = "";
        forget();
      },
    });
  return [
    [
      {
        label: t("create_poll"),
        icon: ChartBarBig,
        run: () => showDialog({ kind: "poll", room, ...place }),
      },
      { label: t("send_later"), icon: CalendarClock, run: schedule },
      { label: t("send_silently"), icon: BellOff, run: () => (silent.value = true) },
    ],
    [
      {
        label: t("remind_me"),
        icon: AlarmClock,
        run: () => showDialog({ kind: "remind", room: room.id, seq: null }),
      },
    ],
  ];
}
