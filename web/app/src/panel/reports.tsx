import { Flag } from "lucide-preact";
import type { OwnReport, Report, ReportStatus } from "chat-client";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { showDialog } from "../dialogs/open";
import { t } from "../i18n";
import { formatMoment } from "../i18n/dates";
import { Name } from "../message/name";
import { openMessage, route } from "../router";
import { chat, roomEntry } from "../state/chat";
import { nameOf, roomName } from "../state/people";
import { countReports, outcomeText, reasonText } from "../state/reports";
import { summarize } from "../text/markdown";
import { Avatar } from "../ui/avatar";
import { Button } from "../ui/button";
import { Choice } from "../ui/field";
import { Empty } from "../ui/states";
import { PanelFrame } from "./host";
import { ListBody } from "./list";
import { useList } from "./use-list";
import "./reports.css";

/** What was reported in the room, for those who delete messages of others. */
export function RoomReportsPanel() {
  const id = route.value.room ?? "";
  const entry = roomEntry(id);
  return (
    <PanelFrame title={t("reports")} subtitle={entry && roomName(entry)} back="room">
      <Queue room={id} />
    </PanelFrame>
  );
}

/** What was reported in any room, for administrators of the server. */
export function ServerReportsPanel() {
  return (
    <PanelFrame title={t("reports_of_server")} back="preferences">
      <Queue room={null} />
    </PanelFrame>
  );
}

function Queue({ room }: { room: string | null }) {
  const [status, setStatus] = useState<ReportStatus>("open");
  return (
    <div class="panel-body">
      <div class="panel-section">
        <Choice
          label={t("show")}
          value={status}
          options={[
            ["open", t("reports_open")],
            ["resolved", t("reports_resolved")],
          ]}
          onChange={setStatus}
        />
      </div>
      <Reports key={status} room={room} status={status} />
    </div>
  );
}

function Reports({ room, status }: { room: string | null; status: ReportStatus }) {
  const list = useList(
    (cursor) => {
      const query = { status, ...(cursor === null ? {} : { cursor }) };
      return room === null
        ? chat.api.get("/reports", { query })
        : chat.api.get("/rooms/{room_id}/reports", { path: { room_id: room }, query });
    },
    [room, status],
  );
  const onDone = (report: Report): void => {
    list.reload();
    void countReports(report.room).catch(() => undefined); // administrators are no members
  };
  return (
    <ListBody
      inline
      list={list}
      empty={
        <Empty
          icon={Flag}
          title={status === "open" ? t("no_reports") : t("no_resolved_reports")}
          text={status === "open" ? t("no_reports_text") : t("no_resolved_reports_text")}
        />
      }
      render={(report) => (
        <ReportCard key={report.id} report={report} withRoom={room === null}>
          {report.snapshot !== null && <Snapshot report={report} />}
          <small>
            {report.reporter === null
              ? t("reported_by_filter")
              : t("reported_by", { name: nameOf(report.reporter) })}
          </small>
          {report.resolution !== null && (
            <p class="report-outcome">
              {t("resolved_by", {
                outcome: outcomeText(report.resolution.outcome),
                name: nameOf(report.resolution.by),
              })}
              {report.resolution.note !== "" && <small dir="auto">{report.resolution.note}</small>}
            </p>
          )}
          <div class="choices">
            {report.resolution === null && (
              <Button
                kind="primary"
                onClick={() =>
                  showDialog({ kind: "resolve", report, onDone: () => onDone(report) })
                }
              >
                {t("resolve")}
              </Button>
            )}
            <ShowMessage report={report} />
          </div>
        </ReportCard>
      )}
    />
  );
}

/** What the person has reported, and what was done about it. */
export function OwnReportsPanel() {
  const list = useList(
    (cursor) => chat.api.get("/users/me/reports", { query: cursor === null ? {} : { cursor } }),
    [],
  );
  return (
    <PanelFrame title={t("my_reports")} back="preferences">
      <ListBody
        list={list}
        empty={<Empty icon={Flag} title={t("no_own_reports")} text={t("no_own_reports_text")} />}
        render={(report) => (
          <ReportCard key={report.id} report={report} withRoom>
            <p class="report-outcome">
              {report.outcome === null ? t("reports_open") : outcomeText(report.outcome)}
            </p>
            <div class="choices">
              <ShowMessage report={report} />
            </div>
          </ReportCard>
        )}
      />
    </PanelFrame>
  );
}

interface CardProperties {
  readonly report: OwnReport;
  readonly withRoom: boolean;
  readonly children: ComponentChildren;
}

function ReportCard({ report, withRoom, children }: CardProperties) {
  const entry = withRoom ? roomEntry(report.room) : undefined;
  return (
    <article class="person sanction report">
      <Avatar id={report.user} name={nameOf(report.user)} />
      <div>
        <h3>
          <Name id={report.user} withUsername />
        </h3>
        <small>
          {reasonText(report.reason)} · {formatMoment(Date.parse(report.at))}
          {entry !== undefined && (
            <>
              {" · "}
              <bdi>{roomName(entry)}</bdi>
            </>
          )}
        </small>
        {report.note !== "" && <p dir="auto">{report.note}</p>}
        {children}
      </div>
    </article>
  );
}

function Snapshot({ report: { snapshot } }: { report: Report }) {
  if (snapshot === null) return null;
  const said = [snapshot.text, snapshot.forwarded_text ?? "", (snapshot.options ?? []).join(" · ")];
  return (
    <blockquote class="report-quote" dir="auto">
      {said
        .filter((text) => text !== "")
        .map((text) => summarize(text, 600))
        .join("\n")}
    </blockquote>
  );
}

/** Only where the room can be opened. */
function ShowMessage({ report: { room, message } }: { report: OwnReport }) {
  if (message === null || roomEntry(room) === undefined) return null;
  return <Button onClick={() => openMessage(room, message)}>{t("show_message")}</Button>;
}
