import { ApiError, type ReportOutcome, type ReportReason } from "chat-client";
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { durationText } from "../i18n/durations";
import { openPanel } from "../router";
import { chat, roomEntry } from "../state/chat";
import { attempt, inform } from "../state/errors";
import { mayDeleteOthers, mayRemoveMembers, mayTimeOut } from "../state/permissions";
import { nameOf } from "../state/people";
import { outcomes, outcomeText, reasons, reasonText } from "../state/reports";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Choice, Field, Switch } from "../ui/field";
import { closeDialog, type OpenDialog } from "./open";
import "./dialogs.css";

/** Tells those who moderate about a message or a member. */
export function ReportDialog({ room, user, seq }: Extract<OpenDialog, { kind: "report" }>) {
  const [reason, setReason] = useState<ReportReason>("spam");
  const [note, setNote] = useState("");
  const [busy, setBusy] = useState(false);
  const run = async (): Promise<void> => {
    const body = { reason, note: note.trim() };
    if (seq === undefined)
      await chat.api.post("/rooms/{room_id}/members/{user_id}/reports", {
        path: { room_id: room, user_id: user },
        body,
      });
    else
      await chat.api.post("/rooms/{room_id}/messages/{seq}/reports", {
        path: { room_id: room, seq },
        body,
      });
    closeDialog();
    inform(t("report_sent"), { label: t("show"), run: () => openPanel("my-reports") });
  };
  return (
    <Dialog
      title={seq === undefined ? t("report_member", { name: nameOf(user) }) : t("report_message")}
      onClose={closeDialog}
    >
      <form
        class="dialog-form"
        onSubmit={(event) => {
          event.preventDefault();
          setBusy(true);
          void attempt(run).then(() => setBusy(false));
        }}
      >
        <p>{seq === undefined ? t("report_member_text") : t("report_text")}</p>
        <Choice
          label={t("report_reason")}
          value={reason}
          options={reasons.map((value) => [value, reasonText(value)] as const)}
          onChange={setReason}
        />
        <Field
          label={t("note_optional")}
          value={note}
          maxLength={500}
          dir="auto"
          onInput={(event) => setNote(event.currentTarget.value)}
        />
        <div class="dialog-actions">
          <Button onClick={closeDialog}>{t("cancel")}</Button>
          <Button kind="danger" type="submit" disabled={busy}>
            {t("report")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

const HOUR = 3600;
const LENGTHS = [300, HOUR, 24 * HOUR, 7 * 24 * HOUR] as const;

/** What is done about a report: the page does it, and then says so. */
export function ResolveDialog({ report, onDone }: Extract<OpenDialog, { kind: "resolve" }>) {
  const entry = roomEntry(report.room);
  const [outcome, setOutcome] = useState<ReportOutcome>("dismissed");
  const [note, setNote] = useState("");
  const [seconds, setSeconds] = useState<number>(HOUR);
  const [now, setNow] = useState(true);
  const [busy, setBusy] = useState(false);
  const possible =
    entry !== undefined &&
    ((outcome === "message_deleted" && mayDeleteOthers(entry)) ||
      (outcome === "timed_out" && mayTimeOut(entry)) ||
      ((outcome === "removed" || outcome === "banned") && mayRemoveMembers(entry)));
  const run = async (): Promise<void> => {
    const said = note.trim();
    const sanction = { until: new Date(Date.now() + seconds * 1000).toISOString(), reason: said };
    const path = { room_id: report.room, user_id: report.user };
    if (possible && now) {
      if (outcome === "message_deleted") await deleteReported(report.room, report.message);
      if (outcome === "timed_out")
        await chat.api.put("/rooms/{room_id}/time-outs/{user_id}", { path, body: sanction });
      if (outcome === "removed")
        await chat.api.delete("/rooms/{room_id}/members/{user_id}", { path });
      if (outcome === "banned")
        await chat.api.put("/rooms/{room_id}/bans/{user_id}", { path, body: { reason: said } });
    }
    try {
      await chat.api.post("/reports/{report_id}/resolution", {
        path: { report_id: report.id },
        body: { outcome, note: said },
      });
      inform(t("was_resolved"));
    } finally {
      closeDialog();
      onDone(); // also where somebody else was first
    }
  };
  return (
    <Dialog title={t("resolve_report")} onClose={closeDialog}>
      <form
        class="dialog-form"
        onSubmit={(event) => {
          event.preventDefault();
          setBusy(true);
          void attempt(run).then(() => setBusy(false));
        }}
      >
        <p>{t("resolve_text")}</p>
        <Choice
          label={t("what_is_done")}
          value={outcome}
          options={outcomes
            .filter((value) => report.message !== null || value !== "message_deleted")
            .map((value) => [value, outcomeText(value)] as const)}
          onChange={setOutcome}
        />
        {possible && (
          <Switch
            label={t("do_it_now")}
            hint={t("do_it_now_hint")}
            checked={now}
            onChange={setNow}
          />
        )}
        {possible && now && outcome === "timed_out" && (
          <Choice
            label={t("how_long")}
            value={String(seconds)}
            options={LENGTHS.map((value) => [String(value), durationText(value)] as const)}
            onChange={(value) => setSeconds(Number(value))}
          />
        )}
        <Field
          label={t("note_optional")}
          hint={t("resolution_note_hint")}
          value={note}
          maxLength={500}
          dir="auto"
          onInput={(event) => setNote(event.currentTarget.value)}
        />
        <div class="dialog-actions">
          <Button onClick={closeDialog}>{t("cancel")}</Button>
          <Button kind="primary" type="submit" disabled={busy}>
            {t("resolve")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** It may be gone already. */
async function deleteReported(room: string, seq: number | null): Promise<void> {
  if (seq === null) return;
  try {
    await chat.api.delete("/rooms/{room_id}/messages/{seq}", { path: { room_id: room, seq } });
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  }
}
