import { Check, X } from "lucide-preact";
import type { User } from "chat-client";
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { chat, myId } from "../state/chat";
import { attempt } from "../state/errors";
import { refreshMembers } from "../state/members";
import { Avatar } from "../ui/avatar";
import { Button, Icon } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { closeDialog, type OpenDialog } from "./open";
import { useUserSearch } from "./search";
import { writeTo } from "./write-to";
import "./dialogs.css";

export function NewPeopleDialog() {
  return (
    <PeopleDialog
      title={t("new_conversation")}
      action={t("open")}
      onPick={async (users) => {
        await writeTo(users.map((user) => user.id));
      }}
    />
  );
}

export function AddMembersDialog({ room }: Extract<OpenDialog, { kind: "add-members" }>) {
  return (
    <PeopleDialog
      title={t("add_people")}
      action={t("add")}
      onPick={async (users) => {
        await chat.api.post("/rooms/{room_id}/members", {
          path: { room_id: room },
          body: { users: users.map((user) => user.id) },
        });
        await refreshMembers(room);
      }}
    />
  );
}

export function AddGroupMembersDialog({
  group,
  onDone,
}: Extract<OpenDialog, { kind: "add-group-members" }>) {
  return (
    <PeopleDialog
      title={t("add_people")}
      action={t("add")}
      withSelf
      onPick={async (users) => {
        try {
          for (const { id } of users) {
            const path = { group_id: group, user_id: id };
            await chat.api.put("/groups/{group_id}/members/{user_id}", { path });
          }
        } finally {
          onDone(); // also where only some could be added
        }
      }}
    />
  );
}

interface Properties {
  readonly title: string;
  readonly action: string;
  readonly withSelf?: boolean;
  readonly onPick: (users: readonly User[]) => Promise<void>;
}

function PeopleDialog({ title, action, withSelf = false, onPick }: Properties) {
  const [query, setQuery] = useState("");
  const [chosen, setChosen] = useState<readonly User[]>([]);
  const found = useUserSearch(query);
  const results = withSelf ? found : found.filter((user) => user.id !== myId.value);
  const isChosen = (user: User): boolean => chosen.some(({ id }) => id === user.id);
  const toggle = (user: User): void =>
    setChosen(isChosen(user) ? chosen.filter(({ id }) => id !== user.id) : [...chosen, user]);
  return (
    <Dialog title={title} onClose={closeDialog}>
      <form
        class="dialog-form"
        onSubmit={(event) => {
          event.preventDefault();
          const [first] = results;
          const picked = chosen.length === 0 && first !== undefined ? [first] : chosen;
          if (picked.length === 0) return;
          void attempt(async () => {
            await onPick(picked);
            closeDialog();
          });
        }}
      >
        {chosen.length > 0 && (
          <div class="chips">
            {chosen.map((user) => (
              <button key={user.id} type="button" onClick={() => toggle(user)}>
                <bdi>{user.display_name}</bdi>
                <Icon icon={X} size={14} />
              </button>
            ))}
          </div>
        )}
        <Field
          label={t("find_people")}
          type="search"
          value={query}
          autofocus
          hint={t("find_people_hint")}
          onInput={(event) => setQuery(event.currentTarget.value)}
        />
        {results.length > 0 && (
          <ul class="pick-list">
            {results.map((user) => (
              <li key={user.id}>
                <button type="button" aria-pressed={isChosen(user)} onClick={() => toggle(user)}>
                  <Avatar id={user.id} name={user.display_name} size={22} />
                  <bdi>{user.display_name}</bdi>
                  <small>
                    <bdi>@{user.username}</bdi>
                  </small>
                  {isChosen(user) && (
                    <span class="pick-mark">
                      <Icon icon={Check} size={16} />
                    </span>
                  )}
                </button>
              </li>
            ))}
          </ul>
        )}
        <div class="dialog-actions">
          <Button onClick={closeDialog}>{t("cancel")}</Button>
          <Button
            kind="primary"
            type="submit"
            disabled={chosen.length === 0 && results.length === 0}
          >
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
