"""What a step that was not refused has left: where its words are now, and which ids there are."""

from dataclasses import replace
from typing import Any

from app.rooms.policy import ADMINS, MODERATORS
from tests.authorization.canaries import Canaries, Copy, Part
from tests.authorization.world import Step, World

# What is for nobody but its writer.
PRIVATE = {
    *("save_draft", "save_message", "add_reminder", "update_reminder", "schedule_message"),
    *("update_scheduled_message", "set_notifications"),
}
# What is for moderators, and for administrators of the server.
REASONS = {"ban_from_room", "time_out_member", "add_room_filter_rule"}
REPORTS = {"report_message", "report_member"}
# By the operation that makes it: the parameter of a path that has its id.
MADE = {
    "schedule_message": "scheduled_id",
    "add_reminder": "reminder_id",
    "create_invite": "invite_id",
    "add_filter_rule": "rule_id",
    "add_room_filter_rule": "rule_id",
}


def note_request(canaries: Canaries, world: World, step: Step, answer: Any) -> None:
    room, seq, user = step.ids["room_id"], step.ids["seq"], step.user
    if step.name in MADE:
        world.ids[MADE[step.name]].append(answer["id"])
    if step.name in PRIVATE:
        _put(canaries, step, Copy(Part.PRIVATE, users=frozenset({user})))
    if step.name in REASONS:
        _put(canaries, step, _for_moderators(world, room))
    if step.name in REPORTS:
        _note_report(canaries, world, step, answer)
    match step.name:
        case "send_message":
            _note_send(canaries, world, step, room, answer["seq"])
        case "forward_message":
            target = step.body["to"]
            _note_send(canaries, world, step, target, answer["seq"])
            canaries.forward(room, seq, target, answer["seq"])
        case "edit_message":
            _note_edit(canaries, step, room, seq, answer["sender"])
        case "add_poll_option":
            canaries.write(step.words, Part.MESSAGE, room, seq)
        case "delete_message" | "delete_messages":
            canaries.delete(room, seq)
        case "add_filter_rule":
            _put(canaries, step, Copy(Part.PRIVATE, users=world.administrators))
        case "resolve_report":
            _put(canaries, step, _for_moderators(world, answer["room"]))
        case "create_invite":
            world.codes.append(answer["code"])
        case "ask_to_join":
            _put(canaries, step, Copy(Part.PRIVATE, room, roles=ADMINS, users=frozenset({user})))
        case "update_room":
            canaries.write(step.words, Part.ROOM, room, 0)
            if room in world.public_rooms:
                _put(canaries, step, Copy(Part.ROOM, users=world.users))
        case _:
            pass


def note_frame(canaries: Canaries, world: World, step: Step, answer: dict[str, Any]) -> None:
    if step.name == "message.send":
        _note_send(canaries, world, step, step.body["room"], answer["seq"])
    if step.name == "message.edit":
        _note_edit(canaries, step, step.body["room"], step.body["seq"], step.user)


def _for_moderators(world: World, room: str) -> Copy:
    return Copy(Part.PRIVATE, room, roles=MODERATORS, users=world.administrators)


def _note_report(canaries: Canaries, world: World, step: Step, answer: dict[str, Any]) -> None:
    """One that is repeated is as it was. It keeps what the message says."""
    if answer["id"] in world.ids["report_id"]:
        return
    world.ids["report_id"].append(answer["id"])
    moderators = _for_moderators(world, answer["room"])
    _put(canaries, step, replace(moderators, users=moderators.users | {step.user}))
    if step.name == "report_message":
        canaries.report(answer["room"], answer["message"], moderators)


def _put(canaries: Canaries, step: Step, copy: Copy) -> None:
    for word in step.words:
        canaries.put(word, copy)


def _note_send(canaries: Canaries, world: World, step: Step, room: str, seq: int) -> None:
    """The first word is in the text, the others are in what edits leave as it is."""
    canaries.write(step.words[:1], Part.TEXT, room, seq)
    canaries.write(step.words[1:], Part.MESSAGE, room, seq)
    world.seqs[room].append(seq)


def _note_edit(canaries: Canaries, step: Step, room: str, seq: int, sender: str) -> None:
    canaries.edit(step.words, room, seq, sender)
