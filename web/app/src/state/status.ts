import type { User } from "chat-client";
import { nowUntil } from "./clock";
import { person } from "./people";

export type Status = NonNullable<User["status"]>;

/** A status until it ends: no frame says that it has. */
export function activeStatus(status: Status | null | undefined): Status | null {
  if (status == null) return null;
  if (status.until == null) return status;
  const until = Date.parse(status.until);
  return nowUntil(until) < until ? status : null;
}

export const statusOf = (id: string): Status | null => activeStatus(person(id)?.status);

export const statusText = ({ emoji, text }: Status): string =>
  [emoji, text].filter((part) => part != null && part !== "").join(" ");
