import type { Session } from "chat-client";
import { useEffect, useState } from "preact/hooks";
import { showDialog } from "../dialogs/open";
import { t } from "../i18n";
import { formatRelative } from "../i18n/dates";
import { chat } from "../state/chat";
import { attempt, complain } from "../state/errors";
import { Button } from "../ui/button";
import { Skeleton } from "../ui/states";

export function SessionsSection() {
  const [sessions, setSessions] = useState<readonly Session[] | null>(null);
  const read = async (): Promise<void> => setSessions(await chat.api.get("/auth/sessions"));
  useEffect(() => void read().catch(complain), []);
  return (
    <section class="panel-section">
      <h3>{t("sessions")}</h3>
      {sessions === null && <Skeleton shape="lines" count={2} />}
      {sessions?.map((session) => (
        <div class="session" key={session.id}>
          <div>
            <strong>{describe(session.client)}</strong>
            <small>
              {session.current
                ? t("this_session")
                : t("last_used", {
                    when: formatRelative(Date.parse(session.used_at)),
                    address: session.address,
                  })}
            </small>
          </div>
          {!session.current && (
            <Button
              onClick={() =>
                void attempt(async () => {
                  await chat.api.delete("/auth/sessions/{session_id}", {
                    path: { session_id: session.id },
                  });
                  await read();
                })
              }
            >
              {t("sign_out")}
            </Button>
          )}
        </div>
      ))}
      <div class="choices">
        <Button onClick={() => void attempt(() => chat.signOut())}>{t("sign_out")}</Button>
        <Button
          kind="danger"
          onClick={() =>
            showDialog({
              kind: "confirm",
              title: t("sign_out_everywhere"),
              text: t("sign_out_everywhere_text"),
              action: t("sign_out_everywhere"),
              run: () => chat.signOutEverywhere(),
            })
          }
        >
          {t("sign_out_everywhere")}
        </Button>
      </div>
    </section>
  );
}

const BROWSERS = [
  /Edg\w*\/(\d+)/,
  /Firefox\/(\d+)/,
  /Chrome\/(\d+)/,
  /Version\/(\d+).*Safari/,
] as const;
const NAMES = ["Edge", "Firefox", "Chrome", "Safari"] as const;

/** "Chrome 140, Windows" from a User-Agent; other clients name themselves. */
function describe(client: string): string {
  const index = BROWSERS.findIndex((pattern) => pattern.test(client));
  if (index === -1) return client;
  const version = BROWSERS[index]?.exec(client)?.[1] ?? "";
  const system = /Windows|Android|iPhone|iPad|Mac OS X|Linux/.exec(client)?.[0] ?? "";
  return [`${NAMES[index] ?? ""} ${version}`, system.replace("Mac OS X", "macOS")]
    .filter(Boolean)
    .join(", ");
}
