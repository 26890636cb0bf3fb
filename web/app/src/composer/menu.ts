import type { Signal } from "@preact/signals";
import type { Room } from "chat-client";
import { AlarmClock, BellOff, CalendarClock, ChartBarBig, TimerReset } from "lucide-preact";
import { showDialog } from "../dialogs/open";
import { t } from "../i18n";
import type { MenuItem } from "../ui/menu";

export function composerMenu(
  room: Room,
  thread: number | null,
  text: Signal<string>,
  silent: Signal<boolean>,
  expiry: number,
  { forget, chooseExpiry }: { readonly forget: () => void; readonly chooseExpiry: () => void },
): MenuItem[][] {
  const place = {
    ...(thread === null ? {} : { thread }),
    ...(expiry === 0 ? {} : { expires_in_s: expiry }),
  };
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
      { label: t("let_disappear"), icon: TimerReset, run: chooseExpiry },
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
