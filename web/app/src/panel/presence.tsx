import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";
import { chat } from "../state/chat";
import { attempt, complain } from "../state/errors";
import { Button } from "../ui/button";
import { Choice } from "../ui/field";
import { Skeleton } from "../ui/states";
import { Quiet } from "./quiet";

type Presence = Awaited<ReturnType<typeof readPresence>>;
type Notifications = Awaited<ReturnType<typeof readNotifications>>;

const readPresence = () => chat.api.get("/users/me/presence");
const readNotifications = () => chat.api.get("/users/me/notifications");

interface Settings {
  readonly presence: Presence;
  readonly notifications: Notifications;
}

async function read(): Promise<Settings> {
  const [presence, notifications] = await Promise.all([readPresence(), readNotifications()]);
  return { presence, notifications };
}

/** What others see while the reader is connected, and who sees it. */
export function PresenceSection() {
  const [settings, setSettings] = useState<Settings | "failed" | null>(null);
  const load = (): void => {
    setSettings(null);
    read().then(setSettings, (error: unknown) => {
      setSettings("failed");
      complain(error);
    });
  };
  useEffect(load, []);
  return (
    <section class="panel-section">
      <h3>{t("presence")}</h3>
      {settings === null && <Skeleton shape="lines" count={3} />}
      {settings === "failed" && <Button onClick={load}>{t("try_again")}</Button>}
      {settings !== null && settings !== "failed" && (
        <Choices settings={settings} onChange={setSettings} />
      )}
    </section>
  );
}

interface ChoicesProperties {
  readonly settings: Settings;
  readonly onChange: (settings: Settings) => void;
}

function Choices({ settings, onChange }: ChoicesProperties) {
  const { presence, notifications } = settings;
  const set = (change: Partial<Presence>): void =>
    void attempt(async () =>
      onChange({
        ...settings,
        presence: await chat.api.put("/users/me/presence", { body: { ...presence, ...change } }),
      }),
    );
  const setQuiet = (quiet_until: string | null): void =>
    void attempt(async () =>
      onChange({
        ...settings,
        notifications: await chat.api.put("/users/me/notifications", {
          body: { ...notifications, quiet_until },
        }),
      }),
    );
  return (
    <>
      <Choice
        label={t("appear_as")}
        value={presence.choice}
        options={[
          ["automatic", t("presence_automatic")],
          ["away", t("away")],
          ["invisible", t("presence_invisible")],
        ]}
        onChange={(choice) => set({ choice })}
      />
      <p class="field-hint">{t(`presence_${presence.choice}_hint`)}</p>
      <Choice
        label={t("presence_visible_to")}
        value={presence.visible_to}
        options={[
          ["shared_rooms", t("visible_to_shared_rooms")],
          ["nobody", t("visible_to_nobody")],
        ]}
        onChange={(visible_to) => set({ visible_to })}
      />
      <h3>{t("do_not_disturb")}</h3>
      <p class="field-hint">{t("do_not_disturb_hint")}</p>
      <Quiet until={notifications.quiet_until} onChange={setQuiet} />
    </>
  );
}
