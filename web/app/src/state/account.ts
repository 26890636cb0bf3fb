import { signal } from "@preact/signals";
import type { Account } from "chat-client";
import { chat } from "./chat";

/** What only its owner sees of an account; null until it was read. */
export const account = signal<Account | null>(null);

chat.session.subscribe((state) => {
  if (state.state !== "signed_in" || state.user.id !== account.peek()?.id) account.value = null;
});

export async function loadAccount(): Promise<void> {
  account.value = await chat.api.get("/users/me");
}
