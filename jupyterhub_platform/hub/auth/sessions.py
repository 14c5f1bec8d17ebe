"""Ends a user's sessions: in browsers, and in what they opened from there."""

from typing import Any

from jupyterhub import orm


def end_sessions(database: Any, orm_user: Any, *, keep: str | None = None) -> None:
    """End every session of a user but ``keep``; tokens that they made themselves go on.

    Cookies of all sessions carry one id, so that a new one ends them all: a kept session needs a
    new cookie. Servers and services that were opened in a browser have their own tokens.
    """
    orm_user.cookie_id = orm.new_token()
    for kind in (orm.APIToken, orm.OAuthCode):
        of_user = database.query(kind).filter(kind.user_id == orm_user.id)
        for opened in of_user.filter(kind.session_id.isnot(None)):
            if opened.session_id != keep:
                database.delete(opened)
    database.commit()
