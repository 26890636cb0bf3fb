import { UserX } from "lucide-preact";
import { t } from "../i18n";
import { formatMoment } from "../i18n/dates";
import { Name } from "../message/name";
import { unblock } from "../state/blocks";
import { blocks } from "../state/items";
import { nameOf } from "../state/people";
import { Avatar } from "../ui/avatar";
import { Button } from "../ui/button";
import { Empty } from "../ui/states";
import { PanelFrame } from "./host";

/** Whom this person has blocked. */
export function BlockedPanel() {
  const list = blocks.value;
  return (
    <PanelFrame title={t("blocked_people")} back="preferences">
      <div class="panel-body">
        {list.length === 0 && (
          <Empty icon={UserX} title={t("no_blocked")} text={t("no_blocked_text")} />
        )}
        {list.map(({ user, at }) => (
          <div class="person" key={user}>
            <Avatar id={user} name={nameOf(user)} />
            <div>
              <Name id={user} withUsername />
              <small>{t("blocked_since", { time: formatMoment(Date.parse(at)) })}</small>
            </div>
            <Button onClick={() => void unblock(user)}>{t("unblock")}</Button>
          </div>
        ))}
      </div>
    </PanelFrame>
  );
}
