"""Compares threads in a history with the tables. No I/O; every rule is one function."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.faults.history import Following, History, ThreadMarker
from tests.faults.message_checker import expected_presence, index_messages
from tests.faults.tables import StoredMessage, Tables, Violation

MAX_THREAD_USERS = 5
Root = tuple[str, int]  # room and seq
FollowerKey = tuple[str, int, str]  # room, seq of the root, user


def check_threads(history: History, tables: Tables) -> Iterator[Violation]:
    epochs = history.epochs(tables)
    for each in epochs:
        yield from _rows(each)
        yield from _summaries(each)
        yield from _updates(each)
    yield from _replies(history, epochs)
    yield from _refusals(history, epochs)
    yield from _followers(history, epochs)
    yield from _markers(history, epochs)
    yield from _pages(history, tables)
    yield from _followed(history, tables)


def _rows(tables: Tables) -> Iterator[Violation]:
    """Every reply is in its thread once, and nothing else is."""
    true: dict[Root, dict[int, bool]] = defaultdict(dict)
    for room, messages in tables.messages.items():
        for message in messages:
            in_timeline = message.thread is None or message.details.get("also_in_room", False)
            if message.in_timeline != in_timeline:
                yield Violation("partial change", f"{message.seq} of {room}: in the timeline?")
            if message.thread is not None:
                true[room, message.thread][message.seq] = message.is_deleted
    for root in true.keys() | tables.replies.keys():
        if (stored := tables.replies.get(root, {})) != true[root]:
            yield Violation("partial change", f"thread {root}: {stored}, not {true[root]}")
        last = max((seq for seq, is_deleted in true[root].items() if not is_deleted), default=0)
        if tables.last_replies.get(root) != last:
            shown = tables.last_replies.get(root)
            yield Violation("partial change", f"last reply of {root}: {shown}, not {last}")


def _summaries(tables: Tables) -> Iterator[Violation]:
    """A root counts the replies that are not deleted, and names some of their senders."""
    for room, messages in tables.messages.items():
        by_seq = {message.seq: message for message in messages}
        for message in messages:
            replies = [
                by_seq[seq]
                for seq, is_deleted in sorted(tables.replies.get((room, message.seq), {}).items())
                if seq in by_seq and not is_deleted
            ]
            if wrong := _wrong_summary(message, replies):
                yield Violation("wrong thread", f"{message.seq} of {room}: {wrong}")


def _wrong_summary(root: StoredMessage, replies: list[StoredMessage]) -> str | None:
    summary = root.details.get("thread_summary")
    if summary is None or not replies:
        return None if summary is None and not replies else f"{summary} of {len(replies)} replies"
    users, senders = summary["users"], {reply.sender for reply in replies}
    last = replies[-1]
    is_right = (
        (summary["replies"], summary["last_seq"]) == (len(replies), last.seq)
        and users[:1] == [last.sender]
        and senders.issuperset(users)
        and len(set(users)) == len(users) <= MAX_THREAD_USERS
    )
    return None if is_right else f"{summary} of {[(r.seq, r.sender) for r in replies]}"


def _updates(tables: Tables) -> Iterator[Violation]:
    """The event of a root follows that of each reply, and of each deletion of replies."""
    for room, log in tables.logs.items():
        threads = {message.seq: message.thread for message in tables.messages.get(room, ())}
        true: Counter[int] = Counter()
        for place, entry in enumerate(log):
            if entry.type == "message.created":
                root = threads.get(entry.seq)
                if root is None:
                    continue
                true[root] += 1
                following = log[place + 1] if place + 1 < len(log) else None
                if following is None or following[1:] != (
                    *("thread.updated", entry.actor, "", root),
                ):
                    yield Violation("wrong log", f"{room}: {following} after {entry}")
            elif entry.type == "messages.deleted":
                roots = {threads.get(int(seq)) for seq in entry.what.split()}
                true.update(root for root in roots if root is not None)
        shown = Counter(entry.message or 0 for entry in log if entry.type == "thread.updated")
        if shown != true:
            wrong = {root: (shown[root], true[root]) for root in shown.keys() | true.keys()}
            wrong = {root: pair for root, pair in wrong.items() if pair[0] != pair[1]}
            yield Violation("wrong log", f"{room}: updates of roots (logged, true): {wrong}")


def _replies(history: History, epochs: list[Tables]) -> Iterator[Violation]:
    """An acked reply is in its thread, and in the timeline if that was said."""
    by_seq = [index_messages(each) for each in epochs]
    for send in history.sends:
        if send.seq is None:
            continue
        for number in history.epochs_with(send.acked or 0.0):
            message = by_seq[number].get((send.room, send.seq))
            if message is None:
                continue  # of which another rule makes a note
            in_timeline = send.thread is None or send.also_in_room
            if (message.thread, message.in_timeline) != (send.thread, in_timeline):
                shown = message.thread, message.in_timeline
                true = send.thread, in_timeline
                yield Violation("lost", f"thread of {send.seq} in {send.room}: {shown}, not {true}")


def _refusals(history: History, epochs: list[Tables]) -> Iterator[Violation]:
    """A reply of a member is refused only if its root is none, and it was not sent before. After a
    restore another message may have the seq of the root, and was sent after the refusal."""
    for send in history.sends:
        if send.refused is None or not send.is_member:
            continue
        number = next(history.epochs_with(send.refused))
        messages = epochs[number].messages.get(send.room, [])
        name = f"reply {send.nonce} by {send.user} to {send.thread} in {send.room}"
        if any((m.sender, m.nonce) == (send.user, send.nonce) for m in messages):
            yield Violation("false refusal", f"{name}: it was sent before")
        times = epochs[number].times.get(send.room, {})
        roots = [m for m in messages if m.seq == send.thread and times[m.seq] <= send.began]
        if any(root.thread is None and not root.is_deleted for root in roots):
            yield Violation("false refusal", f"{name}: the root is there")


def _followers(history: History, epochs: list[Tables]) -> Iterator[Violation]:
    """What a user has said last about a thread holds; who has said nothing follows by replying, by
    being named, or as the sender of the root."""
    changes: dict[FollowerKey, list[Following]] = defaultdict(list)
    for change in history.changes:
        if isinstance(change, Following):
            changes[change.room, change.root, change.user].append(change)
    for number, tables in enumerate(epochs):
        for key, own in changes.items():
            room, root, user = key
            expected = expected_presence(history, own, number)
            follower = tables.followers.get(key)
            is_following = follower is not None and follower.is_following
            if (
                expected is not None
                and _stayed(tables, room, user)
                and (room, root) in tables.replies
                and is_following != expected
            ):
                yield Violation("lost", f"following {key}: {follower}, not {expected}")
        for key in _involved(tables) - changes.keys():
            room, _, user = key
            follower = tables.followers.get(key)
            if _stayed(tables, room, user) and not (follower and follower.is_following):
                yield Violation("lost", f"following {key}: {follower}, and said nothing about it")


def _involved(tables: Tables) -> set[FollowerKey]:
    """Those who follow threads without having said so."""
    involved: set[FollowerKey] = set()
    for room, messages in tables.messages.items():
        senders = {message.seq: message.sender for message in messages}
        for message in messages:
            if message.thread is not None:
                root = message.thread
                users = {message.sender, senders[root], *message.details.get("mentions", ())}
                involved |= {(room, root, user) for user in users}
    return involved


def _stayed(tables: Tables, room: str, user: str) -> bool:
    """Whether the user has been a member all the time: a membership that ends, ends following."""
    intervals = tables.membership_intervals(room, user)
    return len(intervals) == 1 and intervals[0].gone is None


def _markers(history: History, epochs: list[Tables]) -> Iterator[Violation]:
    """A marker in a thread is never before an own reply, and never moves back."""
    for tables in epochs:
        for room, messages in tables.messages.items():
            for message in messages:
                if message.thread is None or not _stayed(tables, room, message.sender):
                    continue
                follower = tables.followers.get((room, message.thread, message.sender))
                if follower is not None and follower.read_seq < message.seq:
                    name = f"{message.sender} in thread {message.thread} of {room}"
                    yield Violation("lost", f"marker of {name}: {follower}, sent {message.seq}")
    for marker in history.changes:
        if not isinstance(marker, ThreadMarker) or marker.acked is None:
            continue
        for number in history.epochs_with(marker.acked):
            follower = epochs[number].followers.get((marker.room, marker.root, marker.user))
            if not _stayed(epochs[number], marker.room, marker.user):
                continue
            if follower is not None and follower.read_seq < marker.seq:
                yield Violation("lost", f"{marker} in a thread: {follower}")


def _pages(history: History, tables: Tables) -> Iterator[Violation]:
    """The pages of a thread have each reply once."""
    for fresh in history.fresh:
        if fresh.epoch != tables.epoch:
            continue
        for (room, root), replies in tables.replies.items():
            if room == fresh.room and sorted(fresh.threads.get(root, ())) != sorted(replies):
                shown = fresh.threads.get(root)
                name = f"thread {root} of {room}, read by {fresh.user}"
                yield Violation("wrong page", f"{name}: {shown}, not {sorted(replies)}")


def _followed(history: History, tables: Tables) -> Iterator[Violation]:
    """The list of followed threads has all of them with replies, and what is unread in each."""
    shown = {
        (each.room, each.root, each.user): (each.read_seq, each.unread, each.mentions)
        for each in history.followed
    }
    true = {}
    for (room, root, user), follower in tables.followers.items():
        is_listed = follower.is_following and tables.last_replies.get((room, root), 0) > 0
        if is_listed and (room, user) in tables.members:
            unread = tables.unread_replies(room, root, user)
            mentions = set(unread).intersection(tables.mentions.get((room, user), ()))
            true[room, root, user] = follower.read_seq, len(unread), len(mentions)
    for key in sorted(shown.keys() | true.keys()):
        if shown.get(key) != true.get(key):
            yield Violation(
                "wrong list", f"followed thread {key}: {shown.get(key)}, not {true.get(key)}"
            )
