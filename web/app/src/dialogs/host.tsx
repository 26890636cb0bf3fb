import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { complain } from "../state/errors";
import { closeDialog, openDialog, type OpenDialog } from "./open";

type Content = ComponentType<{ dialog: OpenDialog }>;

/** Dialogs are loaded when the first one is opened. */
export function DialogHost() {
  const dialog = openDialog.value;
  const [Dialogs, setDialogs] = useState<Content | null>(null);
  const wanted = dialog !== null;
  useEffect(() => {
    if (!wanted || Dialogs !== null) return;
    import("./dialogs").then(
      (module) => setDialogs(() => module.Dialogs as Content),
      (error: unknown) => {
        closeDialog();
        complain(error);
      },
    );
  }, [wanted]);
  return dialog === null || Dialogs === null ? null : <Dialogs key={dialog.kind} dialog={dialog} />;
}
