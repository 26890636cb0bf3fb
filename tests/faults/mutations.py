"""Break each mechanism of delivery in a copy of the sources: a test has to fail.

python -m tests.faults.mutations [NAME …] [--faults]

Each mutation changes one place. The tests that it names have to fail; with --faults the
fault-injection run that it names has to fail, too. The output is a table.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = (
    "app",
    "tests",
    "testkit",
    "alembic",
    "alembic.ini",
    "pyproject.toml",
    ".env.example",
    "docs",
)
SECONDS = 600
ANY = "any-failure"  # a profile of tests/conftest.py
FAILED = 1  # exit status of pytest and of tests.faults for a failure
MARKS = {"pytest": "FAILED ", "tests.faults": "  "}  # the beginning of a line that names a failure


@dataclass(frozen=True)
class Mutation:
    """Replaces `old`, which occurs once in `file`, by `new`. `tests` are arguments of pytest,
    `faults` those of `tests.faults` (None: no fault-injection run detects it)."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    faults: tuple[str, ...] | None = None


MODEL = ("tests/realtime/test_model.py",)
POSITIONS = "        positions = {c.user: self.find_position(c.user) for c, _ in due}\n"
ITEMS = "        waiting.update(await self.send_items())\n"
ROWS = (
    "        rows = await _read("
    "self.database, {(room, connection.user) for connection, room in due})\n"
)
LISTS = ("tests/features/messages/test_room_list_model.py", "-m", "embedded")
EPOCHS = ("tests/realtime/test_epochs.py", "-m", "embedded", "-k", "void")
EDITS, DELETIONS, REACTIONS = (
    f"tests/features/messages/test_{name}.py" for name in ("edits", "deletions", "reactions")
)
THREADS, FOLLOWERS = (f"tests/features/threads/test_{name}.py" for name in ("threads", "followers"))
SCHEDULED = "tests/features/scheduling/test_scheduled_messages.py"
NO_FAULT = ("--faults", "none", "--seconds", "10")
RESTORE = ("--faults", "restore", "--seconds", "20", "--hold", "2.5")

MUTATIONS = (
    Mutation(
        "the change poller is off",
        "app/realtime/delivery/change_poller.py",
        "        if room:\n            delivery.note_head(room, head)\n",
        "        if room:\n            pass\n",
        MODEL,
        ("--faults", "server-crash", "--seconds", "20", "--hold", "1"),
    ),
    Mutation(
        "an ack moves the position",
        "app/client/frame_loop.py",
        "                self._send_queue.on_ack(frame)\n",
        "                self._send_queue.on_ack(frame)\n"
        "                for room in self._rooms._rooms.values():\n"
        "                    room.cursor.seq = max(room.cursor.seq or 0, frame.seq)\n",
        ("tests/client/test_frame_loop.py", "-k", "acks_never_move"),
    ),
    Mutation(
        "a position of any epoch is accepted",
        "app/core/server_state.py",
        "        return epoch == self.epoch or (epoch is None and not self.restores)\n",
        "        return True\n",
        EPOCHS,
        RESTORE,
    ),
    Mutation(
        "a snapshot is signed without its epoch",
        "app/core/sync_tokens.py",
        '    return {"before": before, "after": f"{state.epoch} {_ITEM_KINDS}".encode()}\n',
        '    return {"before": before, "after": _ITEM_KINDS.encode()}\n',
        EPOCHS,
        RESTORE,
    ),
    Mutation(
        "the log is read before the room is subscribed",
        "app/realtime/delivery/delivery.py",
        "            for seq, frame, closed in catching_up.queue\n",
        "            for seq, frame, closed in catching_up.queue[:0]\n",
        ("tests/realtime/test_removal_in_catch_up.py", "-m", "embedded", "-k", "during_catch_up"),
        ("--faults", "client-flap", "--seconds", "20", "--hold", "3"),
    ),
    Mutation(
        "a repeated nonce consumes a seq, as a savepoint would",
        "app/messages/send/rules.py",
        "    if facts.duplicate is not None:\n",
        "    if facts.duplicate is not None:\n"
        "        if room is not None:\n"
        "            room.seq += 1\n",
        ("tests/group_commit", "-m", "embedded"),
        ("--faults", "client-flap", "--seconds", "20", "--hold", "3"),
    ),
    Mutation(
        "an event is published before COMMIT",
        "app/persistence/database.py",
        "                    result = await use_case(uow, *args, **kwargs)\n",
        "                    result = await use_case(uow, *args, **kwargs)\n"
        "                    self._publish(uow.publications)\n",
        ("tests/persistence/test_uow.py", "-m", "embedded"),
        ("--faults", "commit-reset", "--seconds", "20", "--hold", "3"),
    ),
    Mutation(
        "a removed member still receives events",
        "app/realtime/hub/hub.py",
        "        self.unsubscribe(subscription.connection, closed.room)\n"
        "        subscription.connection.send(closed)\n",
        "        subscription.connection.send(closed)\n",
        MODEL,
        ("--faults", "none", "--seconds", "10"),
    ),
    Mutation(
        "a duplicate is delivered twice",
        "app/realtime/hub/room_stream.py",
        "            self.note_head(event.seq)\n        return self._take_ready()\n",
        "            self.note_head(event.seq)\n"
        "            if event.seq <= self.head:\n"
        "                return [event]\n"
        "        return self._take_ready()\n",
        MODEL,
        ("--faults", "redis-forged", "--seconds", "20", "--hold", "4"),
    ),
    Mutation(
        "a gap is skipped",
        "app/realtime/hub/room_stream.py",
        "        while event := self._out_of_order.pop(self._head + 1, None):\n"
        "            ready.append(event)\n"
        "            self._head += 1\n",
        "        for seq in sorted(self._out_of_order):\n"
        "            ready.append(self._out_of_order.pop(seq))\n"
        "            self._head = max(self._head, seq)\n",
        MODEL,
        ("--faults", "redis-kill-pubsub,redis-reset", "--seconds", "25", "--hold", "3"),
    ),
    Mutation(
        "events of users' logs are ignored",
        "app/realtime/room_list/state.py",
        "        else:\n            self._invalidate_user(room_id, user)\n",
        "        else:\n            pass\n",
        ("tests/realtime/test_user_logs.py", "-m", "embedded", "-k", "a_lost_event"),
        ("--faults", "none", "--seconds", "10"),
    ),
    Mutation(
        "lists since a snapshot lack the rooms that users' logs name",
        "app/persistence/repositories/room_lists.py",
        "for user, room in subjects if isinstance(room, UUID)}\n",
        "for user, room in () if isinstance(room, UUID)}\n",
        ("tests/realtime/test_list_convergence.py", "-m", "embedded", "-k", "comes_back_often"),
        ("--faults", "none", "--seconds", "20"),
    ),
    Mutation(
        "a message does not move the read marker of its sender",
        "app/persistence/repositories/batch_writes.py",
        "        _member.read_seq: func.coalesce(sent_seq, _member.read_seq),\n",
        "",
        LISTS,
        ("--faults", "none", "--seconds", "10"),
    ),
    Mutation(
        "a mention is not noted with its member",
        "app/persistence/repositories/batch_writes.py",
        "        _member.mentioned_seq: func.coalesce(mentioned_seq, _member.mentioned_seq),\n",
        "",
        ("tests/features/messages/test_read.py", "-m", "embedded", "-k", "mentions_count"),
        ("--faults", "none", "--seconds", "10"),
    ),
    Mutation(
        "an edit does not keep the version that it replaces",
        "app/messages/send/change_batch.py",
        "        self.changes.versions.append((edit.room, before))\n",
        "",
        (EDITS, "-m", "embedded", "-k", "whom_the_room_lets"),
        NO_FAULT,
    ),
    Mutation(
        "the later of two edits of one version is accepted",
        "app/messages/send/change_rules.py",
        "    if message.version != change.version:\n",
        "    if message.version < change.version:\n",
        (EDITS, "-m", "embedded", "-k", "second_is_a_conflict"),
        NO_FAULT,
    ),
    Mutation(
        "a reaction is counted without its row",
        "app/persistence/repositories/message_changes.py",
        "        if added:\n",
        "        if added and not added:\n",
        (REACTIONS, "-m", "embedded", "-k", "counted_with"),
        NO_FAULT,
    ),
    Mutation(
        "a page does not say which reactions are the reader's",
        "app/persistence/repositories/message_pages.py",
        "        if with_reactions:\n",
        "        if with_reactions and not with_reactions:\n",
        (REACTIONS, "-m", "embedded", "-k", "a_page_says"),
        NO_FAULT,
    ),
    Mutation(
        "a deletion leaves the rows of mentions",
        "app/persistence/repositories/messages.py",
        "            replaced_mentions=mention_keys(room_id, before),\n",
        "            replaced_mentions=mention_keys(room_id, before[:0]),\n",
        (DELETIONS, "-m", "embedded", "-k", "what_belongs"),
        NO_FAULT,
    ),
    Mutation(
        "a deleted message still counts as unread",
        "app/persistence/repositories/room_lists.py",
        "            unread[n] = max(0, (unread[n] or 0) - count)\n",
        "            unread[n] = max(count, unread[n] or 0)\n",
        (DELETIONS, "-m", "embedded", "-k", "does_not_count_as_unread"),
        NO_FAULT,
    ),
    Mutation(
        "a reply does not move the marker of its sender",
        "app/messages/send/thread_batch.py",
        "        self.changes.markers[room, root.seq, reply.sender] = reply.seq\n",
        "",
        (FOLLOWERS, "-m", "embedded", "-k", "a_reply_moves"),
        NO_FAULT,
    ),
    Mutation(
        "a root still counts a reply that was deleted",
        "app/messages/threads.py",
        "        replies=summary.replies - len(deleted),\n",
        "        replies=summary.replies,\n",
        (THREADS, "-m", "embedded", "-k", "a_deleted_reply"),
        NO_FAULT,
    ),
    Mutation(
        "a reply that is only in its thread is in the timeline",
        "app/persistence/repositories/message_columns.py",
        '        "in_timeline": message.in_timeline,\n',
        '        "in_timeline": True,\n',
        (THREADS, "-m", "embedded", "-k", "in_its_thread_and_in_the_log_only"),
        NO_FAULT,
    ),
    Mutation(
        "a scheduled message is sent before it is due",
        "app/persistence/repositories/scheduled_messages.py",
        "_scheduled.due_at <= DatabaseNow())\n",
        "_scheduled.due_at <= DatabaseNow(-3))\n",
        (SCHEDULED, "-m", "embedded", "-k", "at_its_time"),
        NO_FAULT,
    ),
    Mutation(
        "a scheduled message that was sent stays pending",
        "app/scheduling/service.py",
        "scheduled.state, scheduled.message_seq = ScheduledState.SENT, result.message.seq\n",
        "del result\n",
        (SCHEDULED, "-m", "embedded", "-k", "at_its_time"),
        NO_FAULT,
    ),
    Mutation(
        "a scheduled message that was cancelled stays pending",
        "app/scheduling/service.py",
        "    await uow.scheduled_messages.delete(scheduled)\n",
        "",
        (SCHEDULED, "-m", "embedded", "-k", "changed_and_deleted"),
        NO_FAULT,
    ),
    Mutation(
        "the event of a deletion is published before COMMIT",
        "app/persistence/database.py",
        "            await uow.flush()\n            await _commit_session(session)\n",
        "            await uow.flush()\n"
        '            if any(p.kind.name == "MESSAGE_CHANGED" for p in uow.publications):\n'
        "                self._publish(uow.publications)\n"
        "            await _commit_session(session)\n",
        ("tests/features/test_atomicity.py", "-m", "embedded", "-k", "delete_message"),
        ("--faults", "commit-reset", "--seconds", "60", "--hold", "3"),
    ),
    Mutation(
        "the position of a snapshot is taken after its rooms are read",
        "app/realtime/room_list/updates.py",
        POSITIONS + ITEMS + ROWS,
        ITEMS + ROWS + POSITIONS,
        ("tests/realtime/test_snapshots_of_updates.py", "-m", "embedded", "-k", "while_an_update"),
    ),
)


def apply_mutation(tree: Path, mutation: Mutation) -> None:
    """Change the copy. Raises ValueError unless `old` occurs once."""
    file = tree / mutation.file
    text = file.read_text(encoding="utf-8")
    if text.count(mutation.old) != 1:
        raise ValueError(f"{mutation.name}: {text.count(mutation.old)} places in {mutation.file}")
    file.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")


def copy_to(tree: Path) -> None:
    for name in COPIED:
        source, ignored = ROOT / name, shutil.ignore_patterns("__pycache__", ".*_cache")
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=ignored)
        else:
            shutil.copy2(source, tree / name)


def run_tests_against(tree: Path, module: str, *arguments: str) -> str | None:
    """The first failure in one line, or None."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=tree,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode == 0:
        return None
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    if done.returncode != FAILED:
        raise RuntimeError("\n".join(lines[-30:]))
    found = [line for line in lines if line.startswith(MARKS[module])]
    return (found or lines[-1:])[0].strip()[:200]


def row(mutation: Mutation, *, with_faults: bool) -> tuple[list[str], bool]:
    """A row of the table, and whether all tests detected the mutation."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as directory:
        tree = Path(directory)
        copy_to(tree)
        apply_mutation(tree, mutation)
        plain = ("-q", "-x", "-n", "0", "-p", "no:cacheprovider", f"--hypothesis-profile={ANY}")
        cells = [run_tests_against(tree, "pytest", *plain, *mutation.tests)]
        if with_faults and mutation.faults is not None:
            cells.append(run_tests_against(tree, "tests.faults", *mutation.faults))
    shown = [cell or "**nothing**" for cell in cells] + ["–"] * (2 - len(cells))
    return [mutation.name, f"`{mutation.file}`", *shown], all(cells)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.mutations", description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of names (all)")
    parser.add_argument("--faults", action="store_true", help="also run tests.faults")
    options = parser.parse_args(arguments)
    sys.stdout.write("| mutation | where | detected by | in a fault run |\n|---|---|---|---|\n")
    all_detected = True
    for mutation in MUTATIONS:
        if options.names and not any(name in mutation.name for name in options.names):
            continue
        cells, detected = row(mutation, with_faults=options.faults)
        all_detected = all_detected and detected
        sys.stdout.write(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n")
        sys.stdout.flush()
    return 0 if all_detected else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
