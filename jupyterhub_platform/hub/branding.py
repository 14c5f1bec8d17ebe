"""The look of all pages: a name, a logo, colours and help links, served by the Hub."""

from typing import Final

from jupyterhub.app import JupyterHub
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.static import LogoHandler
from tornado import web

from jupyterhub_platform.core.branding import Branding, name_of_pages, read_links, render_css
from jupyterhub_platform.hub.configuration.logo import Logo
from jupyterhub_platform.hub.platform import SETTINGS_KEY, Platform, platform_of

PICTURE_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
"""A picture may have scripts and links in it: opened by itself, it can run and reach nothing."""
_SECONDS: Final = 300


def find_branding(_user: object = None) -> Branding:
    """Return the look of this Hub's pages, for its templates."""
    app = JupyterHub.instance() if JupyterHub.initialized() else None
    platform = app.tornado_settings.get(SETTINGS_KEY) if app else None
    return branding_of(platform) if isinstance(platform, Platform) else Branding()


def branding_of(platform: Platform) -> Branding:
    """Return how pages look now; their name may be that of the policy in force."""
    return Branding(
        platform.site_name or name_of_pages(platform.snapshot.policy.name),
        platform.accent_color,
        platform.accent_color_dark,
        read_links(platform.help_links),
        platform.logos[1] is not None,
    )


class PlatformLogo(LogoHandler):  # type: ignore[misc]
    """The logo of the site, or of JupyterHub, as a picture that can do nothing else."""

    def initialize(self) -> None:
        """Take the Hub's own setting, where the platform has none."""
        super().initialize(platform_of(self.settings).app.logo_file)

    def set_default_headers(self) -> None:
        """Keep scripts in a picture from running where it is opened by itself."""
        super().set_default_headers()
        self.set_header("Content-Security-Policy", PICTURE_POLICY)
        self.set_header("X-Content-Type-Options", "nosniff")

    async def get(self) -> None:
        """Send the picture."""
        logo = self._find()
        if logo is None:
            await super().get()
            return
        self.set_header("Content-Type", logo.media_type)
        self.set_header("Cache-Control", f"max-age={_SECONDS}")
        self.finish(logo.content)

    async def head(self) -> None:
        """Send what comes before the picture."""
        if self._find() is None:
            await super().head()
        else:
            await self.get()

    def compute_etag(self) -> str | None:
        """Tell one picture from another by its content; a stock one by its file."""
        if self._find() is None:
            return str(super().compute_etag())
        return web.RequestHandler.compute_etag(self)

    def _find(self) -> Logo | None:
        return platform_of(self.settings).logos[0]


class PlatformDarkLogo(PlatformLogo):
    """The logo for dark pages."""

    def _find(self) -> Logo | None:
        logo: Logo | None = platform_of(self.settings).logos[1]
        if logo is None:
            raise web.HTTPError(404)
        return logo


class BrandingStyle(BaseHandler):  # type: ignore[misc]
    """The style sheet with the colours of the site; the same for everybody."""

    def get(self) -> None:
        """Send the style sheet."""
        self.set_header("Content-Type", "text/css; charset=UTF-8")
        self.set_header("Cache-Control", f"max-age={_SECONDS}")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.finish(render_css(branding_of(platform_of(self.settings))))

    head = get
