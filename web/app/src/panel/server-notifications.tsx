import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";
import { formatMoment } from "../i18n/dates";
import { chat } from "../state/chat";
import { attempt, complain } from "../state/errors";
import { Button } from "../ui/button";
import { Choice, Field } from "../ui/field";
import { Skeleton } from "../ui/states";

type Settings = Awaited<ReturnType<typeof readSettings>>;

const readSettings = () => chat.api.get("/users/me/notifications");

/** What notifies the reader of all rooms, on all devices. */
export function ServerNotifications() {
  const [settings, setSettings] = useState<Settings | null>(null);
  useEffect(() => void readSettings().then(setSettings, complain), []);
  if (settings === null) return <Skeleton shape="lines" count={3} />;
  const set = (change: Partial<Settings>): void =>
    void attempt(async () => {
      setSettings(
        await chat.api.put("/users/me/notifications", { body: { ...settings, ...change } }),
      );
    });
  const quiet = settings.quiet_until !== null && Date.parse(settings.quiet_until) > Date.now();
  const pause = (hours: number): void =>
    set({ quiet_until: new Date(Date.now() + hours * 3_600_000).toISOString() });
  return (
    <section class="panel-section">
      <h3>{t("all_rooms")}</h3>
      <Choice
        label={t("notify_about")}
        value={settings.level ?? "default"}
        options={[
          ["default", t("level_default")],
          ["all", t("level_all")],
          ["mentions", t("level_mentions")],
          ["nothing", t("level_nothing")],
        ]}
        onChange={(value) => set({ level: value === "default" ? null : value })}
      />
      <Keywords words={settings.keywords} onChange={(keywords) => set({ keywords })} />
      <h3>{t("do_not_disturb")}</h3>
      {quiet ? (
        <>
          <p class="field-hint">
            {t("quiet_until", { time: formatMoment(Date.parse(settings.quiet_until ?? "")) })}
          </p>
          <Button onClick={() => set({ quiet_until: null })}>{t("end_quiet")}</Button>
        </>
      ) : (
        <div class="choices">
          {[1, 4, 12].map((hours) => (
            <Button key={hours} onClick={() => pause(hours)}>
              {t("hours_long", { hours })}
            </Button>
          ))}
        </div>
      )}
    </section>
  );
}

function Keywords({
  words,
  onChange,
}: {
  words: readonly string[];
  onChange: (words: string[]) => void;
}) {
  const [text, setText] = useState(words.join(", "));
  return (
    <Field
      label={t("keywords")}
      hint={t("keywords_hint")}
      value={text}
      onInput={(event) => setText(event.currentTarget.value)}
      onChange={() =>
        onChange([
          ...new Set(
            text
              .split(/[,،，]/)
              .map((word) => word.trim())
              .filter((word) => word !== ""),
          ),
        ])
      }
    />
  );
}
