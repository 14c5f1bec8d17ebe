"""What is wrong with the Hub's policy file and store: asked in the name of the viewer."""

from http import HTTPStatus

from jupyterhub_platform.service.errors import RefusalError
from jupyterhub_platform.service.hub_api import read_hub
from jupyterhub_platform.usecases.troubles import UNANSWERED, Trouble, find_troubles


async def read_troubles(api_url: str, token: str) -> tuple[Trouble, ...]:
    """Return what is wrong; a Hub that does not answer in time is a trouble as well."""
    try:
        return find_troubles(await read_hub(api_url, token, "health"))
    except RefusalError as refusal:
        return (UNANSWERED,) if refusal.status_code == HTTPStatus.SERVICE_UNAVAILABLE else ()
    except (KeyError, TypeError, ValueError):
        return (UNANSWERED,)
