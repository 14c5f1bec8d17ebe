# The whole configuration of a Hub with the platform. What a site sets itself goes above the call.
from jupyterhub_platform.hub.configure import configure

configure(c)
