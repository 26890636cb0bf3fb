import type { User } from "chat-client";
import { useEffect, useState } from "preact/hooks";
import { chat } from "../state/chat";
import { person } from "../state/people";

interface Reading {
  /** What was known when it was read. */
  readonly before: User;
  readonly user: User;
}

/** A profile, read once more when it is opened: while nothing showed its person, changes may have
 * been missed. What changes after that is newer. */
export function useProfile(id: string): User | undefined {
  const known = person(id);
  const [reading, setReading] = useState<Reading | null>(null);
  useEffect(() => {
    const before = chat.users.get(id).get();
    if (before === undefined) return; // the client is reading it
    chat.api.get("/users/{user_id}", { path: { user_id: id } }).then(
      (user) => setReading({ before, user }),
      () => undefined, // what is known stays
    );
  }, [id]);
  return reading !== null && reading.before === known ? reading.user : known;
}
