"""Faults in how a terminal is logged in, and where its token is kept."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Always, Drop, Never, Replace

TERMINAL_LOGINS: Final = (
    *noticed_by(
        "tests/usecases/test_terminal_logins.py",
        (
            "a code works twice",
            "TerminalLogins.take",
            Drop(
                "del self._waiting[challenge]",
                within="if hmac.compare_digest(...): ...",
            ),
        ),
        (
            "a code works for ever",
            "TerminalLogins.take",
            Replace("self._clock() >= waiting.ends", "False"),
        ),
        (
            "any code lets a terminal in",
            "TerminalLogins.take",
            Always("hmac.compare_digest(waiting.code, _digest(_normalise(code)))"),
        ),
        (
            "the challenge is as good as the verifier",
            "TerminalLogins.take",
            Replace("hash_verifier(verifier)", "verifier"),
        ),
        ("a terminal tries any number of codes", "TerminalLogins.take", Never("not left")),
        (
            "a source tries any number of codes",
            "TerminalLogins.take",
            Drop("self._refuse_often(self._of_source, source)"),
        ),
        (
            "all together try any number of codes",
            "TerminalLogins.take",
            Drop("self._refuse_often(self._in_all, _EVERYWHERE)"),
        ),
        (
            "a user has any number of codes",
            "TerminalLogins.confirm",
            Drop("self._drop(lambda each: each.confirmed.browser.user == browser.user)"),
        ),
        (
            "a code outlives its session",
            "TerminalLogins.forget",
            Drop("self._drop(lambda each: each.confirmed.browser.session == session)"),
        ),
        (
            "a machine says what is not seen",
            "clean_machine",
            Replace("each.isprintable()", "True"),
        ),
    ),
    *noticed_by(
        "tests/cli/test_stored_logins.py",
        (
            "a token that others can read is used",
            "stored_logins:_check_private",
            Never("found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)"),
        ),
        (
            "a folder that others can write is used",
            "stored_logins:_check_private",
            Never("folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH)"),
        ),
        (
            "another user's file is used",
            "stored_logins:_check_owner",
            Never("found.st_uid != os.geteuid()"),
        ),
        ("links are followed", "stored_logins:_read", Replace("os.O_NOFOLLOW", "0")),
        ("the folder is open", "make_folder", Drop("folder.chmod(0o700)")),
        (
            "the login of a platform that is gone is used",
            "find_login_at",
            Replace("place.instance and ...", "False"),
        ),
        ("a login that has ended is used", "find_access", Never("ends <= datetime.now(UTC)")),
    ),
    *noticed_by(
        "tests/hub/auth/test_live_terminal_login.py",
        (
            "a page of another address logs a user out",
            "LogoutGuard.get",
            Always("self.current_user is None or ..."),
        ),
        (
            "a code outlives the suspension of its user",
            "TerminalLoginHandler._make_token",
            Never("if user is None or ...: ..."),
        ),
        (
            "any token is revoked",
            "TerminalLoginHandler.delete",
            Never("if token.user is None or ...: ..."),
        ),
    ),
    *noticed_by(
        "tests/cli/test_trust.py",
        ("other authorities are trusted, too", "make_context", Always("not named")),
        (
            "a certificate for another name will do",
            "make_context",
            Replace("ssl.PROTOCOL_TLS_CLIENT", "ssl.PROTOCOL_TLS"),
        ),
    ),
)
