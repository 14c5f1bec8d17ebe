"""Faults in logins at identity providers: what lets a user in who is not meant."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Always, Drop, Never, Replace

LOGINS: Final = (
    *noticed_by(
        "tests/hub/auth/providers/test_id_token.py",
        ("any algorithm signs", "check_id_token", Never("algorithm not in expected.algorithms")),
        (
            "any token is an ID token",
            "check_id_token",
            Never('str(header.get("typ", "JWT")).lower() not in {"jwt", "id_token+jwt"}'),
        ),
        (
            "whom a token names is not looked at",
            "check_id_token",
            Drop("_check_whom(claims, expected)"),
        ),
        ("when a token holds is not looked at", "check_id_token", Drop("_check_when(claims, now)")),
        (
            "which login a token answers is not looked at",
            "check_id_token",
            Drop("_check_which(claims, algorithm, expected)"),
        ),
        ("any issuer counts", "_check_whom", Never('claims.get("iss") != expected.issuer')),
        ("a token for others counts", "_check_whom", Never("expected.client_id not in audiences")),
        (
            "a token that others asked for counts",
            "_check_whom",
            Never("party is not None and party != expected.client_id"),
        ),
        ("tokens last for ever", "_check_when", Never("expires <= now - LEEWAY_SECONDS")),
        ("tokens of the future count", "_check_when", Never("issued > now + LEEWAY_SECONDS")),
        (
            "no number at all is a time",
            "id_token:_read_time",
            Never(
                "isinstance(value, bool) or not isinstance(value, int | float) "
                "or not _is_near(value)"
            ),
        ),
        ("a token without a nonce counts", "_check_which", Drop("isinstance(nonce, str)")),
        ("a token of another access token counts", "_check_which", Never("digest != half")),
        (
            "a key for another algorithm counts",
            "SigningKey.fits",
            Always('self.algorithm in {"", algorithm}'),
        ),
        ("keys for encryption sign", "_read_key", Drop('entry.get("use", "sig") != "sig"')),
        (
            "small keys sign",
            "_read_key",
            Never('entry.get("kty") == "RSA" and len(str(entry.get("n", ""))) < _MIN_MODULUS'),
        ),
    ),
    *noticed_by(
        "tests/hub/auth/providers/test_metadata.py",
        (
            "another issuer's document counts",
            "read_metadata",
            Never('document.get("issuer") != issuer'),
        ),
        (
            "providers are asked without TLS",
            "_read_endpoint",
            Drop('why_no_address(value.partition("?")[0])'),
        ),
        (
            "a provider has this machine asked",
            "_read_endpoint",
            Drop('is_loopback(urlsplit(value).hostname or "")'),
        ),
    ),
    *noticed_by(
        "tests/hub/auth/providers/test_attempts.py",
        (
            "any state comes back",
            "Attempts.finish",
            Drop("not hmac.compare_digest(attempt.state.encode(), state.encode())"),
        ),
        (
            "one provider answers for another",
            "Attempts.finish",
            Drop("attempt.provider != provider"),
        ),
        ("a login comes back twice", "Attempts.finish", Never("attempt.secret in self._finished")),
        ("a login comes back at any time", "Attempts._read", Drop("0 <= age < LIFE_SECONDS")),
        ("a cookie is that of any login", "Attempts._read", Drop("attempt.id == name")),
        ("a browser keeps every login", "Attempts.begin", Drop("_clear(handler, old.id)")),
    ),
    *noticed_by(
        "tests/hub/auth/providers/test_front_end.py",
        ("any proxy is believed", "FrontEndClient.prove", Drop("self._check_sender(request)")),
        ("a header may come twice", "FrontEndClient._read", Never("len(values) > 1")),
        ("anything is a subject", "FrontEndClient.prove", Never("not is_subject(subject)")),
    ),
    *noticed_by(
        "tests/hub/auth/providers/test_proven.py",
        ("claims are as deep as they like", "_is_readable", Drop("depth > MAX_DEPTH")),
        ("claims are as many as they like", "_is_readable", Drop("left[0] < 0")),
    ),
    *noticed_by(
        "tests/hub/auth/test_live_other_providers.py",
        (
            "the proxy's secret is anything",
            "FrontEndClient._check_sender",
            Never("not hmac.compare_digest(sent.encode(), expected.encode())"),
        ),
        (
            "another card goes on with the session",
            "KeptLogins._read_front_end",
            Never("proven.identity.subject != state.identity.subject"),
        ),
        (
            "another account at GitHub goes on with the session",
            "GitHubClient.ask_again",
            Never("proven.identity.subject != known.identity.subject"),
        ),
    ),
    *noticed_by(
        "tests/hub/auth/test_live_login_at_provider.py",
        (
            "another provider answers",
            "OidcClient.check_issuer",
            Never("not hmac.compare_digest(named.encode(), self.provider.issuer.encode())"),
        ),
        (
            "userinfo of another user counts",
            "OidcClient._ask_userinfo",
            Never('not is_subject(userinfo.get("sub")) or userinfo["sub"] != subject'),
        ),
        (
            "all log in with passwords",
            "PlatformAuthenticator.identify",
            Never("known is not None and (why_not := why_no_password(policy, known))"),
        ),
        (
            "invites of before set passwords",
            "InvitePage._find_invited",
            Drop("self.refuse_password(invite.name)"),
        ),
        (
            "a provider that is down ends sessions",
            "KeptLogins._note_unknown",
            Replace("left > 0", "False"),
        ),
        (
            "a provider that is down is believed for ever",
            "KeptLogins._note_unknown",
            Replace("left > 0", "True"),
        ),
    ),
)
