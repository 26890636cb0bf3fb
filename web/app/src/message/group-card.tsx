import { Users } from "lucide-preact";
import type { User } from "chat-client";
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { openGroup } from "../router";
import { chat } from "../state/chat";
import { explain } from "../state/errors";
import { groupOf } from "../state/groups";
import type { CardProperties } from "../text/group-mention";
import { Avatar } from "../ui/avatar";
import { Icon } from "../ui/button";
import { Popover } from "../ui/popover";
import { Skeleton } from "../ui/states";
import { Name } from "./name";
import "./group-card.css";

const MAX = 8;

/** Who is mentioned by the handle of a group. */
export function Card({ group: id, anchor, onClose }: CardProperties) {
  const group = groupOf(id);
  const more = useRef<HTMLButtonElement>(null);
  const [members, setMembers] = useState<readonly User[] | null>(null);
  const [hasMore, setHasMore] = useState(false);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    more.current?.focus();
    chat.api
      .get("/groups/{group_id}/members", { path: { group_id: id }, query: { limit: MAX } })
      .then(
        (page) => {
          setMembers(page.items);
          setHasMore(page.next !== null);
        },
        (reason: unknown) => setError(explain(reason)),
      );
  }, [id]);
  const name = group?.display_name ?? "…";
  return (
    <Popover anchor={anchor} label={name} onClose={onClose} class="group-card">
      <header>
        <span class="group-sign">
          <Icon icon={Users} />
        </span>
        <div>
          <strong dir="auto">{name}</strong>
          <small>
            <bdi>@{group?.handle ?? "…"}</bdi>
          </small>
        </div>
      </header>
      {error !== null && <p role="alert">{error}</p>}
      {members === null && error === null && <Skeleton shape="lines" count={3} />}
      {members?.length === 0 && <p class="field-hint">{t("no_group_members")}</p>}
      {members !== null && members.length > 0 && (
        <ul aria-label={t("members")}>
          {members.map((user) => (
            <li key={user.id}>
              <Avatar id={user.id} name={user.display_name} size={22} />
              <Name id={user.id} />
            </li>
          ))}
          {hasMore && <li class="field-hint">{t("and_more")}</li>}
        </ul>
      )}
      <button
        type="button"
        ref={more}
        class="button"
        data-kind="plain"
        onClick={() => {
          onClose();
          openGroup(id);
        }}
      >
        {t("show_group")}
      </button>
    </Popover>
  );
}
