import { Check, Minus, RotateCcw, UserPlus, X } from "lucide-preact";
import type { Override, Role, RoomEntry } from "chat-client";
import { useEffect, useId, useState } from "preact/hooks";
import { t } from "../i18n";
import { route } from "../router";
import { PersonPicker } from "../search/pickers";
import { chat, roomEntry } from "../state/chat";
import { complain } from "../state/errors";
import { roleOf } from "../state/members";
import { changeable, isDefault, outranks, roles, type Changeable } from "../state/permissions";
import { mayManagePermissions } from "../state/permissions";
import { nameOf, roomName } from "../state/people";
import { Button, Icon } from "../ui/button";
import { Choice } from "../ui/field";
import { Skeleton } from "../ui/states";
import { PanelFrame } from "./host";
import "../search/search.css";
import "./room-permissions.css";

/** A role, or the id of a person. */
type Target = { readonly role: Role } | { readonly user: string };
type Say = "deny" | "default" | "allow";

const keyOf = (target: Target): string => ("role" in target ? target.role : target.user);
const isFor = (target: Target) => (override: Override) =>
  (override.role ?? override.user) === keyOf(target);

/** What a room allows or denies, to a role or to a person, besides the defaults. */
export function RoomPermissionsPanel() {
  const id = route.value.room ?? "";
  const entry = roomEntry(id);
  const [overrides, setOverrides] = useState<readonly Override[] | null>(null);
  const [target, setTarget] = useState<Target>({ role: "member" });
  const load = (): void =>
    void chat.api
      .get("/rooms/{room_id}/permissions", { path: { room_id: id } })
      .then((answer) => setOverrides(answer.overrides), complain);
  useEffect(() => {
    load();
    return chat.room(id).onEvent((event) => event.type === "room.permissions_changed" && load());
  }, [id]);
  if (entry === undefined) return null;
  const current = overrides?.find(isFor(target));
  const save = (allow: readonly Changeable[], deny: readonly Changeable[]): void => {
    const body = { allow: [...allow], deny: [...deny] };
    const role = "role" in target ? target.role : null;
    const user = "user" in target ? target.user : null;
    const others = (overrides ?? []).filter((override) => !isFor(target)(override));
    setOverrides([...others, { role, user, ...body }]); // the switch follows the finger
    const request =
      "role" in target
        ? chat.api.put("/rooms/{room_id}/permissions/roles/{role}", {
            path: { room_id: id, role: target.role },
            body,
          })
        : chat.api.put("/rooms/{room_id}/permissions/users/{user_id}", {
            path: { room_id: id, user_id: target.user },
            body,
          });
    request.catch((error: unknown) => {
      complain(error);
      load();
    });
  };
  return (
    <PanelFrame title={t("permissions")} subtitle={roomName(entry)} back="room">
      <TargetChoice overrides={overrides ?? []} target={target} onChange={setTarget} />
      <div class="panel-body" tabIndex={0}>
        {overrides === null ? (
          <Skeleton shape="lines" count={8} />
        ) : (
          <PermissionList entry={entry} target={target} override={current} onSave={save} />
        )}
      </div>
    </PanelFrame>
  );
}

interface TargetProperties {
  readonly overrides: readonly Override[];
  readonly target: Target;
  readonly onChange: (target: Target) => void;
}

function TargetChoice({ overrides, target, onChange }: TargetProperties) {
  const [picker, setPicker] = useState<Element | null>(null);
  const people = new Set(overrides.flatMap(({ user }) => user ?? []));
  if ("user" in target) people.add(target.user);
  const options = [
    ...roles
      .filter((role) => role !== "owner")
      .toReversed()
      .map((role) => [role as string, t(role)] as const),
    ...[...people].map((user) => [user, nameOf(user)] as const),
  ];
  return (
    <div class="panel-section inline-form">
      <Choice
        label={t("for_whom")}
        value={keyOf(target)}
        options={options}
        onChange={(key) => onChange(people.has(key) ? { user: key } : { role: key as Role })}
      />
      <Button aria-expanded={picker !== null} onClick={(event) => setPicker(event.currentTarget)}>
        <Icon icon={UserPlus} size={16} />
        {t("a_person")}
      </Button>
      {picker !== null && (
        <PersonPicker
          membersOnly
          anchor={picker}
          onClose={() => setPicker(null)}
          onPick={(_username, user) => {
            setPicker(null);
            onChange({ user });
          }}
        />
      )}
    </div>
  );
}

interface ListProperties {
  readonly entry: RoomEntry;
  readonly target: Target;
  readonly override: Override | undefined;
  readonly onSave: (allow: readonly Changeable[], deny: readonly Changeable[]) => void;
}

function PermissionList({ entry, target, override, onSave }: ListProperties) {
  const role = "role" in target ? target.role : roleOf(entry.room, target.user);
  const why = !mayManagePermissions(entry)
    ? t("permissions_read_only")
    : role === "owner"
      ? t("owners_have_all")
      : !outranks(entry.role, role)
        ? t("only_lower_roles")
        : null;
  const said = (permission: Changeable): Say =>
    override?.allow.includes(permission)
      ? "allow"
      : override?.deny.includes(permission)
        ? "deny"
        : "default";
  const set = (permission: Changeable, say: Say): void => {
    const with_ = (wanted: Say): Changeable[] =>
      changeable.filter((one) => (one === permission ? say : said(one)) === wanted);
    onSave(with_("allow"), with_("deny"));
  };
  const changed = changeable.some((permission) => said(permission) !== "default");
  return (
    <div class="panel-section permission-list">
      {why !== null && <p class="field-hint">{why}</p>}
      {changeable.map((permission) => (
        <PermissionRow
          key={permission}
          permission={permission}
          say={said(permission)}
          byDefault={isDefault(entry, permission, role)}
          disabled={why !== null || entry.permissions?.includes(permission) !== true}
          onChange={(say) => set(permission, say)}
        />
      ))}
      {changed && why === null && (
        <Button onClick={() => onSave([], [])}>
          <Icon icon={RotateCcw} size={16} />
          {t("all_as_default")}
        </Button>
      )}
    </div>
  );
}

interface RowProperties {
  readonly permission: Changeable;
  readonly say: Say;
  readonly byDefault: boolean;
  readonly disabled: boolean;
  readonly onChange: (say: Say) => void;
}

const SIGNS = { deny: X, default: Minus, allow: Check } as const;

function PermissionRow({ permission, say, byDefault, disabled, onChange }: RowProperties) {
  const id = useId();
  return (
    <div class="permission" role="radiogroup" aria-labelledby={id}>
      <div>
        <span id={id}>{t(`permission_${permission}`)}</span>
        <small>{byDefault ? t("allowed_by_default") : t("denied_by_default")}</small>
      </div>
      <div class="permission-choice">
        {(["deny", "default", "allow"] as const).map((value) => (
          <label key={value} data-value={value} title={t(`say_${value}`)}>
            <input
              type="radio"
              name={id}
              aria-label={t(`say_${value}`)}
              checked={say === value}
              disabled={disabled}
              onChange={() => onChange(value)}
            />
            <Icon icon={SIGNS[value]} size={16} />
          </label>
        ))}
      </div>
    </div>
  );
}
