"""The commands of the objects, each by its name."""

from typing import Final

from jupyterhub_platform.cli.hub.invite import invite
from jupyterhub_platform.cli.hub.suspend import resume, suspend
from jupyterhub_platform.cli.objects.command import make_noun
from jupyterhub_platform.core.managed import Kind

user: Final = make_noun(Kind.USER)
group: Final = make_noun(Kind.GROUP)
tier: Final = make_noun(Kind.TIER)
image: Final = make_noun(Kind.IMAGE)
grant: Final = make_noun(Kind.GRANT)

for _each in (invite, suspend, resume):
    user.add_command(_each)
