import type { User } from "chat-client";

/** What decides what one may do with the members of a group. */
export interface GroupRights {
  readonly me: string;
  /** Of the server. */
  readonly isAdmin: boolean;
  readonly managers: ReadonlySet<string>;
}

export interface Acts {
  /** Makes a manager of the member, or takes that away. */
  readonly setsManagers: boolean;
  readonly removes: boolean;
  /** Can bring back whom it has removed. */
  readonly returns: boolean;
}

/** What the server lets one do with a member: managers remove members and themselves, only
 * administrators remove managers and name them. */
export function actsOn({ me, isAdmin, managers }: GroupRights, user: string): Acts {
  const manages = isAdmin || managers.has(me);
  return {
    setsManagers: isAdmin,
    removes: manages && (isAdmin || user === me || !managers.has(user)),
    returns: isAdmin || (manages && user !== me),
  };
}

/** The managers, and then the other members. */
export function managersFirst(managers: readonly User[], members: readonly User[]): User[] {
  const ids = new Set(managers.map(({ id }) => id));
  return [...managers, ...members.filter(({ id }) => !ids.has(id))];
}
