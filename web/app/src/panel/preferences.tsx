import { t, languages, type Language } from "../i18n";
import { applyLanguage, preferences, setPreference } from "../state/preferences";
import { attempt } from "../state/errors";
import { askForNotifications, playSound } from "../state/notifications";
import { openPanel } from "../router";
import { Button } from "../ui/button";
import { Choice, Switch } from "../ui/field";
import { AccountSection } from "./account";
import { PanelFrame } from "./host";
import { AdministrationSection, OwnListsSection } from "./preference-links";
import { ProfileSection } from "./profile";
import { SessionsSection } from "./sessions";

/** What this device is set to, the account, and its sessions. */
export function PreferencesPanel() {
  const chosen = preferences.value;
  const languageNames = Object.entries(languages) as [Language, string][];
  return (
    <PanelFrame title={t("preferences")}>
      <div class="panel-body">
        <section class="panel-section">
          <h3>{t("this_device")}</h3>
          <Choice
            label={t("theme")}
            value={chosen.theme}
            options={[
              ["system", t("as_system")],
              ["light", t("light")],
              ["dark", t("dark")],
            ]}
            onChange={(theme) => setPreference("theme", theme)}
          />
          <Choice
            label={t("contrast")}
            value={chosen.contrast}
            options={[
              ["system", t("as_system")],
              ["more", t("high")],
              ["less", t("normal")],
            ]}
            onChange={(contrast) => setPreference("contrast", contrast)}
          />
          <Choice
            label={t("language")}
            value={chosen.language}
            options={[["system", t("as_browser")], ...languageNames]}
            onChange={(language) => {
              setPreference("language", language);
              void attempt(() => applyLanguage(language));
            }}
          />
          <Choice
            label={t("send_with")}
            value={chosen.sends}
            options={[
              ["enter", "Enter"],
              ["ctrl_enter", "Ctrl Enter"],
            ]}
            onChange={(sends) => setPreference("sends", sends)}
          />
          <Switch
            label={t("browser_notifications")}
            hint={t("browser_notifications_hint")}
            checked={chosen.notifications}
            onChange={(checked) =>
              void attempt(async () =>
                setPreference("notifications", checked && (await askForNotifications())),
              )
            }
          />
          <Switch
            label={t("sound")}
            checked={chosen.sound}
            onChange={(checked) => {
              setPreference("sound", checked);
              if (checked) playSound();
            }}
          />
          <Switch
            label={t("announce_messages")}
            hint={t("announce_messages_hint")}
            checked={chosen.announcements}
            onChange={(checked) => setPreference("announcements", checked)}
          />
          <Button onClick={() => openPanel("notifications")}>{t("notification_settings")}</Button>
        </section>
        <ProfileSection />
        <AccountSection />
        <OwnListsSection />
        <AdministrationSection />
        <SessionsSection />
      </div>
    </PanelFrame>
  );
}
