import { computed } from "@preact/signals";
import { t } from "../i18n";
import { chat } from "./chat";
import { attempt, inform } from "./errors";
import { blocks } from "./items";
import { nameOf } from "./people";

const blocked = computed(() => new Set(blocks.value.map(({ user }) => user)));

export const isBlocked = (user: string): boolean => blocked.value.has(user);

export async function block(user: string): Promise<void> {
  await attempt(async () => {
    await chat.api.put("/users/me/blocks/{user_id}", { path: { user_id: user } });
    inform(t("was_blocked", { name: nameOf(user) }), {
      label: t("undo"),
      run: () => void unblock(user),
    });
  });
}

export async function unblock(user: string): Promise<void> {
  await attempt(async () => {
    await chat.api.delete("/users/me/blocks/{user_id}", { path: { user_id: user } });
    inform(t("was_unblocked", { name: nameOf(user) }));
  });
}
