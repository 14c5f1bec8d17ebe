"""Faults in notices: to whom they go, how often, and what leaves the Hub with them."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Always, Drop, Never, Replace, Return

NOTICES: Final = (
    *noticed_by(
        "tests/core/test_notices.py",
        (
            "text of users breaks lines of a notice",
            "one_line",
            Return("text"),
        ),
        ("attempts never end", "next_attempt", Never("notice.attempts >= MAX_ATTEMPTS or ...")),
        (
            "each attempt is another notice",
            "core/notices:_identify",
            Replace("event", "repr(receivers)"),
        ),
    ),
    *noticed_by(
        "tests/usecases/test_notices.py -k sqlite",
        (
            "a user fills the mailboxes of others",
            "Notify.enter",
            Never("recent >= MAX_AN_HOUR"),
        ),
        (
            "managers are told of requests that they may not answer",
            "list_deciders",
            Never("why_not_decide(policy, m, request)"),
        ),
        (
            "suspended managers are told",
            "list_deciders",
            Always("snapshot.suspension_of(n, now) is None"),
        ),
        (
            "an end is announced at every look",
            "GrantEndNotices.announce",
            Drop("current[id_] = each = replace(each, announce_at=None)"),
        ),
        (
            "a grant that moves into the file has ended",
            "GrantEndNotices._end",
            Never("any(...)"),
        ),
        (
            "an attempt that is long over speaks for the next one",
            "_same_attempt",
            Drop("_COLUMN.attempts == tried.attempts"),
        ),
    ),
    *noticed_by(
        "tests/hub/notices/test_webhook.py",
        (
            "a redirect is followed",
            "Webhook._post",
            Replace("httpx.AsyncClient(...)", "httpx.AsyncClient(follow_redirects=True)"),
        ),
        ("any answer will do", "Webhook.send", Never("not 200 <= status < 300")),
        (
            "a signature does not cover its time",
            "webhook:sign",
            Replace('timestamp.encode() + b"." + body', "body"),
        ),
    ),
    *noticed_by(
        "tests/hub/notices/test_settings.py",
        (
            "notices go to any address in clear text",
            "_may_be_posted_to",
            Always("is_here(host)"),
        ),
        (
            "a password is sent in clear text",
            "NoticeTraits._read_mail",
            Never("self.mail_user and self.mail_security == 'none' and ..."),
        ),
        (
            "messages are not signed",
            "NoticeTraits._read_webhook",
            Never("len(secret) < MIN_SECRET"),
        ),
    ),
    *noticed_by(
        "tests/hub/notices/test_mail.py",
        (
            "STARTTLS is left out",
            "mail:deliver",
            Never("settings.security == 'starttls'"),
        ),
        (
            "a mail server holds up the thread for ever",
            "_Timed.connect",
            Drop("self._timer.start()"),
        ),
    ),
    *noticed_by(
        "tests/store/test_notices.py -m postgres",
        (
            "a row is taken twice",
            "take_notice",
            Replace("oldest.limit(1).with_for_update(skip_locked=True)", "oldest.limit(1)"),
        ),
    ),
)
