import "./styles/base.css";
import { render } from "preact";
import { App } from "./app";
import { startRouter } from "./router";
import { chat } from "./state/chat";
import { startNotifications } from "./state/notifications";
import { applyPreferences } from "./state/preferences";
import { readServer } from "./state/server";
import { registerWorker } from "./worker";

async function start(): Promise<void> {
  startRouter();
  await applyPreferences();
  void readServer();
  // An error is shown as what it is: not signed in, or not connected.
  void chat.restore().catch(() => undefined);
  startNotifications();
  const root = document.getElementById("app");
  if (root !== null) render(<App />, root);
  registerWorker();
}

void start();
