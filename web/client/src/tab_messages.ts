/** What the tabs of one user tell each other. The leader is the one that has the socket. */

import type { LinkState } from "./connection_manager.js";
import type { OutboxChange } from "./outbox.js";
import type { OutboxEntry } from "./outbox_entry.js";
import type { ItemLists } from "./items.js";
import type { RoomEntry, RoomPosition, ServerFrame } from "./types.js";

/** A frame of the server, or that it has refused to open a room. */
export type TabFrame =
  ServerFrame | { readonly type: "room.refused"; readonly room: string; readonly detail: string };

/** What a new tab has to know before the frames that follow. */
export interface Mirror {
  readonly rooms: readonly RoomEntry[];
  readonly snapshot: string | undefined;
  readonly items: ItemLists;
  readonly link: LinkState;
  readonly outbox: readonly OutboxEntry[];
}

/** From a tab to the leader. */
export type Command =
  | { readonly kind: "attach"; readonly tab: string }
  | {
      readonly kind: "wants";
      readonly tab: string;
      readonly rooms: readonly RoomPosition[];
      readonly presence: readonly string[];
    }
  | { readonly kind: "reopen"; readonly room: string }
  | { readonly kind: "typing"; readonly room: string }
  | { readonly kind: "reconnect" };

/** From the leader to one tab, or to all. */
export type Report =
  | { readonly kind: "leader" }
  | { readonly kind: "mirror"; readonly tab: string; readonly mirror: Mirror }
  | {
      readonly kind: "frame";
      readonly tab: string | undefined;
      readonly frame: TabFrame;
      readonly epoch: string;
    }
  | { readonly kind: "link"; readonly link: LinkState };

/** From any tab to all. */
export interface Announcement {
  readonly kind: "outbox";
  readonly change: OutboxChange;
}

export type TabMessage = Command | Report | Announcement;
