import type { ComponentChildren } from "preact";
import { languages, language, setLanguage, t, type Language } from "../i18n";
import { setPreference } from "../state/preferences";
import { serverName } from "../state/server";
import { initial } from "../ui/avatar";
import "./front.css";

/** The frame of the pages before a session: one card, the server's name, the language. */
export function Front({
  title,
  text,
  children,
}: {
  title: string;
  text?: string;
  children: ComponentChildren;
}) {
  return (
    <main class="front">
      <div class="front-card">
        <span class="logo front-logo" aria-hidden="true">
          {initial(serverName.value)}
        </span>
        <h1 dir="auto">{title}</h1>
        {text !== undefined && <p class="front-text">{text}</p>}
        {children}
      </div>
      <label class="front-language">
        <span class="quiet-text">{t("language")}</span>
        <select
          value={language.value}
          onChange={(event) => {
            const chosen = event.currentTarget.value as Language;
            setPreference("language", chosen);
            void setLanguage(chosen);
          }}
        >
          {Object.entries(languages).map(([tag, name]) => (
            <option key={tag} value={tag} lang={tag}>
              {name}
            </option>
          ))}
        </select>
      </label>
    </main>
  );
}
