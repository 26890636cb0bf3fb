import { ShieldCheck } from "lucide-preact";
import type { Sanction } from "chat-client";
import { t } from "../i18n";
import { formatMoment } from "../i18n/dates";
import { Name } from "../message/name";
import { route } from "../router";
import { chat, roomEntry } from "../state/chat";
import { attempt, inform } from "../state/errors";
import { mayRemoveMembers, mayTimeOut } from "../state/permissions";
import { nameOf, roomName } from "../state/people";
import { Avatar } from "../ui/avatar";
import { Button } from "../ui/button";
import { Empty } from "../ui/states";
import { PanelFrame } from "./host";
import { ListBody } from "./list";
import { useList } from "./use-list";

const PATHS = {
  ban: ["/rooms/{room_id}/bans", "/rooms/{room_id}/bans/{user_id}"],
  "time-out": ["/rooms/{room_id}/time-outs", "/rooms/{room_id}/time-outs/{user_id}"],
} as const;
type Kind = keyof typeof PATHS;

/** Who is banned from the room or timed out in it. */
export function RoomSanctionsPanel() {
  const entry = roomEntry(route.value.room ?? "");
  if (entry === undefined) return null;
  return (
    <PanelFrame title={t("bans_and_time_outs")} subtitle={roomName(entry)} back="room">
      <div class="panel-body">
        {mayTimeOut(entry) && <SanctionList room={entry.room} kind="time-out" />}
        {mayRemoveMembers(entry) && <SanctionList room={entry.room} kind="ban" />}
      </div>
    </PanelFrame>
  );
}

function SanctionList({ room, kind }: { room: string; kind: Kind }) {
  const [all, one] = PATHS[kind];
  const list = useList(
    (cursor) =>
      chat.api.get(all, {
        path: { room_id: room },
        query: cursor === null ? {} : { cursor },
      }),
    [room],
  );
  const lift = (sanction: Sanction): void =>
    void attempt(async () => {
      const path = { room_id: room, user_id: sanction.user };
      await chat.api.delete(one, { path });
      list.reload();
      inform(t("was_lifted", { name: nameOf(sanction.user) }), {
        label: t("undo"),
        run: () =>
          void attempt(async () => {
            const body = { until: sanction.until ?? "", reason: sanction.reason };
            await (kind === "ban"
              ? chat.api.put(PATHS.ban[1], { path, body: { ...body, until: sanction.until } })
              : chat.api.put(PATHS["time-out"][1], { path, body }));
            list.reload();
          }),
      });
    });
  return (
    <section>
      <h3 class="rule">{kind === "ban" ? t("bans") : t("time_outs")}</h3>
      <ListBody
        inline
        list={list}
        empty={
          <Empty
            level={3}
            icon={ShieldCheck}
            title={kind === "ban" ? t("no_bans") : t("no_time_outs")}
            text={kind === "ban" ? t("no_bans_text") : t("no_time_outs_text")}
          />
        }
        render={(sanction) => (
          <SanctionRow key={sanction.user} sanction={sanction} onLift={() => lift(sanction)} />
        )}
      />
    </section>
  );
}

function SanctionRow({ sanction, onLift }: { sanction: Sanction; onLift: () => void }) {
  const until = sanction.until === null ? null : Date.parse(sanction.until);
  const over = until !== null && until <= Date.now();
  const when =
    until === null
      ? t("until_lifted")
      : t(over ? "ended_at" : "until_time", { time: formatMoment(until) });
  return (
    <div class="person sanction" data-over={over}>
      <Avatar id={sanction.user} name={nameOf(sanction.user)} />
      <div>
        <Name id={sanction.user} withUsername />
        <small>{when}</small>
        {sanction.reason !== "" && <small dir="auto">{sanction.reason}</small>}
        <small>{t("set_by", { name: nameOf(sanction.set_by) })}</small>
      </div>
      {!over && <Button onClick={onLift}>{t("lift")}</Button>}
    </div>
  );
}
