/** The types of the wire under short names, and those that the client adds to them. */

import type { components as frames } from "./generated/frames.js";
import type { components as http } from "./generated/http.js";

export type { ClientFrame, CloseCode, ServerFrame } from "./generated/frames.js";

type Http = http["schemas"];
type Frames = frames["schemas"];

export type Block = Http["Block"];
export type Account = Http["Account"];
export type Decision = Http["Decision"];
export type Draft = Http["Draft"];
export type EventPage = Http["EventPage"];
export type CreateFilterRule = Http["CreateFilterRule"];
export type FilterRule = Http["FilterRule"];
export type Group = Http["Group"];
export type Invite = Http["Invite"];
export type InvitePreview = Http["InvitePreview"];
export type InviteUse = Http["InviteUse"];
export type InvalidField = Http["InvalidField"];
export type Member = Http["Member"];
export type Message = Http["Message"];
export type MessagePage = Http["MessagePage"];
export type NewPoll = Frames["NewPoll"];
export type NotificationLevel = Http["NotificationLevel"];
export type Override = Http["Override"];
export type Quote = Http["Quote"];
export type ReadState = Http["ReadState"];
export type Registration = Http["Registration"];
export type Reminder = Http["Reminder"];
export type Report = Http["Report"];
export type OwnReport = Http["OwnReport"];
export type ReportOutcome = Http["ReportOutcome"];
export type ReportReason = Http["ReportReason"];
export type ReportStatus = Http["ReportStatus"];
export type AuditEntry = Http["AuditEntry"];
export type AuditAction = Http["AuditAction"];
export type Retry = Http["Retry"];
export type Role = Http["Role"];
export type RoomDetails = Http["RoomDetails"];
export type RoomKind = Http["RoomKind"];
export type RoomNotifications = Http["RoomNotifications"];
export type RoomSettings = Http["RoomSettings"];
/** `message` is absent until it was read, and null if it is gone. */
export type SavedMessage = Http["SavedMessageValue"] &
  Partial<Pick<Http["SavedMessage"], "message">>;
export type Sanction = Http["Sanction"];
export type Scheduled = Http["Scheduled"];
export type ScheduleMessage = Http["ScheduleMessage"];
export type SearchHit = Http["SearchHit"];
export type SearchResults = Http["SearchResults"];
export type Session = Http["Session"];
export type SetRoomNotifications = Http["SetRoomNotifications"];
export type ThreadPage = Http["ThreadPage"];
export type ThreadState = Http["Thread"];
export type ThreadSummary = Http["ThreadSummary"];
export type User = Http["User"];
export type VoteResult = Http["VoteResult"];

export type Ack = Frames["Ack"];
export type ErrorFrame = Frames["ErrorFrame"];
export type ItemChanged = Frames["ItemChanged"];
export type LastMessage = Frames["LastMessage"];
export type RoomEntry = Frames["RoomEntry"];
export type RoomList = Frames["RoomList"];
export type RoomOpened = Frames["RoomOpened"];
export type RoomPosition = Frames["RoomPosition"];
export type ServerLimits = Frames["ServerLimits"];
export type Welcome = Frames["Welcome"];

/** An event of a room's log. Types of later releases have these fields, too. */
export type RoomEvent = Http["Event"];

export type PresenceState = "online" | "offline" | "away" | "do_not_disturb" | "unknown";

export type SessionState =
  | { readonly state: "unknown" }
  | { readonly state: "signed_out"; readonly reason?: string }
  | { readonly state: "signed_in"; readonly user: User };

/**
 * `since` and `retry_at` are times in ms. `waiting` counts the messages that have no answer yet.
 * `reason` says why the client is offline; without `retry_at` it stays so until `reconnect`.
 */
export interface ConnectionState {
  readonly state: "connecting" | "online" | "offline" | "draining";
  readonly since: number;
  readonly retry_at?: number;
  readonly reason?: string;
  readonly waiting: number;
}

/** `failing`: what is written stays in memory until the storage works again. */
export interface StorageState {
  readonly state: "ok" | "failing";
  readonly detail?: string;
}

/** `closed`: nobody looks at the room. `gone`: the user is no member, or may not open it. */
export type RoomState = "closed" | "opening" | "open" | "gone";

/** What becomes a message. */
export interface NewMessage {
  text: string;
  reply_to?: number;
  thread?: number;
  also_in_room?: boolean;
  silent?: boolean;
  metadata?: Record<string, unknown>;
  poll?: NewPoll;
  expires_in_s?: number;
}

/** Why a message of the outbox was refused for good. */
export interface SendError {
  readonly code: string;
  readonly detail: string;
}

/**
 * A message as it is shown. `key` stays the same when a pending message becomes a committed one.
 * `seq` is 0 while `pending`; what is "waiting" is stored, and there after a reload. `reacted` and
 * `voted` are the user's own; `quote` is the message that this one answers, as it is now, once it is
 * known.
 */
export type TimelineMessage = Message & {
  readonly key: string;
  readonly reacted: readonly string[];
  readonly voted: readonly number[];
  readonly quote?: Quote;
  readonly pending?: "waiting" | "sending" | "failed";
  readonly error?: SendError;
};

/** A thread that the user follows. */
export type FollowedThread = ThreadState;
