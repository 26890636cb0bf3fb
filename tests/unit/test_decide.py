"""Whether a message counts for a user, and notifies them."""

from dataclasses import replace
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notifications.decide import (
    LEVELS_BY_KIND,
    RULES,
    Count,
    Counts,
    Decision,
    Recipient,
    SentMessage,
    decide,
)
from app.notifications.keywords import contains_keyword
from app.wire.domain import MentionKind, NotificationLevel, NotificationReason, RoomKind

ADA, BOB = UUID(int=1), UUID(int=2)
HELLO = SentMessage(BOB, "hello")
MEMBER = Recipient(ADA, RoomKind.PUBLIC)
DIRECT = frozenset({MentionKind.DIRECT})
OF_MANY = frozenset({MentionKind.GROUP, MentionKind.ROOM, MentionKind.HERE})
LEVELS = st.none() | st.sampled_from(NotificationLevel)
MESSAGES = st.builds(
    SentMessage,
    sender=st.sampled_from([ADA, BOB]),
    text=st.sampled_from(["hello", "a release", "releases"]),
    silent=st.booleans(),
    in_timeline=st.booleans(),
)
RECIPIENTS = st.builds(
    Recipient,
    user=st.just(ADA),
    kind=st.sampled_from(RoomKind),
    is_member=st.booleans(),
    has_muted=st.booleans(),
    level=LEVELS,
    default_level=LEVELS,
    mentions=st.frozensets(st.sampled_from(MentionKind)),
    keywords=st.sampled_from([(), ("release",)]),
    follows_thread=st.booleans(),
    has_blocked=st.booleans(),
    do_not_disturb=st.booleans(),
    is_online=st.booleans(),
)

# For each reason a message and a recipient to which no other rule of the table applies, except for
# the last ones: of them, each is an addition to the level `all` or `mentions`.
CASES: dict[NotificationReason, tuple[SentMessage, Recipient]] = {
    NotificationReason.OWN_MESSAGE: (replace(HELLO, sender=ADA), MEMBER),
    NotificationReason.NOT_MEMBER: (HELLO, replace(MEMBER, is_member=False)),
    NotificationReason.OTHER_THREAD: (replace(HELLO, in_timeline=False), MEMBER),
    NotificationReason.BLOCKED: (HELLO, replace(MEMBER, has_blocked=True)),
    NotificationReason.MUTED: (HELLO, replace(MEMBER, has_muted=True)),
    NotificationReason.LEVEL_NOTHING: (HELLO, replace(MEMBER, level=NotificationLevel.NOTHING)),
    NotificationReason.LEVEL_MENTIONS: (HELLO, MEMBER),
    NotificationReason.SILENT: (
        replace(HELLO, silent=True),
        replace(MEMBER, level=NotificationLevel.ALL),
    ),
    NotificationReason.DO_NOT_DISTURB: (
        HELLO,
        replace(MEMBER, level=NotificationLevel.ALL, do_not_disturb=True),
    ),
    NotificationReason.ONLINE: (
        HELLO,
        replace(MEMBER, level=NotificationLevel.ALL, is_online=True),
    ),
    NotificationReason.DIRECT_MENTION: (HELLO, replace(MEMBER, mentions=DIRECT)),
    NotificationReason.GROUP_MENTION: (
        HELLO,
        replace(MEMBER, mentions=frozenset({MentionKind.GROUP})),
    ),
    NotificationReason.ROOM_MENTION: (
        HELLO,
        replace(MEMBER, mentions=frozenset({MentionKind.ROOM})),
    ),
    NotificationReason.HERE_MENTION: (
        HELLO,
        replace(MEMBER, mentions=frozenset({MentionKind.HERE})),
    ),
    NotificationReason.KEYWORD: (HELLO, replace(MEMBER, keywords=("Hello",))),
    NotificationReason.THREAD: (HELLO, replace(MEMBER, follows_thread=True)),
    NotificationReason.LEVEL_ALL: (HELLO, replace(MEMBER, kind=RoomKind.DIRECT)),
}


def test_every_reason_has_one_rule_in_the_order_of_the_list() -> None:
    assert [rule.reason for rule in RULES] == list(NotificationReason) == list(CASES)


@pytest.mark.parametrize("reason", CASES)
def test_each_rule_decides_its_case(reason: NotificationReason) -> None:
    message, recipient = CASES[reason]
    rule = next(rule for rule in RULES if rule.reason is reason)
    assert decide(message, recipient) == Decision(
        rule.counts.count(recipient.mentions), rule.notifies, reason
    )


def test_an_earlier_rule_wins() -> None:
    """All pairs: what meets both cases is decided by the first."""
    for (first, one), (second, other) in product(CASES.items(), repeat=2):
        message = SentMessage(
            ADA if ADA in (one[0].sender, other[0].sender) else BOB,
            "hello",
            one[0].silent or other[0].silent,
            one[0].in_timeline and other[0].in_timeline,
        )
        changes = {
            name: value
            for recipient in (other[1], one[1])
            for name in Recipient.__dataclass_fields__
            if (value := getattr(recipient, name)) != getattr(MEMBER, name)
        }
        recipient = replace(MEMBER, **changes)
        applying = [rule.reason for rule in RULES if rule.applies(message, recipient)]
        assert decide(message, recipient).reason == applying[0]
        order = list(NotificationReason)
        assert order.index(applying[0]) <= max(order.index(first), order.index(second))


@pytest.mark.parametrize(
    ("counts", "mentions", "count"),
    [
        *((Counts.NOTHING, kinds, Count.NOTHING) for kinds in (frozenset(), DIRECT, OF_MANY)),
        *((Counts.UNREAD, kinds, Count.UNREAD) for kinds in (frozenset(), DIRECT, OF_MANY)),
        (Counts.IF_DIRECT, frozenset(), Count.UNREAD),
        (Counts.IF_DIRECT, OF_MANY, Count.UNREAD),
        (Counts.IF_DIRECT, DIRECT | OF_MANY, Count.MENTION),
        (Counts.IF_MENTION, frozenset(), Count.UNREAD),
        (Counts.IF_MENTION, OF_MANY, Count.MENTION),
        (Counts.IF_MENTION, DIRECT, Count.MENTION),
    ],
)
def test_what_a_rule_counts_depends_on_the_mentions(
    counts: Counts, mentions: frozenset[MentionKind], count: Count
) -> None:
    assert counts.count(mentions) is count


@given(MESSAGES, RECIPIENTS)
def test_every_message_is_decided(message: SentMessage, recipient: Recipient) -> None:
    decision = decide(message, recipient)
    shown = message.in_timeline or recipient.follows_thread
    concerns = message.sender != recipient.user and recipient.is_member and shown
    assert (decision.count is not Count.NOTHING) == concerns
    if not concerns:
        assert not decision.notify
    if decision.count is Count.MENTION:
        assert recipient.mentions
    if decision.notify:
        assert not any((message.silent, recipient.do_not_disturb, recipient.has_muted))
        assert recipient.effective_level is not NotificationLevel.NOTHING


@given(MESSAGES, RECIPIENTS, st.booleans(), st.booleans(), st.booleans())
def test_what_only_silences_changes_no_count(
    message: SentMessage, recipient: Recipient, silent: bool, quiet: bool, online: bool
) -> None:
    """Nor do keywords, the levels `all` and `mentions`, and for messages of the room threads."""
    other = replace(
        recipient,
        do_not_disturb=quiet,
        is_online=online,
        keywords=(),
        follows_thread=recipient.follows_thread != message.in_timeline,
        level=NotificationLevel.NOTHING
        if recipient.effective_level is NotificationLevel.NOTHING
        else NotificationLevel.ALL,
    )
    assert decide(replace(message, silent=silent), other).count is decide(message, recipient).count


@given(RECIPIENTS)
def test_the_level_of_the_room_comes_before_that_of_all_rooms(recipient: Recipient) -> None:
    expected = recipient.level or recipient.default_level or LEVELS_BY_KIND[recipient.kind]
    assert recipient.effective_level is expected


@pytest.mark.parametrize(
    ("text", "keyword", "found"),
    [
        ("a Release!", "release", True),
        ("releases", "release", False),
        ("prerelease", "release", False),
        ("RELEASE", "Release", True),
        ("release_notes", "release", False),
        ("(release)", "release", True),
        ("released, then a release", "release", True),
        ("STRASSE", "straße", True),
        ("on fire now", "on fire", True),
        ("c++ rocks", "c++", True),
        ("今日リリースです", "リリース", True),
        ("今日はreleaseだ", "release", True),
        ("", "release", False),
    ],
)
def test_a_keyword_is_a_word_of_the_text(text: str, keyword: str, found: bool) -> None:
    assert contains_keyword(text, (keyword,)) is found
