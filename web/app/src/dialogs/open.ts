import { signal } from "@preact/signals";
import type { Group, Report, Room, TimelineMessage } from "chat-client";

/** The dialogs of the page; one is open at a time. */
export type OpenDialog =
  | {
      readonly kind: "poll";
      readonly room: Room;
      readonly thread?: number;
      readonly expires_in_s?: number;
    }
  | {
      readonly kind: "schedule";
      readonly room: Room;
      readonly text: string;
      readonly thread?: number;
      readonly expires_in_s?: number;
      readonly onDone: () => void;
    }
  | { readonly kind: "remind"; readonly room: string; readonly seq: number | null }
  | { readonly kind: "forward"; readonly room: string; readonly message: TimelineMessage }
  | { readonly kind: "why"; readonly room: Room; readonly seq: number }
  | { readonly kind: "versions"; readonly room: string; readonly seq: number }
  | { readonly kind: "read-by"; readonly room: string; readonly seq: number }
  | { readonly kind: "reacted"; readonly room: string; readonly seq: number }
  | {
      readonly kind: "sanction";
      readonly room: string;
      readonly user: string;
      readonly what: "time-out" | "ban";
    }
  | { readonly kind: "report"; readonly room: string; readonly user: string; readonly seq?: number }
  | { readonly kind: "resolve"; readonly report: Report; readonly onDone: () => void }
  | { readonly kind: "delete-room"; readonly room: string }
  | { readonly kind: "new-room" }
  | { readonly kind: "new-people" }
  | { readonly kind: "add-members"; readonly room: string }
  | { readonly kind: "group"; readonly group?: Group; readonly onDone: (group: Group) => void }
  | { readonly kind: "add-group-members"; readonly group: string; readonly onDone: () => void }
  | {
      readonly kind: "confirm";
      readonly title: string;
      readonly text: string;
      readonly action: string;
      readonly run: () => Promise<unknown>;
    };

export const openDialog = signal<OpenDialog | null>(null);

export function showDialog(dialog: OpenDialog): void {
  openDialog.value = dialog;
}

export function closeDialog(): void {
  openDialog.value = null;
}
