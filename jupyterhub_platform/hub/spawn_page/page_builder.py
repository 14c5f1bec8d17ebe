"""Build the spawn page from policy and book. Start reading here.

Everything is asked of :func:`~jupyterhub_platform.core.decision.decide`; the page words what it
answers.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from jupyterhub_platform.core.decision import Denial, list_fitting
from jupyterhub_platform.core.grants import Grant
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.options import ChosenAccount, Options, choose_account, read_options
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.question import Question, Subject, ask
from jupyterhub_platform.hub.spawn_page.page import (
    AccountChoice,
    Later,
    SpawnPage,
    TierCard,
)
from jupyterhub_platform.hub.spawn_page.page_context import (
    OtherUsersServers,
    PageContext,
    PageLinks,
    PageViewer,
)
from jupyterhub_platform.hub.spawn_page.tier_cards import build_card, list_reasons
from jupyterhub_platform.usecases.availability import (
    decide_tier,
    list_refusals,
    list_tiers,
    say_answer,
    say_no_tier,
)
from jupyterhub_platform.usecases.binding_limits import list_binding, list_lines
from jupyterhub_platform.usecases.book import Book
from jupyterhub_platform.usecases.holdings import say_holding

_MAX_FUTURES = 5


def build_page(
    policy: Policy,
    book: Book,
    subject: Subject,
    server: str,
    *,
    now: datetime,
    revision: int,
    stored_options: object,
    preselect: Mapping[str, str],
    viewer: PageViewer,
    links: PageLinks,
    last_account: str = "",
    titles: Mapping[str, str] | None = None,
    notes: tuple[str, ...] = (),
) -> SpawnPage:
    """Build the page on which ``viewer`` starts ``server`` of ``subject``.

    Parameters
    ----------
    stored_options
        The options of the server's last start; any value from the Hub's database.
    preselect
        The options of a link, or of a refused attempt.
    last_account, titles
        What was charged for the user's last start, and display names of their servers.
    notes
        Small print: what the spawner cannot apply, whom it cannot isolate.
    """
    wish, last = read_options(preselect), read_options(stored_options)

    def put(account: str, at: datetime = now) -> Question:
        options = Options(account=account)
        return ask(policy, book, subject, server, options, now=at, revision=revision)

    questions = {account: put(account) for account in subject.accounts}
    chosen = _choose_account(policy, questions, wish, (last.account, last_account), subject)
    account = chosen.name
    question = questions.get(account) or put("")
    others = OtherUsersServers(book, subject.name)
    context = PageContext(policy, book, others, subject.name, chosen, viewer, links, titles or {})
    refused = list_refusals(question)
    cards: tuple[TierCard, ...] = ()
    if not refused:
        futures = _list_futures(policy, subject, account, now)
        later = _find_later(question, [(grant, put(account, at)) for at, grant in futures])
        cards = _build_cards(context, question, wish, last, later)
    choices = _list_accounts(context, questions)
    return _compose(context, question, cards, choices, refused, tuple(filter(None, notes)))


def _compose(
    context: PageContext,
    question: Question,
    cards: tuple[TierCard, ...],
    choices: tuple[AccountChoice, ...],
    refused: tuple[Denial, ...],
    notes: tuple[str, ...],
) -> SpawnPage:
    return SpawnPage(
        server=context.server_title(question.server) if question.server else "",
        answer="" if refused else _say_answer(context, question, cards),
        whose="yours" if context.own else context.user,
        account=context.account,
        account_title=_account_title(context.policy, context.account),
        account_reason=context.chosen.say_why(context.whose) if choices else "",
        accounts=choices,
        bars=list_binding(context.policy, question, context.who) if cards else (),
        limits=list_lines(context.policy, question.limits, context.who) if cards else (),
        cards=cards,
        refusals=list_reasons(context, refused),
        remedies=tuple(denial.remedy for denial in refused),
        empty="" if refused or cards else say_no_tier(context.policy, question, own=context.own),
        notes=notes,
        home_url=f"{context.links.hub_url}home",
        user_url=context.links.user(context.user),
        ask_url=_find_ask_url(context, refused),
        now=question.at,
        shows_codes=context.viewer.reads_everything,
    )


def _find_ask_url(context: PageContext, refused: tuple[Denial, ...]) -> str:
    if not (context.own and any(denial.code == "level.may_not_start" for denial in refused)):
        return ""
    return context.links.request(kind="level", level=Level.USER)


def _choose_account(
    policy: Policy,
    questions: Mapping[str, Question],
    wish: Options,
    used: tuple[str, ...],
    subject: Subject,
) -> ChosenAccount:
    if wish.account in questions:
        return ChosenAccount(wish.account, "")
    if (chosen := choose_account(policy, subject, used)).name:
        return chosen
    fitting = (name for name, question in questions.items() if list_fitting(question))
    return ChosenAccount(next(fitting, next(iter(questions), "")), "")


def _account_title(policy: Policy, account: str) -> str:
    return policy.groups[account].title or account if account else ""


def _list_accounts(
    context: PageContext, questions: Mapping[str, Question]
) -> tuple[AccountChoice, ...]:
    if len(questions) < 2:  # there is nothing to choose
        return ()
    return tuple(
        AccountChoice(
            name,
            _account_title(context.policy, name),
            context.links.link(account=name),
            len(list_fitting(question)),
            name == context.account,
        )
        for name, question in questions.items()
    )


def _build_cards(
    context: PageContext,
    question: Question,
    wish: Options,
    last: Options,
    later: Mapping[str, Later],
) -> tuple[TierCard, ...]:
    known = Options(wish.tier, context.account, wish.image or last.image, size=wish.size)
    if wish.tier in {"", last.tier} and not wish.size:
        known = replace(known, size=last.size)
    built = (
        build_card(context, question, sizes, known, last.tier, later)
        for sizes in list_tiers(question)
    )
    cards = tuple(card for card in built if card is not None)
    return _preselect(cards, wish.tier, (last.tier, context.policy.defaults.tier))


def _preselect(
    cards: tuple[TierCard, ...], wished: str, otherwise: tuple[str, ...]
) -> tuple[TierCard, ...]:
    """Check one card: the requested one, or else the last choice, the default, the first that fits.

    If the requested one does not fit, all stay unchecked: no user starts by accident what they did
    not ask for.
    """
    usable = [card.name for card in cards if card.may_start]
    if wished in {card.name for card in cards}:
        chosen = wished
    else:
        chosen = next((name for name in otherwise if name in usable), next(iter(usable), ""))
    return tuple(replace(card, checked=card.name == chosen and card.may_start) for card in cards)


def _say_answer(context: PageContext, question: Question, cards: tuple[TierCard, ...]) -> str:
    holding = say_holding(context.user, context.book, [question], own=context.own)
    fitting = [card.title for card in cards if card.may_start]
    return say_answer(holding, fitting) if cards else holding


def _list_futures(
    policy: Policy, subject: Subject, account: str, now: datetime
) -> tuple[tuple[datetime, Grant], ...]:
    """Return the first later grants that concern this user in this account."""
    concern = []
    for grant in policy.grants:
        for_person = grant.user == subject.name and grant.account in {"", account}
        for_account = grant.group != "" and grant.group == account
        if grant.starts is not None and grant.starts > now and (for_person or for_account):
            concern.append((grant.starts, grant))
    return tuple(sorted(concern, key=lambda each: each[0])[:_MAX_FUTURES])


def _find_later(question: Question, futures: list[tuple[Grant, Question]]) -> Mapping[str, Later]:
    """Return tiers that do not fit now but will when a grant begins, with today's holdings."""
    found: dict[str, Later] = {}
    for grant, future in futures:
        for now, then in zip(question.candidates, future.candidates, strict=True):
            if now.name in found or decide_tier(question, now).admitted:
                continue
            if decide_tier(future, then).admitted:
                found[now.name] = Later(future.at, grant.by, grant.reason)
    return found
