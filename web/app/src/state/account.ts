import { signal } from "@preact/signals";
import type { Account } from "chat-client";
import { useEffect } from "preact/hooks";
import { chat } from "./chat";
import { complain } from "./errors";

/** What only its owner sees of an account; null until it was read. */
export const account = signal<Account | null>(null);

chat.session.subscribe((state) => {
  if (state.state !== "signed_in" || state.user.id !== account.peek()?.id) account.value = null;
});

export async function loadAccount(): Promise<void> {
  account.value = await chat.api.get("/users/me");
}

/** Whether the person administers the server. The account is read where nothing has read it yet. */
export function useIsAdmin(): boolean {
  useEffect(() => {
    if (account.peek() === null) loadAccount().catch(complain);
  }, []);
  return account.value?.is_admin === true;
}
