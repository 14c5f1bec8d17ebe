"""What the Hub says about its own settings: asked in the name of whoever looks at the page."""

from jupyterhub_platform.service.errors import RefusalError
from jupyterhub_platform.service.hub_api import read_hub


async def read_weakened(api_url: str, token: str) -> tuple[str, ...]:
    """Return a sentence for each setting that the site made weaker; none if the Hub says nothing.

    The page is worth showing without them: the Hub has said the same in its log.
    """
    try:
        found = (await read_hub(api_url, token, "settings"))["weakened"]
        return tuple(str(each["sentence"]) for each in found)
    except (RefusalError, KeyError, TypeError):
        return ()
