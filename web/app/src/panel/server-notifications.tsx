import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";
import { chat } from "../state/chat";
import { attempt, complain } from "../state/errors";
import { Choice, Field } from "../ui/field";
import { Skeleton } from "../ui/states";
import { Quiet } from "./quiet";

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
      <Quiet until={settings.quiet_until} onChange={(quiet_until) => set({ quiet_until })} />
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
