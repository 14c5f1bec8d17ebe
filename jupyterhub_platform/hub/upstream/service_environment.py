"""Keeps services' environments out of the Hub's database: they hold secrets.

JupyterHub writes each service's environment to its database, in plain text. It reads it back only
for services that were made through its API, which have no process to give it to.

Upstream: jupyterhub 6.1
Issue: not reported
Ends when: ``Service.environment`` is not stored.
"""

from jupyterhub.services.service import Service


def keep_environments_out_of_database() -> None:
    """Have services' environments stay in this process; calling it again is harmless."""
    Service.class_traits()["environment"].tag(in_db=False)
