import { inform } from "./state/errors";
import { t } from "./i18n";

/** Keeps the page's own files for times without a network, and says when there is a newer page. */
export function registerWorker(): void {
  if (!("serviceWorker" in navigator) || !import.meta.env.PROD) return;
  const { serviceWorker } = navigator;
  const hadOne = serviceWorker.controller !== null;
  serviceWorker.register("/worker.js").catch((error: unknown) => {
    console.warn("The page will not start without a network:", error);
  });
  serviceWorker.addEventListener("controllerchange", () => {
    if (hadOne) inform(t("new_version"), { label: t("reload"), run: () => location.reload() });
  });
}
