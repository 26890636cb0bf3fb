import { PlugZap } from "lucide-preact";
import { SignInPage } from "./pages/sign-in";
import { WelcomePage } from "./pages/welcome";
import { Shell } from "./shell/shell";
import { session } from "./state/chat";
import { server, signsIn } from "./state/server";
import { announcement } from "./ui/announce";
import { Notices } from "./ui/notices";
import { Empty, After } from "./ui/states";
import { t } from "./i18n";

export function App() {
  return (
    <>
      <Page />
      <Notices />
      <div class="quiet-text" role="status" aria-live="polite">
        {announcement.value}
      </div>
    </>
  );
}

function Page() {
  const { state } = session.value;
  if (state === "signed_in") return <Shell />;
  if (server.value?.needs_setup === true && !signsIn.value) return <WelcomePage />;
  if (state === "signed_out") return <SignInPage />;
  return (
    <After ms={4000}>
      <Empty icon={PlugZap} title={t("no_connection")} text={t("starting_text")} />
    </After>
  );
}
