import type { ComponentChildren } from "preact";
import { ConfirmDialog } from "./confirm";
import { DeleteRoomDialog } from "./delete-room";
import { ForwardDialog } from "./forward";
import { ReactedDialog, ReadByDialog, VersionsDialog, WhyDialog } from "./facts";
import { GroupDialog } from "./group";
import { AddGroupMembersDialog, AddMembersDialog, NewPeopleDialog } from "./people";
import type { OpenDialog } from "./open";
import { PollDialog } from "./poll";
import { NewRoomDialog } from "./room";
import { SanctionDialog } from "./sanction";
import { ReportDialog, ResolveDialog } from "./report";
import { RemindDialog, ScheduleDialog } from "./time";

export function Dialogs({ dialog }: { dialog: OpenDialog }): ComponentChildren {
  switch (dialog.kind) {
    case "confirm":
      return <ConfirmDialog {...dialog} />;
    case "delete-room":
      return <DeleteRoomDialog {...dialog} />;
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
    case "sanction":
      return <SanctionDialog {...dialog} />;
    case "report":
      return <ReportDialog {...dialog} />;
    case "resolve":
      return <ResolveDialog {...dialog} />;
    case "new-room":
      return <NewRoomDialog />;
    case "new-people":
      return <NewPeopleDialog />;
    case "add-members":
      return <AddMembersDialog {...dialog} />;
    case "group":
      return <GroupDialog {...dialog} />;
    case "add-group-members":
      return <AddGroupMembersDialog {...dialog} />;
  }
}
