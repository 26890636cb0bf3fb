import { effect, signal } from "@preact/signals";
import { browserLanguage, isLanguage, setLanguage, type Language } from "../i18n";

export type Theme = "system" | "light" | "dark";
export type Contrast = "system" | "more" | "less";

/** What one device is set to. Not synchronised: a phone and a desk differ. */
export interface Preferences {
  readonly theme: Theme;
  readonly contrast: Contrast;
  readonly language: Language | "system";
  readonly sound: boolean;
  readonly notifications: boolean;
  readonly announcements: boolean;
  readonly sends: "enter" | "ctrl_enter";
}

const KEY = "chat.preferences";
const DEFAULTS: Preferences = {
  theme: "system",
  contrast: "system",
  language: "system",
  sound: false,
  notifications: false,
  announcements: true,
  sends: "enter",
};

export const preferences = signal<Preferences>(read());

export function setPreference<K extends keyof Preferences>(name: K, value: Preferences[K]): void {
  preferences.value = { ...preferences.peek(), [name]: value };
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences.peek()));
  } catch {
    // Storage is full or forbidden: the setting holds until the page is closed.
  }
}

function read(): Preferences {
  try {
    return {
      ...DEFAULTS,
      ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Preferences>),
    };
  } catch {
    return DEFAULTS;
  }
}

export function applyPreferences(): Promise<void> {
  effect(() => {
    const { theme, contrast } = preferences.value;
    setAttribute("theme", theme);
    setAttribute("contrast", contrast);
  });
  addEventListener("storage", (event) => {
    if (event.key === KEY) preferences.value = read();
  });
  return applyLanguage(preferences.peek().language);
}

export function applyLanguage(choice: Preferences["language"]): Promise<void> {
  return setLanguage(choice !== "system" && isLanguage(choice) ? choice : browserLanguage());
}

function setAttribute(name: string, value: string): void {
  if (value === "system") document.documentElement.removeAttribute(`data-${name}`);
  else document.documentElement.setAttribute(`data-${name}`, value);
}
