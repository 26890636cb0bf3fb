import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { complain } from "../state/errors";
import { closeProfile, openProfile, type OpenProfile } from "./open";

/** The card's code is loaded when the first one is opened. */
export function ProfileHost() {
  const shown = openProfile.value;
  const [Card, setCard] = useState<ComponentType<OpenProfile> | null>(null);
  const wanted = shown !== null;
  useEffect(() => {
    if (!wanted || Card !== null) return;
    import("./profile-card").then(
      (module) => setCard(() => module.ProfileCard),
      (error: unknown) => {
        closeProfile();
        complain(error);
      },
    );
  }, [wanted]);
  if (shown === null || Card === null) return null;
  return <Card key={shown.user} {...shown} />;
}
