import type { Account } from "chat-client";
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { commonLanguages, languageName } from "../i18n/language-names";
import { account } from "../state/account";
import { chat } from "../state/chat";
import { attempt, inform } from "../state/errors";
import { ownZone } from "../state/zones";
import { Button } from "../ui/button";
import { Choice, Field } from "../ui/field";
import { Skeleton } from "../ui/states";

const names = ["display_name", "title", "time_zone", "language"] as const;
type Fields = Record<(typeof names)[number], string>;

/** What others see of the reader, beside the status. */
export function ProfileSection() {
  const own = account.value;
  return (
    <section class="panel-section">
      <h3>{t("profile")}</h3>
      {own === null ? <Skeleton shape="lines" count={4} /> : <ProfileForm own={own} />}
    </section>
  );
}

/** Only what is changed here is sent: another device may have changed the rest. */
function ProfileForm({ own }: { own: Account }) {
  const [edits, setEdits] = useState<Partial<Fields>>({});
  const known = fieldsOf(own);
  const fields = { ...known, ...edits };
  const change = (next: Partial<Fields>): void => setEdits({ ...edits, ...next });
  const changed = names.filter((name) => fields[name].trim() !== known[name]);
  const save = (): Promise<void> =>
    attempt(async () => {
      const body = Object.fromEntries(changed.map((name) => [name, fields[name].trim() || null]));
      account.value = await chat.api.patch("/users/me", { body });
      setEdits({});
      inform(t("saved_changes"));
    });
  return (
    <form
      class="panel-form"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <Field
        label={t("display_name")}
        value={fields.display_name}
        maxLength={64}
        dir="auto"
        onInput={(event) => change({ display_name: event.currentTarget.value })}
      />
      <Field
        label={t("job_title")}
        hint={t("job_title_hint")}
        value={fields.title}
        maxLength={64}
        dir="auto"
        onInput={(event) => change({ title: event.currentTarget.value })}
      />
      <Choice
        label={t("time_zone")}
        value={fields.time_zone}
        options={[["", t("not_shown")], ...zoneOptions(fields.time_zone)]}
        onChange={(time_zone) => change({ time_zone })}
      />
      <Choice
        label={t("spoken_language")}
        value={fields.language}
        options={[["", t("not_shown")], ...languageOptions(fields.language)]}
        onChange={(language) => change({ language })}
      />
      <Button type="submit" disabled={changed.length === 0 || fields.display_name.trim() === ""}>
        {t("save")}
      </Button>
    </form>
  );
}

const fieldsOf = (own: Account): Fields => ({
  display_name: own.display_name,
  title: own.title ?? "",
  time_zone: own.time_zone ?? "",
  language: own.language ?? "",
});

type Option = readonly [value: string, text: string];

/** That of this device first, then all that the browser knows, and the one that is set. */
function zoneOptions(chosen: string): readonly Option[] {
  const name = (zone: string): string => zone.replaceAll("_", " ");
  const own = ownZone();
  const others = new Set([
    ...Intl.supportedValuesOf("timeZone"),
    ...(chosen === "" ? [] : [chosen]),
  ]);
  others.delete(own);
  return [
    [own, `${name(own)} (${t("this_device")})`],
    ...[...others].sort().map((zone): Option => [zone, name(zone)]),
  ];
}

function languageOptions(chosen: string): readonly Option[] {
  const tags = new Set([...commonLanguages, ...(chosen === "" ? [] : [chosen])]);
  return [...tags]
    .map((tag): Option => [tag, languageName(tag)])
    .sort(([, one], [, two]) => one.localeCompare(two));
}
