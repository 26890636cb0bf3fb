import { signal } from "@preact/signals";

export interface ServerInfo {
  readonly name: string;
  readonly needs_setup: boolean;
  readonly version: string;
  readonly registration: "open" | "closed";
}

const KEY = "chat.server";

/** On a server without an administrator: somebody has an account, or was invited by one who has, and
 * wants to sign in. */
export const signsIn = signal(/^\/(?:sign-in$|invite\/)/.test(location.pathname));

export const server = signal<ServerInfo | null>(null);
export const serverName = signal(remembered());

function remembered(): string {
  try {
    return localStorage.getItem(KEY) ?? "Chat";
  } catch {
    return "Chat";
  }
}

/** What the server says of itself to everybody. Null while it cannot be reached. */
export async function readServer(): Promise<ServerInfo | null> {
  try {
    const answer = await fetch("/api/v1/server", { headers: { Accept: "application/json" } });
    if (!answer.ok) return null;
    server.value = (await answer.json()) as ServerInfo;
  } catch {
    return null;
  }
  const { name } = server.value;
  if (name !== "") serverName.value = name;
  try {
    localStorage.setItem(KEY, serverName.peek());
  } catch {
    // Without storage the name is read again the next time.
  }
  return server.value;
}
