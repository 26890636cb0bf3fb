import type { ReportOutcome, ReportReason, RoomEntry } from "chat-client";
import { t } from "../i18n";
import { chat } from "./chat";
import { mayDeleteOthers } from "./permissions";
import { RoomCounts } from "./room-counts";

export const reasons: readonly ReportReason[] = [
  "spam",
  "harassment",
  "hate",
  "violence",
  "sexual",
  "privacy",
  "other",
];

export const outcomes: readonly ReportOutcome[] = [
  "dismissed",
  "warned",
  "message_deleted",
  "timed_out",
  "removed",
  "banned",
  "other",
];

/** Later releases of the server know more of both: those are shown as they are called. */
export const reasonText = (reason: string): string =>
  reasons.includes(reason as ReportReason) ? t(`report_${reason as ReportReason}`) : reason;

export const outcomeText = (outcome: string): string =>
  outcomes.includes(outcome as ReportOutcome) ? t(`outcome_${outcome as ReportOutcome}`) : outcome;

const counts = new RoomCounts(async (room) => {
  const { items } = await chat.api.get("/rooms/{room_id}/reports", {
    path: { room_id: room },
    query: { status: "open" },
  });
  return items.length;
});

export const countReports = (room: string): Promise<void> => counts.look(room);

/** How many reports of the room are open. */
export const useReportCount = (entry: RoomEntry): number =>
  counts.use(entry.room, entry.kind !== "direct" && mayDeleteOthers(entry));
