import type { ComponentChildren } from "preact";
import { ConfirmDialog } from "./confirm";
import { ForwardDialog } from "./forward";
import { ReactedDialog, ReadByDialog, VersionsDialog, WhyDialog } from "./facts";
import { AddMembersDialog, NewPeopleDialog } from "./people";
import type { OpenDialog } from "./open";
import { PollDialog } from "./poll";
import { NewRoomDialog } from "./room";
import { RemindDialog, ScheduleDialog } from "./time";

export function Dialogs({ dialog }: { dialog: OpenDialog }): ComponentChildren {
  switch (dialog.kind) {
    case "confirm":
      return <ConfirmDialog {...dialog} />;
    case "forward":
      return <ForwardDialog {...dialog} />;
    case "poll":
      return <PollDialog {...dialog} />;
    case "schedule":
      return <ScheduleDialog {...dialog} />;
    case "remind":
      return <RemindDialog {...dialog} />;
    case "why":
      return <WhyDialog {...dialog} />;
    case "versions":
      return <VersionsDialog {...dialog} />;
    case "read-by":
      return <ReadByDialog {...dialog} />;
    case "reacted":
      return <ReactedDialog {...dialog} />;
    case "new-room":
      return <NewRoomDialog />;
    case "new-people":
      return <NewPeopleDialog />;
    case "add-members":
      return <AddMembersDialog {...dialog} />;
  }
}
