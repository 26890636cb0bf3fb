import { effect } from "@preact/signals";
import type { RoomEntry } from "chat-client";
import { t } from "../i18n";
import { openMessage, route } from "../router";
import { summarize } from "../text/markdown";
import { chat, myId, rooms } from "./chat";
import { nameOf, roomName } from "./people";
import { preferences } from "./preferences";
import { serverName } from "./server";

export async function askForNotifications(): Promise<boolean> {
  if (!("Notification" in window)) return false;
  return (await Notification.requestPermission()) === "granted";
}

let audio: AudioContext | null = null;

/** Two soft tones, made here: no file to load. */
export function playSound(): void {
  audio ??= new AudioContext();
  const begin = audio.currentTime;
  for (const [index, frequency] of [659.25, 880].entries()) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    const at = begin + index * 0.09;
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(0.08, at + 0.015);
    volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.35);
    tone.connect(volume).connect(audio.destination);
    tone.start(at);
    tone.stop(at + 0.4);
  }
}

/** The tab's title and icon, and notifications of what has arrived while nobody looked. */
export function startNotifications(): void {
  effect(() => {
    const open = rooms.value.find((entry) => entry.room === route.value.room);
    const urgent = rooms.value.reduce(
      (sum, entry) => sum + (entry.kind === "direct" ? (entry.unread ?? 0) : (entry.mentions ?? 0)),
      0,
    );
    const unread = rooms.value.some((entry) => (entry.unread ?? 0) > 0);
    const title = open === undefined ? serverName.value : `${roomName(open)} · ${serverName.value}`;
    document.title = urgent > 0 ? `(${urgent}) ${title}` : unread ? `• ${title}` : title;
    const icon = urgent > 0 ? "icon-mention" : unread ? "icon-unread" : "icon";
    document.querySelector<HTMLLinkElement>("#icon")?.setAttribute("href", `/icons/${icon}.svg`);
    if ("setAppBadge" in navigator) {
      navigator.setAppBadge(urgent).catch(() => undefined); // not installed, or not allowed
    }
  });
  const last = new Map<string, number>();
  chat.rooms.subscribe((entries) => {
    for (const entry of entries) {
      const seq = entry.last_message?.seq ?? 0;
      const before = last.get(entry.room);
      last.set(entry.room, Math.max(seq, before ?? 0));
      if (before !== undefined && seq > before) void consider(entry);
    }
  });
}

/** The server decides what notifies; a page that is in front shows it by itself. */
async function consider(entry: RoomEntry): Promise<void> {
  const { notifications, sound } = preferences.peek();
  const message = entry.last_message;
  if ((!notifications && !sound) || message == null || message.sender === myId.peek()) return;
  if (document.visibilityState === "visible" && document.hasFocus()) return;
  const decision = await chat
    .room(entry.room)
    .explain(message.seq)
    .catch(() => null);
  if (decision === null || !(decision.notify || decision.reason === "online")) return;
  if (sound) playSound();
  if (!notifications || Notification.permission !== "granted") return;
  const name = nameOf(message.sender);
  const title = entry.kind === "direct" ? name : t("in_room", { name, room: roomName(entry) });
  const shown = new Notification(title, {
    body: summarize(message.text),
    tag: entry.room,
    icon: "/icons/icon-192.png",
  });
  shown.addEventListener("click", () => {
    window.focus();
    openMessage(entry.room, message.seq);
    shown.close();
  });
}
